import { join } from 'node:path';
import type { Logger } from 'pino';
import { type FirstServiceRow, firstServices } from '../aggregate/queries/across-tenants/first-services.ts';
import type { ApiPorts } from '../api/context.ts';
import type { SetupAnswer } from '../api/setup-ports.ts';
import type { Config } from '../config/config.ts';
import type { LoaderStanding } from '../domain/ingest-health.ts';
import type { SelfCheckStanding } from '../domain/self-check.ts';
import { INTAKE_FILE, type IntakeFigures } from '../domain/spool-format.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';
import { AuditLog } from '../store/postgres/audit-log.ts';
import type { KeyStore } from '../store/postgres/key-store.ts';
import type { SeenUse } from '../store/postgres/key-uses.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { attributionDesk } from './attribution.ts';
import { AuditAnchor } from './audit-anchor.ts';
import { startAuditExplorer } from './audit-explorer.ts';
import { installationKey } from './deletion-key.ts';
import type { RunLog } from './detector-runs.ts';
import { IngestHealthDesk } from './ingest-health.ts';
import { readIntake } from './ingest-health-files.ts';
import { IngestHistory } from './ingest-health-history.ts';
import { quarantineDesk } from './quarantine.ts';
import { runEvery } from './schedule.ts';

const SAMPLE_EVERY_MS = 10 * SECOND_MS;
/** The table is written once a minute. */
const KEY_USE_EVERY_MS = 30 * SECOND_MS;
const SERVICES_SHOWN = 50;
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

export interface TelemetryOptions {
  readonly config: Config;
  readonly dataDir: string;
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  readonly keys: Pick<KeyStore, 'list' | 'noteUse'>;
  readonly loader: () => LoaderStanding;
  readonly selfCheck: () => SelfCheckStanding | undefined;
  readonly runs: RunLog;
  readonly log: Logger;
}

type TelemetryPorts = Pick<
  ApiPorts,
  'audit' | 'ingestHealth' | 'quarantine' | 'attribution' | 'detectorRuns' | 'setup'
>;

/** What whoever runs Tenantry asks about Tenantry itself. */
export function startTelemetry(options: TelemetryOptions): { readonly ports: TelemetryPorts; stop(): Promise<void> } {
  const { config, dataDir, clickhouse, postgres, keys, loader, selfCheck, runs, log } = options;
  const spoolFolder = join(dataDir, 'spool');
  const intakeFile = join(spoolFolder, INTAKE_FILE);
  const folder = new QuarantineFolder(spoolFolder);
  const auditing = startAuditExplorer({ postgres, dataDir, log, anchor: anchorOf(config, log) });
  const ingestHealth = new IngestHealthDesk({
    ...{ intakeFile, clickhouse, loader, selfCheck, history: new IngestHistory(Date.now()) },
    quarantined: () => folder.count(),
    keys: (actor) => keys.list(actor),
  });
  const schedule = runEvery(SAMPLE_EVERY_MS, 'ingest-history', log, () => ingestHealth.sample());
  const keyUse = runEvery(KEY_USE_EVERY_MS, 'key-use', log, async () => {
    keys.noteUse(usesSeenByIngest(await readIntake(intakeFile)));
  });
  return {
    ports: {
      audit: auditing.audit,
      ingestHealth,
      quarantine: quarantineDesk({ folder, clickhouse, audit: new AuditLog(postgres) }),
      attribution: attributionDesk(clickhouse),
      detectorRuns: runs,
      setup: { look: () => lookAtSetup(options, intakeFile) },
    },
    stop: async () => {
      await schedule.stop();
      await keyUse.stop();
      await auditing.stop();
    },
  };
}

function anchorOf(config: Config, log: Logger): AuditAnchor | undefined {
  const folder = config.TENANTRY_AUDIT_HEADS_DIR;
  return folder === undefined
    ? undefined
    : new AuditAnchor({ folder, key: installationKey(config), log, now: Date.now });
}

function usesSeenByIngest(intake: IntakeFigures | undefined): SeenUse[] {
  return (intake?.standing.keys ?? []).map(({ keyId, lastAt, previousAt }) => ({ keyId, at: lastAt, previousAt }));
}

async function lookAtSetup({ clickhouse, config }: TelemetryOptions, intakeFile: string): Promise<SetupAnswer> {
  const [intake, rows] = await Promise.all([
    readIntake(intakeFile),
    clickhouse.rows<FirstServiceRow>(firstServices(Date.now(), SERVICES_SHOWN)),
  ]);
  return {
    otlpHttpPort: intake?.standing.httpPort ?? null,
    otlpGrpcPort: intake?.standing.grpcPort ?? null,
    isLocalOnly: LOOPBACK.includes(config.TENANTRY_HOST),
    tenantAttributes: config.TENANTRY_TENANT_ATTRIBUTES,
    withoutKey: intake?.standing.rejected['UNAUTHENTICATED'] ?? 0,
    services: rows.map(({ service, at, spans, attributed, example }) => ({
      ...{ service, lastAt: at * SECOND_MS, spans: Number(spans), attributed: Number(attributed) },
      exampleTenant: example === '' ? null : example,
    })),
  };
}
