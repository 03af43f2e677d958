import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { Skipped, StorageProgress, StorageRun } from '../../domain/storage-target.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

const COLLECTOR: StaffActor = { kind: 'system', subject: 'storage-collector' };
const OWN_MEMORY = 'the memory of the storage collectors decides nothing by itself';
const COLUMNS = `id, target_id as "targetId", state, ${unixMs('started_at')} as "startedAt",
  ${unixMs('ended_at')} as "endedAt", attempts, ${unixMs('retry_at')} as "retryAt", progress, skipped, error`;
/** Of each target; older ones go when a new one begins. */
const RUNS_KEPT = 50;

/** Runs of the collectors, and what each has found so far. Has the shape of the collectors' `Checkpoint` by run. */
export class StorageRunStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The newest run of each target. */
  async newest(actor: StaffActor): Promise<readonly StorageRun[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<StorageRun>(
        `select distinct on (target_id) ${COLUMNS} from tenantry.storage_runs order by target_id, started_at desc`,
      ),
    );
  }

  /** The run that is under way, or a new one as of `now` (Unix ms). What was asked for before is answered by it. */
  async begin(targetId: string, now: number): Promise<StorageRun> {
    const run = await this.#postgres.inStaffTransaction(COLLECTOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      const [open] = await transaction.query<StorageRun>(
        `update tenantry.storage_runs set attempts = attempts + 1, retry_at = null
         where target_id = $1 and state = 'running' returning ${COLUMNS}`,
        [targetId],
      );
      if (open !== undefined) return open;
      await transaction.query(
        `delete from tenantry.storage_runs where target_id = $1 and id not in (
           select id from tenantry.storage_runs where target_id = $1 order by started_at desc limit $2)`,
        [targetId, RUNS_KEPT - 1],
      );
      const [begun] = await transaction.query<StorageRun>(
        `insert into tenantry.storage_runs (target_id, state, started_at) values ($1, 'running', ${fromUnixMs('$2')})
         returning ${COLUMNS}`,
        [targetId, now],
      );
      return begun;
    });
    if (run === undefined) throw new TenantryError('INTERNAL', 'The run just begun cannot be read');
    return run;
  }

  async load(runId: string, step: string): Promise<unknown> {
    const [row] = await this.#postgres.inStaffTransaction(COLLECTOR, (transaction) =>
      transaction.query<{ value: unknown }>(
        'select value from tenantry.storage_steps where run_id = $1 and step = $2',
        [runId, step],
      ),
    );
    return row?.value;
  }

  async save(runId: string, step: string, value: unknown): Promise<void> {
    await this.#write(
      `insert into tenantry.storage_steps (run_id, step, value) values ($1, $2, $3)
       on conflict (run_id, step) do update set value = excluded.value, saved_at = clock_timestamp()`,
      [runId, step, JSON.stringify(value)],
    );
  }

  async progress(runId: string, progress: StorageProgress): Promise<void> {
    await this.#write('update tenantry.storage_runs set progress = $2 where id = $1', [
      runId,
      JSON.stringify(progress),
    ]);
  }

  /** The run has ended well; what it found is elsewhere by now. */
  async end(run: StorageRun, progress: StorageProgress, skipped: readonly Skipped[]): Promise<void> {
    await this.#close(run, 'done', null, { progress: JSON.stringify(progress), skipped: JSON.stringify(skipped) });
  }

  /** The run is given up. */
  async fail(run: StorageRun, error: string): Promise<void> {
    await this.#close(run, 'failed', error, { progress: null, skipped: null });
  }

  /** The attempt failed; another one may go on from what is saved, not before `at` (Unix ms). */
  async retry(runId: string, error: string, at: number): Promise<void> {
    await this.#write(
      `update tenantry.storage_runs set error = $2, retry_at = ${fromUnixMs('$3')} where id = $1 and state = 'running'`,
      [runId, error, at],
    );
  }

  async #close(
    { id, targetId, startedAt }: StorageRun,
    state: 'done' | 'failed',
    error: string | null,
    figures: { readonly progress: string | null; readonly skipped: string | null },
  ): Promise<void> {
    await this.#postgres.inStaffTransaction(COLLECTOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      await transaction.query(
        `update tenantry.storage_runs set state = $2, ended_at = clock_timestamp(), error = $3, retry_at = null,
           progress = coalesce($4, progress), skipped = coalesce($5, skipped)
         where id = $1 and state = 'running'`,
        [id, state, error, figures.progress, figures.skipped],
      );
      await transaction.query('delete from tenantry.storage_steps where run_id = $1', [id]);
      // Who asked while it ran wants another one.
      await transaction.query(
        `update tenantry.storage_targets set asked_at = null where id = $1 and asked_at <= ${fromUnixMs('$2')}`,
        [targetId, startedAt],
      );
    });
  }

  async #write(text: string, values: readonly unknown[]): Promise<void> {
    await this.#postgres.inStaffTransaction(COLLECTOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      await transaction.query(text, values);
    });
  }
}
