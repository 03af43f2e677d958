import type { CertificateBody, DeletionProof, PlaceRows } from '../../domain/deletion-certificate.ts';
import { TenantryError } from '../../domain/errors.ts';
import { CERTIFY_ACTION } from './audit-erasure.ts';
import { eraseAuditWords } from './deletion-audit.ts';
import type { DeletionRow } from './deletion-columns.ts';
import { type DeletionJob, ERASER, lockJob, refusalError } from './deletion-jobs.ts';
import { takeNamesOut } from './deletion-names.ts';
import { countRows, deleteWhatWasFor, keepLedgers, tablesToEmpty } from './deletion-rows.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';
import type { StaffTransaction } from './transaction.ts';

/** What the control plane can say about a deletion when its last row is gone. */
export interface FinishedFacts {
  readonly request: DeletionRow;
  readonly deleted: readonly PlaceRows[];
  readonly kept: readonly PlaceRows[];
  readonly takenOut: readonly PlaceRows[];
  /** `table.column` -> rows that hold the same text as a name of something else. */
  readonly left: readonly PlaceRows[];
  readonly audit: CertificateBody['audit'];
  readonly proofs: readonly DeletionProof[];
}

export interface SignedCertificate {
  readonly text: string;
  readonly sha256: string;
  readonly signature: string;
  readonly publicKey: string;
}

export interface FinishOptions {
  readonly pseudonym: string;
  readonly keyId: string;
  /** Unix ms. */
  readonly now: number;
  readonly certify: (facts: FinishedFacts) => SignedCertificate;
}

const places = (rows: Readonly<Record<string, number>>): PlaceRows[] =>
  Object.entries(rows)
    .filter(([, count]) => count > 0)
    .map(([table, count]) => ({ place: `postgres.${table}`, rows: count }));

/**
 * The last step, whole or not at all: what is left of the tenant goes, the job with it, and the certificate is there.
 * @throws TenantryError CONFLICT under a legal hold; INTERNAL when a row of the tenant is left, and then nothing is done
 */
export async function finishDeletion(postgres: Postgres, job: DeletionJob, options: FinishOptions): Promise<void> {
  await postgres.inStaffTransaction(ERASER, async (transaction) => {
    // The streams first, then the tenant, in the order in which everybody takes them.
    await nextRevision(transaction, 'flags');
    await nextRevision(transaction, 'keys');
    const request = await lockJob(transaction, job);
    if (request?.state !== 'running') throw refusalError('not-in-this-state');
    const held = await transaction.query('select from tenantry.legal_holds where tenant_id = $1', [job.tenantId]);
    if (held.length > 0) throw refusalError('legal-hold');
    const facts = await empty(transaction, request, options);
    const certificate = options.certify(facts);
    await transaction.query(
      `insert into tenantry.deletion_certificates (certificate_id, pseudonym, issued_at, body, sha256, signature, public_key)
       values ($1, $2, to_timestamp($3::float8 / 1000), $4, $5, $6, $7)`,
      [
        ...[job.requestId, options.pseudonym, options.now, certificate.text, certificate.sha256],
        ...[certificate.signature, certificate.publicKey],
      ],
    );
    await transaction.audit({
      action: CERTIFY_ACTION,
      resource: `deletion-certificate/${job.requestId}`,
      after: { certificate_id: job.requestId, sha256: certificate.sha256, audit: facts.audit },
    });
  });
}

async function empty(
  transaction: StaffTransaction,
  request: DeletionRow,
  { pseudonym, keyId }: FinishOptions,
): Promise<FinishedFacts> {
  const { requestId, tenantId } = request;
  const deleted: Record<string, number> = {};
  for (const { table } of await tablesToEmpty(transaction)) {
    const [row] = await transaction.query<{ rows: number }>(
      `with gone as (delete from tenantry.${table} where tenant_id = $1 returning 1) select count(*)::float8 as rows from gone`,
      [tenantId],
    );
    deleted[table] = row?.rows ?? 0;
  }
  Object.assign(deleted, await deleteWhatWasFor(transaction, tenantId));
  const kept = await keepLedgers(transaction, tenantId, pseudonym);
  for (const table of ['tenant_states', 'deletion_requests', 'tenants']) {
    const [row] = await transaction.query<{ rows: number }>(
      `with gone as (delete from tenantry.${table} where tenant_id = $1 returning 1) select count(*)::float8 as rows from gone`,
      [tenantId],
    );
    deleted[table] = row?.rows ?? 0;
  }
  const { takenOut, left } = await takeNamesOut(transaction, tenantId, pseudonym);
  const audit = await eraseAuditWords(transaction, tenantId, { certificateId: requestId, pseudonym });
  await transaction.query(
    `insert into tenantry.deleted_tenants (pseudonym, key_id, certificate_id) values ($1, $2, $3)
     on conflict (pseudonym) do update set certificate_id = excluded.certificate_id, since = clock_timestamp()`,
    [pseudonym, keyId, requestId],
  );
  const proofs = (await countRows(transaction, tenantId)).map(
    ({ table, query, rows }): DeletionProof => ({ place: `postgres.${table}`, query, result: rows }),
  );
  const remaining = proofs.find(({ result }) => result > 0);
  if (remaining !== undefined) {
    throw new TenantryError('INTERNAL', `Rows of the tenant are left in ${remaining.place}`, {
      hint: 'Nothing of this step was done. It is tried again.',
    });
  }
  return {
    ...{ request, audit, proofs },
    ...{ deleted: places(deleted), kept: places(kept), takenOut: places(takenOut), left: places(left) },
  };
}
