import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { readStorage, readStorageHolders, storageUsageSource } from '../aggregate/storage-reader.ts';
import type { UsageSource } from '../aggregate/usage-source.ts';
import type { StorageDesk } from '../api/storage-ports.ts';
import type { Config } from '../config/config.ts';
import { readSecret } from '../config/secret-ref.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { StorageGauge } from '../domain/storage.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { StorageGauges } from '../store/clickhouse/storage-gauges.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { StorageRunStore } from '../store/postgres/storage-run-store.ts';
import { StorageStaleMark } from '../store/postgres/storage-stale-mark.ts';
import { StorageTargetStore } from '../store/postgres/storage-target-store.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { PostgresLeadership } from './leadership.ts';
import { runEvery } from './schedule.ts';
import { collectorOf } from './storage-collectors.ts';
import { type RunnerStores, StorageRunner } from './storage-runner.ts';

export interface StorageOptions {
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly directory: Pick<TenantDirectory, 'list'>;
  readonly config: Pick<Config, 'TENANTRY_SECRETS_DIR'>;
  readonly log: Logger;
  /** Unix ms. */
  readonly now?: () => number;
  /** How often it looks what is due. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 10 * SECOND_MS;
const RECOUNT_EVERY_MS = MINUTE_MS;
const TENANTS_A_PAGE = 1_000;
const DESK: StaffActor = { kind: 'system', subject: 'storage-push' };

/** Everything about what tenants store: what measures it, what counts byte-hours, and the desk where people ask. */
export function startStorage(options: StorageOptions): {
  readonly desk: StorageDesk;
  readonly usage: UsageSource;
  stop(): Promise<void>;
} {
  const { clickhouse, postgres, postgresUrl, log, now = Date.now, lookEveryMs = LOOK_EVERY_MS } = options;
  const gauges = new StorageGauges(clickhouse);
  const targets = new StorageTargetStore(postgres);
  const runs = new StorageRunStore(postgres);
  const stale = new StorageStaleMark(postgres);
  // Two, as each is asked by one schedule: asked by both at once, one would take the other's lock for somebody else's.
  const collecting = new PostgresLeadership(postgresUrl, 'storage');
  const counting = new PostgresLeadership(postgresUrl, 'storage-byte-hours');
  const write = writer(gauges, stale);
  const recount = async () => {
    if (await counting.isLeader()) await recountStale(gauges, stale, now());
  };
  const stores: RunnerStores = {
    targets: (actor) => targets.list(actor),
    newestRuns: (actor) => runs.newest(actor),
    begin: (targetId, at) => runs.begin(targetId, at),
    load: (runId, step) => runs.load(runId, step),
    save: (runId, step, value) => runs.save(runId, step, value),
    progress: (runId, progress) => runs.progress(runId, progress),
    end: (run, progress, skipped) => runs.end(run, progress, skipped),
    fail: (run, error) => runs.fail(run, error),
    retry: (runId, error, at) => runs.retry(runId, error, at),
    write,
    holders: (store, at) => readStorageHolders(clickhouse, store, at),
  };
  const secret = (ref: Parameters<typeof readSecret>[0]) =>
    readSecret(ref, { folder: options.config.TENANTRY_SECRETS_DIR });
  const tenants = () => everyTenant(options.directory);
  const runner = new StorageRunner({
    stores,
    collectorOf: (target, run) => collectorOf(target, run, { clickhouse, secret, tenants }),
    isLeader: () => collecting.isLeader(),
    log,
    now,
  });
  const schedules = [
    runEvery(lookEveryMs, 'storage', log, () => runner.tick()),
    runEvery(RECOUNT_EVERY_MS, 'storage-byte-hours', log, recount),
  ];
  return {
    desk: {
      list: (question) => readStorage(clickhouse, question),
      push: async (pushed) => {
        await refuseMeasuredStores(targets, pushed);
        await write(pushed, `storage-push-${randomUUID()}`, now());
      },
      targets: async (actor) => {
        const newest = new Map((await runs.newest(actor)).map((run) => [run.targetId, run]));
        return (await targets.list(actor)).map((target) => ({ target, run: newest.get(target.id) }));
      },
      createTarget: (actor, target) => targets.create(actor, target),
      removeTarget: (actor, id) => targets.remove(actor, id),
      collect: (actor, id) => targets.ask(actor, id),
    },
    usage: storageUsageSource(clickhouse),
    stop: async () => {
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await runner.stop();
      await collecting.release();
      await counting.release();
    },
  };
}

async function everyTenant(directory: Pick<TenantDirectory, 'list'>): Promise<TenantId[]> {
  const tenants: TenantId[] = [];
  for (;;) {
    const page = await directory.list(DESK, { limit: TENANTS_A_PAGE, offset: tenants.length });
    tenants.push(...page.map(({ tenantId }) => tenantId));
    if (page.length < TENANTS_A_PAGE) return tenants;
  }
}

/** The mark first: a crash between the two leaves an hour counted twice over, which changes nothing. */
function writer(gauges: StorageGauges, stale: StorageStaleMark): RunnerStores['write'] {
  return async (written: readonly StorageGauge[], token: string, at: number) => {
    if (written.length === 0) return;
    await stale.set(Math.min(...written.map((gauge) => gauge.at)));
    await gauges.insert(written, token, at);
    // Once more: the recount may have come between, taken the mark off, and not seen the rows.
    await stale.set(Math.min(...written.map((gauge) => gauge.at)));
  };
}

/** Counts byte-hours up to `now` (Unix ms), and from there again the next time: values go on holding. */
export async function recountStale(gauges: StorageGauges, stale: StorageStaleMark, now: number): Promise<void> {
  const mark = await stale.read();
  if (mark === undefined || mark.from >= now) return;
  await gauges.recount({ from: mark.from, to: now });
  await stale.clear(mark, now);
}

async function refuseMeasuredStores(targets: StorageTargetStore, pushed: readonly StorageGauge[]): Promise<void> {
  const measured = new Set((await targets.list(DESK)).map(({ name }) => name));
  const clash = pushed.find(({ store }) => measured.has(store.split(':')[0] ?? ''));
  if (clash === undefined) return;
  throw new TenantryError('BAD_REQUEST', `The store "${clash.store}" is measured by a target of this name.`, {
    hint: 'Push under another name, or delete the target. Nothing was taken in.',
  });
}
