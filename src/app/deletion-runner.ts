import type { Logger } from 'pino';
import { type DeletionStep, stepAfter } from '../domain/deletion.ts';
import type { DeletionProof } from '../domain/deletion-certificate.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { TelemetryEraser } from '../store/clickhouse/deletion.ts';
import type { DeletionRow } from '../store/postgres/deletion-columns.ts';
import { closeDoors, liftFlags } from '../store/postgres/deletion-doors.ts';
import { finishDeletion } from '../store/postgres/deletion-finish.ts';
import type { DeletionJob, DeletionJobs } from '../store/postgres/deletion-jobs.ts';
import { noteAtLeast, noteRows } from '../store/postgres/deletion-jobs.ts';
import { emptyTables } from '../store/postgres/deletion-rows.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { certificateOf } from './deletion-certify.ts';
import type { InstallationKey } from './deletion-key.ts';

/** Something outside both stores that may hold what is a tenant's. */
interface TenantHolder {
  /** `quarantine`: how the certificate calls it. */
  readonly place: string;
  /** Takes everything of the tenant out. @returns how many things */
  erase(tenantId: TenantId): Promise<number>;
}

export interface DeletionRunnerOptions {
  readonly postgres: Postgres;
  readonly jobs: DeletionJobs;
  readonly telemetry: TelemetryEraser;
  readonly key: InstallationKey;
  /** What still has to be loaded of what came until then (Unix ms), as a sentence; undefined: nothing. */
  readonly toLoad: (until: number) => Promise<string | undefined>;
  /** Files. */
  readonly holders: readonly TenantHolder[];
  /** What is remembered of tenants in processes, and written down from there; a sentence: it is still there. */
  readonly forget: (tenantId: TenantId) => Promise<string | undefined>;
  readonly version: string;
  readonly log: Logger;
  readonly now?: () => number;
  /** Until ingest has certainly heard that the tenant's keys are refused. */
  readonly heardMs?: number;
  /** Told of every point at which a kill must do no harm. */
  readonly atPoint?: (point: string) => void;
}

const HEARD_MS = 10 * SECOND_MS;
const LOOK_AGAIN_MS = 2 * SECOND_MS;
const CLEANUP_PATIENCE_MS = 5 * SECOND_MS;

/** `undefined`: done. Else what the job waits for. */
type StepOutcome = string | undefined;

/**
 * Carries a deletion out, step by step. Each step can be done over, and where the job stands is in its row, so that any
 * server goes on after a kill. Before everything that takes something away, the database is asked whether a legal hold
 * stands against it.
 */
export class DeletionRunner {
  readonly #options: DeletionRunnerOptions;
  readonly #now: () => number;

  constructor(options: DeletionRunnerOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Goes on with a job until it is done, waits for something, or fails; the last two are in its row.
   * @returns whether it is done
   */
  async run(job: DeletionJob): Promise<boolean> {
    const { jobs, log } = this.#options;
    try {
      for (let row = await jobs.find(job); row?.state === 'running' && row.step !== null; row = await jobs.find(job)) {
        await this.#assertNoHold(row);
        const waitsFor = await this.#step(row, row.step);
        if (waitsFor !== undefined) {
          await jobs.wait(job, waitsFor, this.#now() + LOOK_AGAIN_MS);
          return false;
        }
        const next = stepAfter(row.step);
        if (next === undefined) {
          log.warn({ deletion: job.requestId }, 'a tenant was deleted');
          return true;
        }
        await jobs.advance(job, next);
        this.#at(`before ${next}`);
      }
      return false;
    } catch (thrown) {
      const error = toError(thrown);
      if (isHold(thrown)) {
        await jobs.wait(job, error.message, this.#now() + MINUTE_MS);
        return false;
      }
      log.error({ deletion: job.requestId, err: error }, 'a step of a deletion failed, it is tried again');
      await jobs.fail(job, error.message, this.#now());
      return false;
    }
  }

  #step(row: DeletionRow, step: DeletionStep): Promise<StepOutcome> {
    switch (step) {
      case 'close':
        return this.#close(row);
      case 'drain':
        return this.#drain(row);
      case 'files':
        return this.#files(row);
      case 'telemetry':
        return this.#telemetry(row);
      case 'memory':
        return this.#memory(row);
      case 'control-plane':
        return this.#controlPlane(row);
    }
  }

  async #close(row: DeletionRow): Promise<StepOutcome> {
    const { postgres, key } = this.#options;
    await closeDoors(postgres, row, { id: key.id, pseudonym: key.pseudonym(row.tenantId) });
    this.#at('doors closed');
    return undefined;
  }

  async #drain(row: DeletionRow): Promise<StepOutcome> {
    const until = (row.startedAt ?? 0) + (this.#options.heardMs ?? HEARD_MS);
    if (this.#now() < until) return 'Ingest is being told that nothing more is taken from this tenant.';
    return this.#options.toLoad(until);
  }

  async #files(row: DeletionRow): Promise<StepOutcome> {
    const { jobs, holders } = this.#options;
    for (const { place, erase } of holders) {
      await this.#assertNoHold(row);
      const things = await erase(row.tenantId);
      this.#at(`${place} erased`);
      await jobs.working(row, this.#now(), (transaction) => noteRows(transaction, row, `deleted:${place}`, things));
    }
    return undefined;
  }

  async #telemetry(row: DeletionRow): Promise<StepOutcome> {
    const { telemetry } = this.#options;
    await this.#eraseTelemetry(row);
    const names = Object.keys((await this.#options.jobs.find(row))?.progress ?? {})
      .filter((name) => name.startsWith('deleted:clickhouse.'))
      .map((name) => name.slice('deleted:clickhouse.'.length));
    const replacedUntil = await telemetry.now();
    const until = this.#now() + CLEANUP_PATIENCE_MS;
    for (;;) {
      const { replacedParts, detachedParts } = await telemetry.leftovers(names, replacedUntil);
      if (detachedParts > 0) {
        return `${detachedParts} detached parts of tables of telemetry, which may hold rows of the tenant: somebody has to attach or drop them.`;
      }
      if (replacedParts === 0) return undefined;
      if (this.#now() > until) return `The engine's cleanup of ${replacedParts} parts that were replaced.`;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Counts first and writes that down: after a kill nobody could say any more how many rows there were. */
  async #eraseTelemetry(row: DeletionRow): Promise<void> {
    const { jobs, telemetry } = this.#options;
    for (const { table, rows } of await telemetry.count(row.tenantId)) {
      if (rows === 0) continue;
      await jobs.working(row, this.#now(), (transaction) =>
        noteAtLeast(transaction, row, `deleted:clickhouse.${table}`, rows),
      );
      this.#at(`${table} counted`);
      await telemetry.erase(row.tenantId, table);
      this.#at(`${table} erased`);
    }
  }

  async #memory(row: DeletionRow): Promise<StepOutcome> {
    await this.#assertNoHold(row);
    await liftFlags(this.#options.postgres, row);
    return this.#options.forget(row.tenantId);
  }

  async #controlPlane(row: DeletionRow): Promise<StepOutcome> {
    const { jobs, postgres, telemetry, key, version } = this.#options;
    await emptyTables(jobs, row, this.#now);
    this.#at('tables emptied');
    // What came late by keys of other tenants or of none.
    await this.#eraseTelemetry(row);
    const counts = await telemetry.count(row.tenantId);
    const late = counts.filter(({ rows }) => rows > 0);
    if (late.length > 0)
      return 'Telemetry of the tenant is still arriving: some app sends it under a key that is not bound to it.';
    const proofs = counts.map(
      ({ table, rows }): DeletionProof => ({
        ...{
          place: `clickhouse.${table}`,
          query: `SELECT count() FROM ${table} WHERE TenantId = {tenant}`,
          result: rows,
        },
      }),
    );
    const now = this.#now();
    await finishDeletion(postgres, row, {
      ...{ pseudonym: key.pseudonym(row.tenantId), keyId: key.id, now },
      certify: (facts) => certificateOf({ facts, telemetryProofs: proofs, key, now, version }),
    });
    this.#at('finished');
    return undefined;
  }

  async #assertNoHold(row: DeletionRow): Promise<void> {
    await this.#options.jobs.working(row, this.#now(), async () => undefined);
  }

  #at(point: string): void {
    this.#options.atPoint?.(point);
  }
}

function isHold(thrown: unknown): boolean {
  return thrown instanceof TenantryError && thrown.code === 'CONFLICT' && /legal hold/.test(thrown.message);
}
