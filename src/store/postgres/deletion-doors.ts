import { type DeletionJob, ERASER, lockJob, refusalError } from './deletion-jobs.ts';
import type { Postgres } from './postgres.ts';
import { nextRevision } from './revisions.ts';

const PART_OF_IT = 'part of a deletion, whose beginning and end are audited';

/** Ends every key of the tenant: ingest and everybody else refuse them within seconds. And enters it among the deleted. */
export async function closeDoors(
  postgres: Postgres,
  job: DeletionJob,
  key: { readonly id: string; readonly pseudonym: string },
): Promise<void> {
  await postgres.inStaffTransaction(ERASER, async (transaction) => {
    transaction.unaudited(PART_OF_IT);
    await nextRevision(transaction, 'keys');
    if ((await lockJob(transaction, job))?.state !== 'running') throw refusalError('not-in-this-state');
    await transaction.query(
      `update tenantry.keys set revoked_at = clock_timestamp(), revoked_by = $2
       where tenant_id = $1 and revoked_at is null`,
      [job.tenantId, ERASER.subject],
    );
    // Already now, so that other servers forget the tenant before the last step.
    await transaction.query(
      `insert into tenantry.deleted_tenants (pseudonym, key_id, certificate_id) values ($1, $2, $3)
       on conflict (pseudonym) do update set certificate_id = excluded.certificate_id, since = clock_timestamp()`,
      [key.pseudonym, key.id, job.requestId],
    );
  });
}

/** Tells every server and app that the tenant's flags are over, so that none keeps them in memory. */
export async function liftFlags(postgres: Postgres, job: DeletionJob): Promise<void> {
  await postgres.inStaffTransaction(ERASER, async (transaction) => {
    transaction.unaudited(PART_OF_IT);
    const revision = await nextRevision(transaction, 'flags');
    if ((await lockJob(transaction, job))?.state !== 'running') throw refusalError('not-in-this-state');
    await transaction.query(
      `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = $2, lifted_revision = $3
       where tenant_id = $1 and lifted_at is null`,
      [job.tenantId, ERASER.subject, revision],
    );
  });
}
