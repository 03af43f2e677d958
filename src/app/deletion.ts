import { join, resolve } from 'node:path';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { DeletionCertificates, Deletions } from '../api/deletions-ports.ts';
import type { Config } from '../config/config.ts';
import { toError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import { TelemetryEraser } from '../store/clickhouse/deletion.ts';
import { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';
import { CertificateStore } from '../store/postgres/deletion-certificates.ts';
import { type DeletionJob, DeletionJobs } from '../store/postgres/deletion-jobs.ts';
import { DeletionStore } from '../store/postgres/deletion-store.ts';
import { rewriteFiles } from '../store/postgres/deletion-vacuum.ts';
import { MeterEventQueue } from '../store/postgres/meter-event-queue.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { certificateDesk } from './deletion-desk.ts';
import { dropExports, dropQuarantined, isPartOfOthers, searchFiles, segmentsUntil } from './deletion-files.ts';
import { installationKey } from './deletion-key.ts';
import { LateRows, lateRowsCounter } from './deletion-late.ts';
import { forgetTenant, type TenantMemory } from './deletion-memory.ts';
import { DeletionRunner } from './deletion-runner.ts';
import { PostgresLeadership } from './leadership.ts';
import { runEvery } from './schedule.ts';
import { rememberSeenTenants } from './seen-tenants.ts';
import type { Stores } from './stores.ts';
import { ArchiveFolders } from './tenant-archive-folders.ts';
import { VERSION } from './version.ts';

const LOOK_EVERY_MS = 5 * SECOND_MS;
const SEEN_TENANTS_EVERY_MS = 5 * SECOND_MS;
const SWEEP_EVERY_MS = MINUTE_MS;
const SEARCH_MS = 10 * MINUTE_MS;

export interface DeletionOptions {
  readonly config: Config;
  readonly spoolFolder: string;
  readonly stores: Pick<Stores, 'clickhouse' | 'postgres' | 'postgresUrl' | 'postgresOwnerUrl'>;
  readonly directory: TenantDirectory;
  readonly memories: readonly TenantMemory[];
  readonly registry: Registry;
  readonly log: Logger;
}

export interface Deletion {
  readonly ports: { readonly deletions: Deletions; readonly deletionCertificates: DeletionCertificates };
  stop(): Promise<void>;
}

/**
 * Requests to delete tenants and what carries them out: on one server at a time, and only what is due. Tenants that
 * telemetry names are entered from here as well: those who were deleted are not.
 */
export function startDeletion(options: DeletionOptions): Deletion {
  const { config, spoolFolder, stores, directory, registry, log } = options;
  const { clickhouse, postgres, postgresUrl, postgresOwnerUrl } = stores;
  const dataDir = resolve(config.TENANTRY_DATA_DIR);
  const key = installationKey(config);
  const jobs = new DeletionJobs(postgres);
  const store = new DeletionStore(postgres, directory);
  const certificates = new CertificateStore(postgres);
  const telemetry = new TelemetryEraser(clickhouse, config.CLICKHOUSE_CLUSTER);
  const leadership = new PostgresLeadership(postgresUrl, 'deletions');
  const stateFile = join(dataDir, 'detector-state.json');
  const swept = lateRowsCounter(registry);
  const memories: TenantMemory[] = [...options.memories, directory];
  const late = new LateRows({
    postgres,
    certificates,
    key,
    telemetry,
    memories,
    directory,
    log,
    onSwept: (rows) => swept.inc(rows),
  });
  const quarantine = new QuarantineFolder(spoolFolder);
  const runner = new DeletionRunner({
    ...{ postgres, jobs, telemetry, key, log, version: VERSION },
    toLoad: (until) => toLoad(options, until),
    holders: [
      { place: 'quarantine', erase: (tenantId) => dropQuarantined(quarantine, spoolFolder, tenantId) },
      { place: 'exports', erase: (tenantId) => dropExports(postgres, new ArchiveFolders(dataDir), tenantId) },
    ],
    forget: async (tenantId) => {
      await forgetTenant({ postgres, memories, stateFile }, tenantId);
      return undefined;
    },
  });

  /** Known by name only as long as this process lives: nothing that outlives it tells whose deletion it was. */
  const justDeleted = new Map<string, TenantId>();

  async function carryOut(job: DeletionJob): Promise<void> {
    if (await runner.run(job)) justDeleted.set(job.requestId, job.tenantId);
  }

  async function searchFor(tenantId: TenantId) {
    const wholeWords = await isPartOfOthers(postgres, tenantId);
    return searchFiles(dataDir, tenantId, { until: Date.now() + SEARCH_MS, wholeWords });
  }

  async function careForFiles(): Promise<void> {
    for (const certificateId of await certificates.withoutAftercare()) {
      const tenantId = justDeleted.get(certificateId);
      // Detectors may have been at work on the tenant as it went, and have saved themselves since.
      if (tenantId !== undefined) await forgetTenant({ postgres, memories, stateFile }, tenantId);
      const notes: string[] = [];
      if (postgresOwnerUrl === undefined)
        notes.push('PostgreSQL is the operator’s: its files were left to its own vacuum.');
      else {
        await rewriteFiles(postgresOwnerUrl);
        notes.push('The tables of the embedded PostgreSQL were rewritten, and its write-ahead files dropped.');
      }
      const search = tenantId === undefined ? undefined : await searchFor(tenantId);
      if (search === undefined)
        notes.push('Files were not searched: the server was restarted, and does not know the id any more.');
      else notes.push(`${search.searched} files of the data directory were searched, ${search.skipped} could not be.`);
      await certificates.setAftercare(certificateId, {
        at: new Date().toISOString(),
        notes,
        files: search?.found ?? null,
      });
      justDeleted.delete(certificateId);
    }
  }

  async function look(): Promise<void> {
    await late.hear();
    if (!(await leadership.isLeader())) return;
    await careForFiles();
    for (const job of await jobs.due(Date.now(), config.TENANTRY_DELETION_AUTOMATIC)) {
      if (!job.begun) await jobs.begin({ kind: 'system', subject: 'deletions' }, job, 'begin', Date.now());
      await carryOut(job);
    }
  }

  const seen = rememberSeenTenants(clickhouse, late, config);
  memories.push(seen);
  const schedules = [
    runEvery(SEEN_TENANTS_EVERY_MS, 'seen-tenants', log, seen),
    runEvery(LOOK_EVERY_MS, 'deletions', log, look),
    runEvery(SWEEP_EVERY_MS, 'deletions-late', log, () => late.sweep()),
  ];
  const terms = { waitingDays: config.TENANTRY_DELETION_WAITING_DAYS, automatic: config.TENANTRY_DELETION_AUTOMATIC };
  const deletions: Deletions = {
    terms,
    list: (actor, filter) => store.list(actor, filter),
    request: async (actor, tenantId, wish) => {
      const made = await store.request(actor, tenantId, wish);
      // For the operator: a request nobody notices is one that is carried out too late, or not cancelled in time.
      log.warn({ tenant: tenantId, notBefore: made.notBefore }, 'the deletion of a tenant was requested');
      return made;
    },
    cancel: (actor, tenantId, requestId) => store.cancel(actor, tenantId, requestId),
    start: async (actor, tenantId, requestId) => {
      const found = await jobs.find({ requestId, tenantId });
      if (found === undefined || found.state === 'cancelled') return undefined;
      const event = found.state === 'failed' ? 'retry' : 'begin';
      const begun = await jobs.begin(actor, { requestId, tenantId }, event, Date.now());
      return begun === undefined ? undefined : { ...begun, legalHold: false };
    },
    holds: (actor) => store.holds(actor),
    hold: (actor, tenantId, reason) => store.hold(actor, tenantId, reason),
    release: (actor, tenantId) => store.release(actor, tenantId),
  };
  return {
    ports: {
      deletions,
      deletionCertificates: certificateDesk({ postgres, store: certificates, telemetry, key, dataDir, now: Date.now }),
    },
    stop: async () => {
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await leadership.release().catch((thrown: unknown) => log.debug({ err: toError(thrown) }, 'lead not given back'));
    },
  };
}

/** What was acknowledged until then and is not in its tables yet, as a sentence. */
async function toLoad({ spoolFolder, stores }: DeletionOptions, until: number): Promise<string | undefined> {
  const { clickhouse, postgres } = stores;
  const segments = await segmentsUntil(spoolFolder, until);
  if (segments > 0) return `${segments} segments of telemetry that came before still have to be loaded.`;
  const [batches] = await clickhouse.inspect<{ waiting: number }>(
    `SELECT toFloat64(count()) AS waiting FROM (SELECT DISTINCT Batch FROM spans_waiting UNION DISTINCT SELECT DISTINCT Batch FROM adopting_traces)
     WHERE toFloat64OrZero(substring(Batch, 1, 13)) <= ${Math.floor(until)}`,
  );
  if ((batches?.waiting ?? 0) > 0) return 'Spans that came before still wait for the tenant of their trace.';
  const { oldestAt } = await new MeterEventQueue(postgres).backlog();
  return oldestAt !== null && oldestAt <= until ? 'Usage events that came before still have to be loaded.' : undefined;
}
