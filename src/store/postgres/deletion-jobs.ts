import type { StaffActor } from '../../domain/actor.ts';
import {
  type DeletionEvent,
  type DeletionRefusal,
  type DeletionRequest,
  type DeletionStep,
  deletionRetryMs,
  deletionVerdict,
  MOST_DELETION_FAILURES,
} from '../../domain/deletion.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { DELETION_COLUMNS, type DeletionRow } from './deletion-columns.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

export const ERASER: StaffActor = { kind: 'system', subject: 'deletions' };
const OWN_PROGRESS = 'how far a deletion is; its beginning, failure and end are audited';

/** A request that is being carried out. */
export interface DeletionJob {
  readonly requestId: string;
  readonly tenantId: TenantId;
}

const REFUSALS: Readonly<Record<DeletionRefusal, { readonly detail: string; readonly hint: string }>> = {
  'not-in-this-state': {
    detail: 'The request is not in a state in which that can be done.',
    hint: 'GET /v1/deletion-requests tells its state and what comes next.',
  },
  'too-early': {
    detail: 'The waiting period is not over: the tenant can still think again.',
    hint: 'The request tells from when on it can be carried out.',
  },
  'too-late': {
    detail: 'The waiting period is over: the deletion may be under way.',
    hint: 'Ask the operator, who can still stop what has not been deleted.',
  },
  'legal-hold': {
    detail: 'The data of this tenant must be kept at present: there is a legal hold.',
    hint: 'GET /v1/legal-holds tells why. Once it is released, the deletion goes on.',
  },
  'operators-only': { detail: 'Only the operator carries a deletion out.', hint: 'Ask the operator.' },
};

export function refusalError(refusal: DeletionRefusal): TenantryError {
  const { detail, hint } = REFUSALS[refusal];
  return new TenantryError('CONFLICT', detail, { hint });
}

/** The job that a request becomes: one row, from which any server goes on. */
export class DeletionJobs {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Requests that are due at `now` (Unix ms): to be begun, if `automatic`, and to go on with. The oldest first. */
  async due(now: number, automatic: boolean): Promise<readonly (DeletionJob & { readonly begun: boolean })[]> {
    return this.#postgres.inStaffTransaction(ERASER, (transaction) =>
      transaction.query(
        `select request_id as "requestId", tenant_id as "tenantId", state = 'running' as begun
         from tenantry.deletion_requests d
         where (state = 'running' and (next_try_at is null or next_try_at <= ${fromUnixMs('$1')})
             or $2 and state = 'requested' and not_before <= ${fromUnixMs('$1')})
           and not exists (select from tenantry.legal_holds h where h.tenant_id = d.tenant_id)
         order by not_before, request_id limit 20`,
        [now, automatic],
      ),
    );
  }

  /** Undefined if there is none with this id: it is done, or never was. */
  async find({ requestId, tenantId }: DeletionJob): Promise<DeletionRow | undefined> {
    return this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      const [row] = await transaction.query<DeletionRow>(
        `select ${DELETION_COLUMNS} from tenantry.deletion_requests where tenant_id = $1 and request_id = $2`,
        [tenantId, requestId],
      );
      return row;
    });
  }

  /**
   * Begins a request that is due, or one that failed anew. Undefined if the tenant has none with this id.
   * @throws TenantryError CONFLICT too early, under a legal hold, or in another state
   */
  async begin(
    actor: StaffActor,
    job: DeletionJob,
    event: 'begin' | 'retry',
    now: number,
  ): Promise<DeletionRow | undefined> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const row = await lockJob(transaction, job);
      if (row === undefined) {
        transaction.unaudited('there is nothing to begin');
        return undefined;
      }
      await assertMay(transaction, row, event, now);
      const step: DeletionStep = event === 'begin' ? 'close' : (row.step ?? 'close');
      const [begun] = await transaction.query<DeletionRow>(
        `update tenantry.deletion_requests
         set state = 'running', step = $3, started_at = coalesce(started_at, ${fromUnixMs('$4')}),
             started_by = coalesce(started_by, $5), failures = 0, failure = null, next_try_at = null, waits_for = null
         where tenant_id = $1 and request_id = $2 returning ${DELETION_COLUMNS}`,
        [job.tenantId, job.requestId, step, now, actor.kind === 'system' ? 'schedule' : 'operator'],
      );
      await transaction.audit({
        ...{ action: `deletion.${event}`, resource: `deletion-request/${job.requestId}`, tenantId: job.tenantId },
        ...{ before: { state: row.state }, after: { state: 'running', step } },
      });
      return begun;
    });
  }

  /**
   * Runs `work` while nothing can put a hold on the tenant, and notes what it did in the same transaction.
   * @throws TenantryError CONFLICT under a legal hold, or when the job is no longer running
   */
  async working<T>(job: DeletionJob, now: number, work: (transaction: StaffTransaction) => Promise<T>): Promise<T> {
    return this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      transaction.unaudited(OWN_PROGRESS);
      const row = await lockJob(transaction, job);
      if (row?.state !== 'running') throw refusalError('not-in-this-state');
      await assertMay(transaction, row, 'finish', now);
      return work(transaction);
    });
  }

  /** Takes the next step. */
  async advance(job: DeletionJob, step: DeletionStep): Promise<void> {
    await this.#set(job, 'step = $3, waits_for = null, failures = 0, failure = null, next_try_at = null', [step]);
  }

  /** The job waits for something that ends by itself, and looks again at `nextTryAt` (Unix ms). */
  async wait(job: DeletionJob, waitsFor: string, nextTryAt: number): Promise<void> {
    await this.#set(job, `waits_for = $3, next_try_at = ${fromUnixMs('$4')}`, [waitsFor.slice(0, 500), nextTryAt]);
  }

  /** A step failed: it is tried again, and after many failures a person has to look. */
  async fail(job: DeletionJob, failure: string, now: number): Promise<void> {
    await this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      transaction.unaudited(OWN_PROGRESS);
      const row = await lockJob(transaction, job);
      if (row?.state !== 'running') return;
      const failures = row.failures + 1;
      const isOver = failures >= MOST_DELETION_FAILURES;
      await transaction.query(
        `update tenantry.deletion_requests
         set failures = $3, failure = $4, next_try_at = ${fromUnixMs('$5')}, state = case when $6 then 'failed' else state end
         where tenant_id = $1 and request_id = $2`,
        [job.tenantId, job.requestId, failures, failure.slice(0, 500), now + deletionRetryMs(failures), isOver],
      );
      if (!isOver) return;
      await transaction.audit({
        ...{ action: 'deletion.fail', resource: `deletion-request/${job.requestId}`, tenantId: job.tenantId },
        after: { step: row.step, failure: failure.slice(0, 500) },
      });
    });
  }

  async #set({ tenantId, requestId }: DeletionJob, change: string, values: readonly unknown[]): Promise<void> {
    await this.#postgres.inStaffTransaction(ERASER, async (transaction) => {
      transaction.unaudited(OWN_PROGRESS);
      await transaction.query(
        `update tenantry.deletion_requests set ${change} where tenant_id = $1 and request_id = $2 and state = 'running'`,
        [tenantId, requestId, ...values],
      );
    });
  }
}

/** Adds rows to what a job has noted under a name. */
export async function noteRows(transaction: Transaction, job: DeletionJob, name: string, rows: number): Promise<void> {
  if (rows === 0) return;
  await transaction.query(
    `update tenantry.deletion_requests
     set progress = progress || jsonb_build_object($3::text, coalesce((progress ->> $3)::bigint, 0) + $4::bigint)
     where tenant_id = $1 and request_id = $2`,
    [job.tenantId, job.requestId, name, rows],
  );
}

/** The tenant's row first: whoever puts a hold on the tenant waits for it, or is waited for. */
export async function lockJob(transaction: Transaction, job: DeletionJob): Promise<DeletionRow | undefined> {
  await transaction.query('select from tenantry.tenants where tenant_id = $1 for update', [job.tenantId]);
  const [row] = await transaction.query<DeletionRow>(
    `select ${DELETION_COLUMNS} from tenantry.deletion_requests where tenant_id = $1 and request_id = $2 for update`,
    [job.tenantId, job.requestId],
  );
  return row;
}

async function assertMay(
  transaction: Transaction,
  row: Pick<DeletionRequest, 'tenantId' | 'state' | 'notBefore'>,
  event: DeletionEvent,
  now: number,
): Promise<void> {
  const held = await transaction.query('select from tenantry.legal_holds where tenant_id = $1', [row.tenantId]);
  const { state, notBefore } = row;
  const verdict = deletionVerdict({ state, event, now, notBefore, legalHold: held.length > 0, byTenant: false });
  if ('refusal' in verdict) throw refusalError(verdict.refusal);
}

/** Notes rows that are about to go, at least as many as were noted before: after a kill only some of them may be left. */
export async function noteAtLeast(
  transaction: Transaction,
  job: DeletionJob,
  name: string,
  rows: number,
): Promise<void> {
  await transaction.query(
    `update tenantry.deletion_requests
     set progress = progress || jsonb_build_object($3::text, greatest(coalesce((progress ->> $3)::bigint, 0), $4::bigint))
     where tenant_id = $1 and request_id = $2`,
    [job.tenantId, job.requestId, name, rows],
  );
}
