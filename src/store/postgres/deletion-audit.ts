/**
 * Takes a tenant's words out of the audit log. What stays of a record of its own: when, in which role, what kind of act,
 * and the operator's people by name. The links of the chain stay as they are (migration 0032 says why and how the chain
 * is still proven).
 */
import { createHash } from 'node:crypto';
import { jsonWithoutTenant, namesTenant, withoutTenant } from '../../domain/deletion-mentions.ts';
import { isTenantRole } from '../../domain/roles.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { AUDIT_FIELDS, erasureDigest, recordDigest } from './audit-erasure.ts';
import type { Transaction } from './transaction.ts';

const ROWS_AT_ONCE = 500;
const ERASED = 'erased';

interface Found {
  readonly position: number;
  readonly seq: string;
  readonly isOwn: boolean;
  readonly role: string;
  readonly subject: string;
  readonly resource: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly requestId: string | null;
}

export interface ErasedRecords {
  readonly records: number;
  /** Hex; of all records of this deletion, in the order of the chain. */
  readonly digest: string;
}

/** @returns what the certificate says of it; run it in the transaction that ends the deletion */
export async function eraseAuditWords(
  transaction: Transaction,
  tenantId: TenantId,
  { certificateId, pseudonym }: { readonly certificateId: string; readonly pseudonym: string },
): Promise<ErasedRecords> {
  for (let after = 0; ; ) {
    const rows = await transaction.query<Found>(
      `select c.position::float8 as position, l.seq::text as seq, l.tenant_id is not distinct from $1 as "isOwn", l.role,
              l.subject, l.resource, l.before::text as before, l.after::text as after, l.request_id as "requestId"
       from tenantry.audit_log l join tenantry.audit_chain c on c.seq = l.seq
       where c.position > $2 and (l.tenant_id = $1
         or strpos(concat_ws(' ', l.subject, l.resource, l.before::text, l.after::text), $1) > 0)
       order by c.position limit ${ROWS_AT_ONCE}`,
      [tenantId, after],
    );
    for (const row of rows) await eraseWords(transaction, row, tenantId, { certificateId, pseudonym });
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) break;
    after = last.position;
  }
  const erased = await transaction.query<{ position: number; digest: string }>(
    `select position::float8 as position, encode(digest, 'hex') as digest from tenantry.audit_erasures
     where certificate_id = $1 order by position`,
    [certificateId],
  );
  return { records: erased.length, digest: erasureDigest(erased) };
}

async function eraseWords(
  transaction: Transaction,
  row: Found,
  tenantId: TenantId,
  { certificateId, pseudonym }: { readonly certificateId: string; readonly pseudonym: string },
): Promise<void> {
  const { position, seq, isOwn } = row;
  const words = [row.subject, row.resource, row.before ?? '', row.after ?? ''];
  if (!isOwn && !words.some((text) => namesTenant(text, tenantId))) return;
  const json = (text: string | null) => (text === null || isOwn ? null : jsonWithoutTenant(text, tenantId, pseudonym));
  // Before the change: the log's trigger lets no record be changed that is not accounted for.
  await transaction.query(
    `insert into tenantry.audit_erasures (position, certificate_id, digest) values ($1, $2, $3)
     on conflict (position, certificate_id) do nothing`,
    [position, certificateId, createHash('sha256').digest()],
  );
  const [left] = await transaction.query<{ fields: readonly (string | null)[] }>(
    `update tenantry.audit_log l
     set tenant_id = case when $2 then $3 else l.tenant_id end, subject = $4, resource = $5, before = $6::jsonb,
         after = $7::jsonb, request_id = case when $2 then null else l.request_id end
     where l.seq = $1::bigint returning ${AUDIT_FIELDS} as fields`,
    [
      ...[seq, isOwn, pseudonym],
      isOwn && isTenantRole(row.role) ? ERASED : withoutTenant(row.subject, tenantId),
      ...[resourceOf(row, tenantId), json(row.before), json(row.after)],
    ],
  );
  await transaction.query(
    `update tenantry.audit_erasures set digest = decode($3, 'hex') where position = $1 and certificate_id = $2`,
    [position, certificateId, recordDigest(left?.fields ?? [])],
  );
}

/** Resources of a tenant's own records may name people: what remains is what kind of thing it was. */
function resourceOf({ isOwn, resource }: Found, tenantId: TenantId): string {
  if (!isOwn) return withoutTenant(resource, tenantId);
  const [kind = '', id = ''] = resource.split('/');
  return /^[0-9a-f-]{36}$/.test(id) ? `${kind}/${id}` : `${kind}/${ERASED}`;
}
