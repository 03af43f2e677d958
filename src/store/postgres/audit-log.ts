import type { Actor, StaffActor } from '../../domain/actor.ts';
import { type AuditQuestion, type AuditRecord, TENANT_AUDIT_NOUNS, TENANT_KEY_ROLE } from '../../domain/audit.ts';
import { TENANT_ROLES } from '../../domain/roles.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

export interface AuditFilter {
  readonly tenantId?: TenantId;
  /** Only records older than this one; for paging. */
  readonly beforeSeq?: number;
  readonly limit: number;
}

const ALL_TIME = { from: 0, to: Date.UTC(2100, 0) } as const;
const COLUMNS = `seq::float8 as seq, ${unixMs('at')} as at, subject, role, tenant_id as "tenantId", action, resource,
  before, after, request_id as "requestId"`;

/** What was done by whom. Repositories append in their own transactions; `append` is for what no table holds. */
export class AuditLog {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async append(actor: StaffActor, entry: AuditEntry): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, (transaction) => transaction.audit(entry));
  }

  /** Newest first. */
  async list(actor: StaffActor, filter: AuditFilter): Promise<readonly AuditRecord[]> {
    return this.find(actor, { ...filter, window: ALL_TIME });
  }

  /**
   * Newest first. People of a tenant get the records of that tenant alone, by the database's own rule, and of those only
   * the ones in `TENANT_AUDIT_NOUNS`.
   * @throws like `Postgres.inReadTransaction`
   */
  async find(actor: Actor, question: AuditQuestion): Promise<readonly AuditRecord[]> {
    const { window, tenantId, search, beforeSeq, limit } = question;
    // What a reader is not shown may not be asked about either: the answer would tell.
    const named = `($8::text[] is null or role in (${[...TENANT_ROLES, TENANT_KEY_ROLE].map((role) => `'${role}'`).join(', ')}))`;
    const nouns = actor.kind === 'staff' || actor.kind === 'system' ? null : [...TENANT_AUDIT_NOUNS];
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<AuditRecord>(
        `select ${COLUMNS} from tenantry.audit_log
         where ($1::text is null or tenant_id = $1) and ($2::bigint is null or seq < $2)
           and at >= ${fromUnixMs('$3')} and at < ${fromUnixMs('$4')}
           and ($5::text is null or (subject = $5 and ${named}))
           and ($6::text is null or action = $6 or split_part(action, '.', 1) = $6)
           and ($7::text is null or strpos(lower(concat_ws(' ', action, resource, tenant_id, request_id,
                 case when ${named} then concat_ws(' ', subject, before::text, after::text) end)), lower($7)) > 0)
           and ($8::text[] is null or split_part(action, '.', 1) = any($8))
         order by seq desc limit $9`,
        [
          ...[tenantId ?? null, beforeSeq ?? null, window.from, window.to],
          ...[question.actor ?? null, question.action ?? null, search ?? null, nouns, limit],
        ],
      ),
    );
  }
}
