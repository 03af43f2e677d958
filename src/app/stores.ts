import { join } from 'node:path';
import type { Logger } from 'pino';
import { declaredViews } from '../aggregate/views.ts';
import type { Config } from '../config/config.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { EmbeddedClickHouse } from '../store/clickhouse/embedded-clickhouse.ts';
import { type MigrationReport, migrateClickHouse } from '../store/clickhouse/migrate.ts';
import { ServerClickHouse } from '../store/clickhouse/server-clickhouse.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../store/postgres/embedded.ts';
import { migratePostgres } from '../store/postgres/migrate.ts';
import { Postgres } from '../store/postgres/postgres.ts';
import { lateTenantMs } from './late-tenants.ts';

export interface Stores {
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  /** Login of the service; also for connections that LISTEN or hold a lease. */
  readonly postgresUrl: string;
  /** Superuser of the embedded server; undefined with a server of the operator's. */
  readonly postgresOwnerUrl: string | undefined;
  readonly migrations: { readonly clickhouse: MigrationReport; readonly postgres: readonly string[] };
  close(): Promise<void>;
}

/**
 * Opens both stores, embedded or server as configured, and brings both schemas to this version. What was opened is
 * closed again when a later step fails.
 */
export async function openStores(config: Config, log: Logger): Promise<Stores> {
  const opened: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const closeOne of opened.splice(0).reverse()) await closeOne();
  };
  try {
    const clickhouse = await openClickHouse(config);
    opened.push(() => clickhouse.close());
    const clickhouseReport = await migrateClickHouse(clickhouse, declaredViews(viewSettings(config)), {
      cluster: config.CLICKHOUSE_CLUSTER,
      retention: {
        spansDays: config.TENANTRY_RETAIN_SPANS_DAYS,
        pointsDays: config.TENANTRY_RETAIN_POINTS_DAYS,
        minutesDays: config.TENANTRY_RETAIN_MINUTES_DAYS,
        hoursDays: config.TENANTRY_RETAIN_HOURS_DAYS,
        daysDays: config.TENANTRY_RETAIN_DAYS_DAYS,
      },
    });
    const embedded = await startPostgres(config, log);
    if (embedded !== undefined) opened.push(() => embedded.stop());
    const ownerUrl = embedded?.ownerUrl ?? config.DATABASE_URL ?? '';
    const postgresUrl = embedded?.appUrl ?? ownerUrl;
    const { applied } = await migratePostgres({ ownerUrl, appUrl: postgresUrl });
    const postgres = new Postgres({ url: postgresUrl, log });
    opened.push(() => postgres.close());
    return {
      clickhouse,
      postgres,
      postgresUrl,
      postgresOwnerUrl: embedded?.ownerUrl,
      migrations: { clickhouse: clickhouseReport, postgres: applied },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The analytics store alone, for who only reads; its schema is as the last server left it. */
export async function openClickHouse(config: Config): Promise<ClickHouse> {
  if (config.CLICKHOUSE_URL === undefined) {
    return new EmbeddedClickHouse({ path: join(config.TENANTRY_DATA_DIR, 'clickhouse') });
  }
  const server = new ServerClickHouse({ url: config.CLICKHOUSE_URL });
  await server.prepare();
  return server;
}

async function startPostgres(config: Config, log: Logger): Promise<EmbeddedPostgres | undefined> {
  if (config.DATABASE_URL !== undefined) return undefined;
  return startEmbeddedPostgres({ dataDir: join(config.TENANTRY_DATA_DIR, 'postgres'), log });
}

function viewSettings(config: Config) {
  return {
    tenantAttributes: config.TENANTRY_TENANT_ATTRIBUTES,
    acceptPastHours: config.TENANTRY_ACCEPT_PAST_HOURS,
    acceptFutureSeconds: config.TENANTRY_ACCEPT_FUTURE_SECONDS,
    slowDbCallMs: config.TENANTRY_SLOW_DB_CALL_MS,
    activitySeconds: config.TENANTRY_DETECT_RESOLUTION_SECONDS,
    lateTenants: lateTenantMs(config) > 0,
  };
}
