import type { Logger } from 'pino';
import type { Retention, TenantRetentionStanding } from '../api/lifecycle-ports.ts';
import type { Config } from '../config/config.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import {
  cutAt,
  effectiveRetention,
  isRetentionDue,
  nextRetentionRun,
  RETENTION_LEVELS,
  type RetentionDays,
  type RetentionLevel,
  type RetentionRun,
} from '../domain/retention.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { agingTables } from '../store/clickhouse/retention.ts';
import { type TenantCut, TenantRetention } from '../store/clickhouse/tenant-retention.ts';
import { RetentionStore, type TenantRetention as TenantRules } from '../store/postgres/lifecycle-retention.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { PostgresLeadership } from './leadership.ts';
import { runEvery } from './schedule.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'tenant-retention' };
const LOOK_EVERY_MS = 10 * SECOND_MS;
const SHOWN_RUNS = 20;

type Installation = Readonly<Record<RetentionLevel, number>>;

export interface RetentionOptions {
  readonly config: Pick<
    Config,
    | 'CLICKHOUSE_CLUSTER'
    | 'TENANTRY_RETAIN_SPANS_DAYS'
    | 'TENANTRY_RETAIN_POINTS_DAYS'
    | 'TENANTRY_RETAIN_MINUTES_DAYS'
    | 'TENANTRY_RETAIN_HOURS_DAYS'
    | 'TENANTRY_RETAIN_DAYS_DAYS'
    | 'TENANTRY_TENANT_RETENTION_HOUR'
  >;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly clickhouse: Pick<ClickHouse, 'inspect' | 'command'>;
  readonly log: Logger;
}

/** How long what tenants sent is kept, and the daily run that removes the rest, on one server at a time. */
export function startRetention(options: RetentionOptions): { readonly retention: Retention; stop(): Promise<void> } {
  const { config, postgres, postgresUrl, clickhouse, log } = options;
  const store = new RetentionStore(postgres);
  const installation = installationOf(config);
  const hour = config.TENANTRY_TENANT_RETENTION_HOUR;
  const leadership = new PostgresLeadership(postgresUrl, 'tenant-retention');
  const runner = new RetentionRunner({ store, clickhouse, installation, cluster: config.CLICKHOUSE_CLUSTER, log });
  const schedule = runEvery(LOOK_EVERY_MS, 'tenant-retention', log, async () => {
    if (!(await leadership.isLeader())) return;
    const now = Date.now();
    const run = await store.begin((last) => isRetentionDue(last, now, hour));
    if (run !== undefined) await runner.run(run, now);
  });
  return {
    retention: retentionDesk(store, installation, hour),
    stop: async () => {
      runner.stop();
      await schedule.stop();
      await leadership.release();
    },
  };
}

function installationOf(config: RetentionOptions['config']): Installation {
  return {
    spans: config.TENANTRY_RETAIN_SPANS_DAYS,
    points: config.TENANTRY_RETAIN_POINTS_DAYS,
    minutes: config.TENANTRY_RETAIN_MINUTES_DAYS,
    hours: config.TENANTRY_RETAIN_HOURS_DAYS,
    days: config.TENANTRY_RETAIN_DAYS_DAYS,
  };
}

function standingOf(rules: TenantRules, installation: Installation): TenantRetentionStanding {
  const { tenantId, plan, planDays, tenantDays: own, legalHold } = rules;
  const of = (level: RetentionLevel) => effectiveRetention(level, installation, planDays, own);
  const levels = {
    ...{ spans: of('spans'), points: of('points'), minutes: of('minutes'), hours: of('hours'), days: of('days') },
  };
  return { tenantId, plan, levels, own, legalHold };
}

function retentionDesk(store: RetentionStore, installation: Installation, hour: number): Retention {
  return {
    overview: async (actor, now) => {
      const [plans, ruled, runs] = await Promise.all([
        store.plans(actor),
        store.ruled(actor),
        store.runs(actor, SHOWN_RUNS),
      ]);
      return {
        ...{ installation, plans, runs, hour, nextRunAt: nextRetentionRun(now, hour) },
        tenants: ruled.map((rules) => standingOf(rules, installation)),
      };
    },
    ofTenant: async (tenantId) => {
      const rules = await store.ofTenant(tenantId);
      return rules && standingOf(rules, installation);
    },
    put: async (actor, owner, days) => {
      refuseLonger(days, installation);
      await store.put(actor, owner, days);
    },
    run: (actor) => store.ask(actor),
  };
}

/** Nothing is kept beyond the tables' own time, so a longer one would be a promise that nobody keeps. */
export function refuseLonger(days: RetentionDays, installation: Installation): void {
  const level = RETENTION_LEVELS.find((one) => (days[one] ?? 0) > installation[one]);
  if (level === undefined) return;
  throw new TenantryError(
    'BAD_REQUEST',
    `body field "${level}_days": the installation keeps ${installation[level]} days, and no tenant has more.`,
    { hint: `See TENANTRY_RETAIN_${level.toUpperCase()}_DAYS.`, pointer: `/${level}_days` },
  );
}

export interface RunnerOptions {
  readonly store: Pick<RetentionStore, 'ruled' | 'progress' | 'finish'>;
  readonly clickhouse: Pick<ClickHouse, 'inspect' | 'command'>;
  readonly installation: Installation;
  readonly cluster?: string | undefined;
  readonly log: Logger;
}

/** One run through all tables, each asked anew who is to be spared: a legal hold that comes meanwhile holds. */
export class RetentionRunner {
  readonly #options: RunnerOptions;
  readonly #tables: TenantRetention;
  #isStopping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#tables = new TenantRetention(options.clickhouse, { cluster: options.cluster });
  }

  /** The table under way is finished; the next run goes on with the others. */
  stop(): void {
    this.#isStopping = true;
  }

  /** @param now Unix ms; the day that it lies in decides what is old */
  async run({ id }: Pick<RetentionRun, 'id'>, now: number): Promise<void> {
    const { store, clickhouse, log } = this.#options;
    try {
      const tables = await agingTables(clickhouse);
      let rowsRemoved = 0;
      for (const [tablesDone, table] of tables.entries()) {
        if (this.#isStopping) throw new TenantryError('STORE_UNAVAILABLE', 'The server was stopped meanwhile.');
        const ruled = await this.#ruled();
        await store.progress(id, { tenants: ruled.length, tablesTotal: tables.length, tablesDone, rowsRemoved });
        rowsRemoved += await this.#tables.remove(table, cutsOf(table.level, ruled, now));
        await store.progress(id, {
          ...{ tenants: ruled.length, tablesTotal: tables.length, tablesDone: tablesDone + 1, rowsRemoved },
        });
      }
      await store.finish(id, null);
      if (rowsRemoved > 0) log.info({ rows: rowsRemoved }, 'rows were removed that tenants have kept for less long');
    } catch (thrown) {
      log.error({ err: toError(thrown) }, 'the run that removes what was kept long enough failed');
      await store.finish(id, toError(thrown).message);
    }
  }

  /** Those for whom something shorter holds and who are under no legal hold. */
  async #ruled(): Promise<readonly TenantRetentionStanding[]> {
    const { store, installation } = this.#options;
    const standings = (await store.ruled(KEEPER)).map((rules) => standingOf(rules, installation));
    return standings.filter(
      ({ legalHold, levels }) =>
        !legalHold && RETENTION_LEVELS.some((level) => levels[level].source !== 'installation'),
    );
  }
}

/** Tenants by their cut, so that one statement serves all that keep equally long. */
function cutsOf(level: RetentionLevel, tenants: readonly TenantRetentionStanding[], now: number): readonly TenantCut[] {
  const byCut = new Map<number, TenantId[]>();
  for (const { tenantId, levels } of tenants) {
    const { days, source } = levels[level];
    if (source === 'installation') continue;
    const before = cutAt(days, now);
    byCut.set(before, [...(byCut.get(before) ?? []), tenantId]);
  }
  return [...byCut].map(([before, ids]) => ({ before, tenants: ids }));
}
