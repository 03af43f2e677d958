import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { Figures } from '../aggregate/figures.ts';
import { readMetricSeries } from '../aggregate/metric-series-reader.ts';
import { createDevIssuer, type DevIssuer } from '../api/issuer.ts';
import { createApi } from '../api/server.ts';
import type { Config } from '../config/config.ts';
import { SECOND_MS } from '../domain/window.ts';
import { InsertGate } from '../store/clickhouse/insert-gate.ts';
import { SegmentLoader } from '../store/clickhouse/segment-loader.ts';
import { AnomalyStore } from '../store/postgres/anomaly-store.ts';
import { BreakerOrders } from '../store/postgres/breaker-orders.ts';
import { BreakerSightings } from '../store/postgres/breaker-sightings.ts';
import { ChangeListener } from '../store/postgres/change-listener.ts';
import { DeployStore } from '../store/postgres/deploy-store.ts';
import { FlagFeed } from '../store/postgres/flag-feed.ts';
import { FlagInstances } from '../store/postgres/flag-instances.ts';
import { KeyStore } from '../store/postgres/key-store.ts';
import { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { ThrottleStore } from '../store/postgres/throttle-store.ts';
import { startAlerting } from './alert-desk.ts';
import { startBackups } from './backups.ts';
import { startBilling } from './billing.ts';
import { BreakerBoard } from './breaker-board.ts';
import { startControl } from './control.ts';
import { dataUntil } from './data-until.ts';
import { startDeletion } from './deletion.ts';
import { RunLog } from './detector-runs.ts';
import { edgeOptions } from './edge.ts';
import { healthParts } from './health.ts';
import { jwtConfig } from './jwt-config.ts';
import { keySnapshotWriter } from './key-snapshot-writer.ts';
import { startLateTenants } from './late-tenants.ts';
import { startLifecycle } from './lifecycle.ts';
import { LoadLag } from './load-lag.ts';
import { startAccounts } from './members.ts';
import { startMetering } from './meters.ts';
import { Neighbors } from './neighbors.ts';
import { ownMetrics } from './own-metrics.ts';
import { startSales } from './plans.ts';
import { startPrices } from './prices.ts';
import { startProfiles } from './profiles.ts';
import { startQueryAudit } from './query-audit.ts';
import { reportSources } from './report-sources.ts';
import { startReports } from './reports.ts';
import { startRevenue } from './revenue.ts';
import { runEvery } from './schedule.ts';
import { startDirectories } from './scim.ts';
import { startSelfCheck } from './self-check.ts';
import { startSpend } from './spend.ts';
import { startSql } from './sql.ts';
import { startStorage } from './storage.ts';
import { openStores, type Stores } from './stores.ts';
import { startTelemetry } from './telemetry.ts';
import { startTenantArchives } from './tenant-archives.ts';
import { tenantMetrics } from './tenant-metrics.ts';
import { startTraces } from './traces.ts';
import { urlOf } from './url-of.ts';
import { startUsage } from './usage.ts';
import { VERSION } from './version.ts';

export interface ServerOptions {
  readonly config: Config;
  readonly adminToken: string;
  readonly ingestKey: string;
  readonly log: Logger;
}

export interface Server {
  readonly apiPort: number;
  readonly stores: Stores;
  /** Absent in production: people sign in at their identity provider. */
  readonly issuer: DevIssuer | undefined;
  stop(): Promise<void>;
}

const CENSUS_EVERY_MS = 5 * SECOND_MS;
const DASHBOARDS = fileURLToPath(new URL('../../dashboards', import.meta.url));

/** Everything but ingest, in one process: stores, loader, rollup questions, detector, flags, API and pages. */
export async function startServer({ config, adminToken, ingestKey, log }: ServerOptions): Promise<Server> {
  const dataDir = resolve(config.TENANTRY_DATA_DIR);
  const spoolFolder = join(dataDir, 'spool');
  await mkdir(dataDir, { recursive: true });
  const stores = await openStores(config, log);
  const { clickhouse, postgres, postgresUrl } = stores;

  // store: what was spooled goes in, what is known comes out
  const late = await startLateTenants({ config, spoolFolder, clickhouse, log });
  const quarantineMaxBytes = config.TENANTRY_QUARANTINE_MAX_BYTES;
  const lag = new LoadLag();
  const onLoaded = lag.loaded.bind(lag);
  const gate = new InsertGate();
  const loader = new SegmentLoader({ spoolFolder, clickhouse, log, quarantineMaxBytes, onLoaded, gate, ...late });
  const changes = new ChangeListener({ url: postgresUrl, log });
  const keys = new KeyStore({
    postgres,
    changes,
    bootstrapKeys: [{ id: 'bootstrap', key: ingestKey, scopes: ['ingest', 'flags'] }],
    log,
  });
  const flags = new FlagFeed({ postgres, changes, log, sparedRoutes: config.TENANTRY_PROTECTED_ROUTES });
  const instances = new FlagInstances({ postgres });
  const throttles = new ThrottleStore(postgres);
  const anomalies = new AnomalyStore(postgres);
  const plans = new TenantDirectory(postgres);
  const neighbors = new Neighbors(clickhouse);
  const registry = ownMetrics({ spoolFolder, loader: () => loader.figures(), detector: () => detector.figures() });
  lag.register(registry);
  const selfCheck = startSelfCheck({ config, spoolFolder, clickhouse, registry, log });
  const publishKeys = keySnapshotWriter(spoolFolder, () => selfCheck.withKey(keys.snapshot()));

  // aggregate + cost
  const prices = await startPrices({ clickhouse, postgres, changes, log });
  const figures = new Figures(clickhouse, prices.aiCosts);

  // detect + control
  const runs = new RunLog();
  const running = startControl({
    ...{ config, log, dataDir, clickhouse, postgres, postgresUrl, anomalies, throttles, flags, neighbors },
    aiCosts: prices.aiCosts,
    dataUntil: () => dataUntil(loader, config),
    runs,
  });
  const { detector } = running;

  const spend = startSpend({
    ...{ postgres, postgresUrl, clickhouse, ...prices, runs },
    timeZone: config.TENANTRY_SPEND_TIME_ZONE,
    log,
  });

  // api
  let apiPort = config.TENANTRY_API_PORT;
  const host = config.TENANTRY_HOST;
  const breakers = new BreakerBoard(new BreakerSightings(postgres), new BreakerOrders(postgres));
  const alerting = startAlerting({
    ...{ postgres, postgresUrl, log },
    findings: () => anomalies.openOnes(),
    throttles: (actor, filter) => throttles.list(actor, filter),
    breakers: (actor, filter, now) => breakers.list(actor, filter, now),
    detector: () => detector.figures(),
    page: () => detector.page(),
    selfCheck: selfCheck.alert,
    approvals: () => running.approvals.list({ kind: 'system', subject: 'alerts' }, { pendingOnly: true, limit: 100 }),
    ownUrl: () => urlOf(host, apiPort),
    ...{ config, registry },
  });
  const production = config.NODE_ENV === 'production';
  const issuer =
    config.TENANTRY_DEV_ISSUER && !production
      ? await createDevIssuer({ folder: join(dataDir, 'issuer'), production, baseUrl: () => urlOf(host, apiPort) })
      : undefined;
  const metering = startMetering({ postgres, postgresUrl, clickhouse, config, registry, gate, log });
  const storage = startStorage({ clickhouse, postgres, postgresUrl, directory: plans, config, log });
  const queryAudit = startQueryAudit({ config, postgres, postgresUrl, log });
  const statements = startSql({ config, clickhouse, postgres });
  const usage = startUsage({ clickhouse, config, sources: [metering.usage, storage.usage] });
  const billing = startBilling({ postgres, dataDir, usage: usage.reader, ai: prices.aiCosts });
  const { costs } = billing;
  const earnings = startRevenue({ postgres, clickhouse, costs });
  const sales = startSales({
    ...{ config, postgres, postgresUrl, clickhouse, usage: usage.reader, aiCosts: prices.aiCosts, costs, log },
    meters: () => metering.meters.list({ kind: 'system', subject: 'quotas' }),
    margins: (window) => earnings.marginRows({ kind: 'system', subject: 'signals' }, window, undefined),
  });
  const reporting = startReports({
    ...{ postgres, config, log, ownUrl: () => urlOf(host, apiPort) },
    sources: reportSources({
      ...{ usage: usage.reader, quotas: sales.sales.quotas, aiCosts: prices.aiCosts, plans },
      ...{ costs, margins: earnings.marginRows },
    }),
  });
  const telemetry = startTelemetry({
    ...{ config, dataDir, clickhouse, postgres, keys, runs, log },
    loader: () => loader.figures(),
    selfCheck: selfCheck.standing,
  });
  const ownerUrl = stores.postgresOwnerUrl ?? postgresUrl;
  const backing = startBackups({ config, dataDir, clickhouse, postgres, ownerUrl, gate, log });
  const life = startLifecycle({ config, postgres, postgresUrl, clickhouse, directory: plans, keys, log });
  const archiving = startTenantArchives({ config, clickhouse, postgres, postgresUrl, directory: plans, log });
  const accounts = startAccounts({ postgres, directory: plans, config });
  const { memories } = running;
  const deletion = startDeletion({ config, spoolFolder, stores, directory: plans, memories, registry, log });
  const api = createApi({
    ports: {
      ...{
        events: metering.events,
        meters: metering.meters,
        profiles: startProfiles(postgres),
        revenue: earnings.revenue,
        storage: storage.desk,
        usage: usage.desk,
        queries: usage.queries,
        ...startTraces({ clickhouse }),
        queryAudits: queryAudit.audits,
        sql: statements.sql,
        reports: reporting.reports,
      },
      figures: {
        tenants: (question) => figures.tenants(question),
        metric: (question) => readMetricSeries(clickhouse, question, Date.now()),
      },
      plans,
      throttles,
      breakers,
      alerting: alerting.desk,
      caps: spend.caps,
      prices: prices.priceDesk,
      months: prices.monthDesk,
      spend: spend.desk,
      degradations: spend.degradations,
      sales: sales.sales,
      control: running.control,
      deploys: new DeployStore(postgres),
      ...billing,
      ...telemetry.ports,
      backups: backing.backups,
      anomalies,
      neighbors,
      flags,
      instances,
      keys,
      keyAdmin: keys,
      ...{ ...accounts.ports, ...deletion.ports, archives: archiving.archives },
      ...startDirectories({ postgres, directory: plans }),
      ...life.ports,
      tenantMetrics: tenantMetrics({ ...{ config, clickhouse, throttles, anomalies }, aiCosts: prices.aiCosts }),
      health: { parts: () => healthParts({ clickhouse, postgres, loader, detector, now: Date.now }) },
      registry,
    },
    // Derived, so that a cursor survives a restart and several servers understand each other's.
    auth: {
      adminToken,
      issuer,
      embed: accounts.embed,
      jwt: jwtConfig(config),
      cursorSecret: createHash('sha256').update(`cursor ${adminToken}`).digest(),
    },
    log,
    publicDir: DASHBOARDS,
    embedOrigins: config.TENANTRY_EMBED_ORIGINS,
    edge: edgeOptions(config),
    version: VERSION,
  });

  const stopKeys = keys.onChange(() => {
    publishKeys().catch((error: unknown) => log.error({ err: error }, 'keys not published to ingest'));
  });
  // Before any flag is told: what was switched off stays off over a restart.
  await running.prepare();
  await keys.refresh();
  await flags.refresh();
  await publishKeys();
  changes.start();
  await loader.start();
  running.run();
  selfCheck.run();
  const schedules = [runEvery(CENSUS_EVERY_MS, 'flag-instances', log, () => instances.sync())];
  // Before the first app comes back: counted alone, it would take the whole of every limit.
  await instances.sync();
  await api.listen({ host, port: apiPort });
  apiPort = Number(new URL(api.listeningOrigin).port);
  log.info({ apiPort, migrations: stores.migrations }, 'server ready');

  return {
    apiPort,
    stores,
    issuer,
    stop: async () => {
      await api.close();
      stopKeys();
      instances.stop();
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await backing.stop();
      await archiving.stop();
      await selfCheck.stop();
      await loader.stop();
      await changes.stop();
      await life.stop();
      await storage.stop();
      await spend.stop();
      await sales.stop();
      await reporting.stop();
      await queryAudit.stop();
      await statements.stop();
      await telemetry.stop();
      await metering.stop();
      await alerting.stop();
      await deletion.stop();
      await running.stop();
      await stores.close();
    },
  };
}
