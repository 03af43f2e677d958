/**
 * Whether a backup can be restored, found out by doing it: into a folder of its own, with the telemetry that had not been
 * loaded yet, and one tenant compared with the running Tenantry, table by table and as the API would answer.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Spool } from '../../ingest/spool.ts';
import type { Config } from '../config/config.ts';
import type { BackupManifest } from '../domain/backup.ts';
import { type BackupComparison, compareFigures } from '../domain/backup-compare.ts';
import type { BackupFigures, BackupFiguresQuestion } from '../domain/backup-figures.ts';
import { TenantryError } from '../domain/errors.ts';
import { SPOOL_FOLDERS } from '../domain/spool-format.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import { DATABASE } from '../store/clickhouse/clickhouse.ts';
import { SegmentLoader } from '../store/clickhouse/segment-loader.ts';
import { figuresRestored } from './backup-figures.ts';
import { restoreBackup } from './backup-restore.ts';
import { startLateTenants } from './late-tenants.ts';
import { openStores, type Stores } from './stores.ts';

const LOOK_EVERY_MS = 50;
/** Of those with the most spans one is picked by chance. */
const CANDIDATES = 20;

export interface DrillOrder {
  readonly config: Config;
  /** A backup, or a folder of them. */
  readonly from: string;
  /** undefined: one by chance. */
  readonly tenantId: TenantId | undefined;
  /** Where the restored copy lies for as long as it takes. */
  readonly scratch: string | undefined;
  /** What the running Tenantry has of the tenant. */
  readonly askLive: (question: BackupFiguresQuestion) => Promise<BackupFigures>;
  readonly log: Logger;
  readonly onProgress?: (text: string) => void;
}

export interface Drill {
  readonly manifest: BackupManifest;
  readonly tenantId: TenantId;
  readonly comparison: BackupComparison;
  /** Until everything could have been asked of the restored copy. */
  readonly restoredMs: number;
  readonly tookMs: number;
}

/** Leaves nothing behind. @throws like `restoreBackup`, NOT_FOUND when there is no tenant to compare */
export async function runDrill(order: DrillOrder): Promise<Drill> {
  const begunAt = performance.now();
  const folder = await mkdtemp(join(order.scratch ?? tmpdir(), 'tenantry-drill-'));
  try {
    const dataDir = join(folder, 'data');
    const { log, onProgress } = order;
    const { manifest } = await restoreBackup({
      ...{ from: order.from, dataDir, databaseUrl: undefined, restoreServer: undefined, log },
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    const config = restoredConfig(order.config, dataDir);
    const stores = await openStores(config, log);
    try {
      onProgress?.('Loading the telemetry that waited');
      await loadSpool(config, stores, log);
      const restoredMs = Math.round(performance.now() - begunAt);
      const tenantId = order.tenantId ?? (await someTenant(stores));
      onProgress?.(`Comparing ${tenantId}`);
      const question = { tenantId, cutAt: Date.parse(manifest.cutAt), snapshot: manifest.postgres.snapshot };
      const live = await order.askLive(question);
      const comparison = compareFigures(live, await figuresRestored(stores, question, live));
      return { manifest, tenantId, comparison, restoredMs, tookMs: Math.round(performance.now() - begunAt) };
    } finally {
      await stores.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Embedded stores in the folder, whatever the running Tenantry has; nothing waits for a tenant any more. */
function restoredConfig(config: Config, dataDir: string): Config {
  return {
    ...config,
    ...{
      TENANTRY_DATA_DIR: dataDir,
      CLICKHOUSE_URL: undefined,
      CLICKHOUSE_CLUSTER: undefined,
      DATABASE_URL: undefined,
    },
    TENANTRY_LATE_TENANT_SECONDS: 0,
  };
}

/** As ingest and the server would at their next start. */
export async function loadSpool(config: Config, { clickhouse }: Stores, log: Logger): Promise<void> {
  const spoolFolder = join(config.TENANTRY_DATA_DIR, 'spool');
  const recovered = await Spool.open({
    ...{ folder: spoolFolder, log, segmentBytes: config.TENANTRY_SEGMENT_BYTES, maxBytes: Number.MAX_SAFE_INTEGER },
    ...{ segmentAgeMs: config.TENANTRY_SEGMENT_AGE_MS, retryWindowMs: config.TENANTRY_RETRY_WINDOW_SECONDS * 1_000 },
  });
  await recovered.close();
  const late = await startLateTenants({ config, spoolFolder, clickhouse, log });
  const loader = new SegmentLoader({ spoolFolder, clickhouse, log, ...late });
  await loader.start();
  try {
    for (;;) {
      const sealed = await readdir(join(spoolFolder, SPOOL_FOLDERS.sealed));
      const [waiting] = await clickhouse.inspect<{ spans: number }>(
        `SELECT toFloat64(count()) AS spans FROM ${DATABASE}.spans_waiting`,
      );
      if (sealed.length === 0 && waiting?.spans === 0) return;
      const { trouble } = loader.figures();
      if (trouble !== undefined) {
        throw new TenantryError('STORE_UNAVAILABLE', `The telemetry of the backup cannot be loaded: ${trouble}`);
      }
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    await loader.stop();
  }
}

async function someTenant({ clickhouse }: Stores): Promise<TenantId> {
  const rows = await clickhouse.inspect<{ tenant: string }>(
    `SELECT TenantId AS tenant FROM ${DATABASE}.spans GROUP BY tenant ORDER BY count() DESC LIMIT ${CANDIDATES}`,
  );
  const tenants = rows.map(({ tenant }) => tenant).filter(isTenantId);
  const picked = tenants[Math.floor(Math.random() * tenants.length)];
  if (picked !== undefined) return picked;
  throw new TenantryError('NOT_FOUND', 'The backup holds no spans of any tenant.', {
    hint: 'Name a tenant with --tenant.',
  });
}
