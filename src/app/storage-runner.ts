import type { Logger } from 'pino';
import type { Checkpoint, Collected, Collector } from '../aggregate/collectors/checkpoint.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { HOLD_INTERVALS, LONGEST_HOLD_MS, type StorageGauge, type StoreKind } from '../domain/storage.ts';
import type { Skipped, StorageProgress, StorageRun, StorageTarget } from '../domain/storage-target.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';

/** What the runner needs of the stores. */
export interface RunnerStores {
  targets(actor: StaffActor): Promise<readonly StorageTarget[]>;
  newestRuns(actor: StaffActor): Promise<readonly StorageRun[]>;
  begin(targetId: string, now: number): Promise<StorageRun>;
  load(runId: string, step: string): Promise<unknown>;
  save(runId: string, step: string, value: unknown): Promise<void>;
  progress(runId: string, progress: StorageProgress): Promise<void>;
  end(run: StorageRun, progress: StorageProgress, skipped: readonly Skipped[]): Promise<void>;
  fail(run: StorageRun, error: string): Promise<void>;
  retry(runId: string, error: string, at: number): Promise<void>;
  /** Writes gauges once by token, after having marked their byte-hours as stale. */
  write(gauges: readonly StorageGauge[], token: string, at: number): Promise<void>;
  /** Who had anything in the store and its parts before `at`. */
  holders(
    store: string,
    at: number,
  ): Promise<readonly { readonly tenantId: TenantId; readonly store: string; readonly kind: StoreKind }[]>;
}

export interface RunnerOptions {
  readonly stores: RunnerStores;
  readonly collectorOf: (target: StorageTarget, run: StorageRun) => Promise<Collector>;
  readonly isLeader: () => Promise<boolean>;
  readonly log: Logger;
  /** Unix ms. */
  readonly now: () => number;
}

const RUNNER: StaffActor = { kind: 'system', subject: 'storage-collector' };
const AT_ONCE = 3;
const ATTEMPTS = 8;
const FIRST_RETRY_MS = 30 * SECOND_MS;
const LONGEST_RETRY_MS = 30 * MINUTE_MS;

/** Has each target measured in its turn, and goes on with runs that were cut short. */
export class StorageRunner {
  readonly #options: RunnerOptions;
  readonly #active = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Begins what is due, and does not wait for its end. */
  async tick(): Promise<void> {
    const { stores, isLeader, now } = this.#options;
    if (!(await isLeader())) return;
    const runs = new Map((await stores.newestRuns(RUNNER)).map((run) => [run.targetId, run]));
    for (const target of await stores.targets(RUNNER)) {
      if (this.#active.size >= AT_ONCE || this.#stopping.signal.aborted) return;
      if (this.#active.has(target.id) || !isDue(target, runs.get(target.id), now())) continue;
      const work = this.#run(target).finally(() => this.#active.delete(target.id));
      this.#active.set(target.id, work);
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#active.size > 0) await Promise.all(this.#active.values());
  }

  /** Cuts short what runs; the next start goes on with it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.idle();
  }

  async #run(target: StorageTarget): Promise<void> {
    const { stores, log, now, collectorOf } = this.#options;
    let run: StorageRun | undefined;
    try {
      run = await stores.begin(target.id, now());
      const collector = await collectorOf(target, run);
      const collected = await collector.collect(checkpointOf(stores, run.id), this.#stopping.signal);
      await this.#write(target, run, collected);
      await stores.end(run, collected.progress, collected.skipped);
      log.info({ target: target.name, ...collected.progress }, 'storage measured');
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const told =
        error instanceof TenantryError ? error.message : 'The run failed for an unforeseen reason; see the log.';
      log.warn({ err: error, target: target.name }, 'storage not measured');
      if (run !== undefined) await this.#giveUpOrRetry(run, told).catch((err: unknown) => log.error({ err }));
    }
  }

  async #giveUpOrRetry(run: StorageRun, told: string): Promise<void> {
    const { stores, now } = this.#options;
    if (run.attempts >= ATTEMPTS) return stores.fail(run, told);
    return stores.retry(run.id, told, now() + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (run.attempts - 1)));
  }

  /** The same rows however often it is done for one run: its gauges are of the moment when it began. */
  async #write(target: StorageTarget, run: StorageRun, { sizes }: Collected): Promise<void> {
    const { stores } = this.#options;
    const common = { at: run.startedAt, holdMs: holdMsOf(target) };
    const gauges = sizes.map(({ part, ...size }): StorageGauge => {
      return { ...size, ...common, store: part === undefined ? target.name : `${target.name}:${part}` };
    });
    const present = new Set(gauges.map(({ tenantId, store }) => `${store} ${tenantId}`));
    // Who is not found any more has nothing; silence would leave the last value standing.
    const gone = (await stores.holders(target.name, run.startedAt))
      .filter(({ tenantId, store }) => !present.has(`${store} ${tenantId}`))
      .map((holder): StorageGauge => {
        return { ...holder, ...common, bytes: 0n, errorBytes: 0n, objects: 0n, method: 'not found any more' };
      });
    await stores.write([...gauges, ...gone], `storage-run-${run.id}`, run.startedAt);
  }
}

function checkpointOf(stores: RunnerStores, runId: string): Checkpoint {
  return {
    load: (step) => stores.load(runId, step),
    save: (step, value) => stores.save(runId, step, value),
    progress: (progress) => stores.progress(runId, progress),
  };
}

function holdMsOf({ intervalSeconds }: StorageTarget): number {
  return Math.min(LONGEST_HOLD_MS, HOLD_INTERVALS * intervalSeconds * SECOND_MS);
}

function isDue({ intervalSeconds, askedAt }: StorageTarget, run: StorageRun | undefined, now: number): boolean {
  if (run === undefined || askedAt !== null) return run?.state !== 'running' || (run.retryAt ?? 0) <= now;
  if (run.state === 'running') return run.retryAt === null || run.retryAt <= now;
  return now >= run.startedAt + intervalSeconds * SECOND_MS;
}
