import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { destination, type Logger, pino } from 'pino';
import { type Config, loadConfig } from '../src/config/config.ts';
import { ERRORS, TenantryError, toError } from '../src/domain/errors.ts';
import type { IngestStanding } from '../src/domain/spool-format.ts';
import { Admission } from './admission.ts';
import { Counters } from './counters.ts';
import { Door } from './door.ts';
import { GrpcReceiver } from './grpc-receiver.ts';
import { Intake } from './intake.ts';
import { KeyCheck } from './key-check.ts';
import { limitsOf } from './limits.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Receiver } from './receiver.ts';
import { BodyReader } from './request-body.ts';
import { signalPipeline } from './signal-pipeline.ts';
import { Spool, type SpoolFigures } from './spool.ts';

export interface Ingest {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Finishes running requests (10 s at most), seals the spool, gives the data directory back. */
  stop(): Promise<void>;
}

/** What a child process tells its parent once it takes telemetry. */
export interface IngestReady {
  readonly type: 'ready';
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** ... or why it does not. */
interface IngestFailed {
  readonly type: 'failed';
  readonly title: string;
  readonly detail: string;
  readonly hint: string | undefined;
}

const STOP_GRACE_MS = 10_000;
/** Request bodies in memory at once, compressed and decompressed ones counted alike. */
const BODIES_IN_MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * Starts the receiver: recovers the spool, reads the keys, listens.
 * @throws TenantryError DATA_DIR_IN_USE, CONFIG_INVALID (port taken)
 */
export async function startIngest({ config, log }: { config: Config; log: Logger }): Promise<Ingest> {
  const folder = join(config.TENANTRY_DATA_DIR, 'spool');
  const counters = new Counters();
  const spool = await Spool.open({
    folder,
    segmentBytes: config.TENANTRY_SEGMENT_BYTES,
    segmentAgeMs: config.TENANTRY_SEGMENT_AGE_MS,
    maxBytes: config.TENANTRY_SPOOL_MAX_BYTES,
    retryWindowMs: config.TENANTRY_RETRY_WINDOW_SECONDS * 1_000,
    log,
    onCommit: (seconds, requests) => counters.committed(seconds, requests),
  });
  const keys = await KeyCheck.start({ folder, bootstrapKey: config.TENANTRY_INGEST_KEY, log });
  const budget = new MemoryBudget(Math.max(BODIES_IN_MEMORY_BYTES, 4 * config.TENANTRY_MAX_BODY_BYTES));
  const bodies = new BodyReader(config.TENANTRY_MAX_BODY_BYTES, budget);
  counters.observe({
    spool: () => spool.figures(),
    keysRevision: () => keys.revision,
    bytesInWork: () => budget.used,
    now: Date.now,
  });
  const startedAt = Date.now();
  const ports: Pick<IngestStanding, 'httpPort' | 'grpcPort'> = { httpPort: null, grpcPort: null };
  const intake = new Intake(folder, () => {
    const sums = counters.sums();
    return {
      ...{ startedAt, ...ports, ...sums, keysRevision: keys.revision ?? null },
      keys: keys.withPreviousUses(sums.keys),
      spool: standingOf(spool.figures(), config.TENANTRY_SPOOL_MAX_BYTES),
    };
  });
  const admission = new Admission({
    limits: limitsOf(config),
    onLimited: (limit, count, keyId) => counters.limited(limit, count, keyId),
    onMismatches: (mismatches, keyId) => counters.mismatched(mismatches, keyId),
  });
  const door = new Door({ spool, admission, retries: spool.retries, counters, intake, now: Date.now });
  const pipeline = { keys, bodies, door, admission };
  const refusals = {
    ...{ counters, log, onRefused: () => intake.refused() },
    discardBytes: 4 * config.TENANTRY_MAX_BODY_BYTES,
  };
  const receiver = new Receiver({
    signals: {
      traces: signalPipeline('traces', pipeline),
      metrics: signalPipeline('metrics', pipeline),
      logs: signalPipeline('logs', pipeline),
    },
    ...refusals,
    health: () => health(spool, ports.grpcPort),
  });
  const grpcReceiver = new GrpcReceiver({ pipeline, ...refusals });
  const closeAll = async () => {
    await Promise.all([receiver.stop(STOP_GRACE_MS), grpcReceiver.stop(STOP_GRACE_MS)]);
    await intake.stop();
    await keys.stop();
    await spool.close();
  };
  try {
    const httpPort = await receiver.listen(config.TENANTRY_HOST, config.TENANTRY_OTLP_HTTP_PORT);
    const grpcPort = await grpcReceiver.listen(config.TENANTRY_HOST, config.TENANTRY_OTLP_GRPC_PORT);
    Object.assign(ports, { httpPort, grpcPort });
    log.info({ httpPort, grpcPort, recovered: spool.figures().recovered }, 'ingest takes OTLP');
    return { httpPort, grpcPort, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function standingOf(figures: SpoolFigures, maxBytes: number): IngestStanding['spool'] {
  const { openBytes, sealedBytes, sealedSegments, openSince, oldestSealedAt, refusal, recovered } = figures;
  const oldest = Math.min(openSince ?? Number.POSITIVE_INFINITY, oldestSealedAt ?? Number.POSITIVE_INFINITY);
  return {
    ...{ bytes: openBytes + sealedBytes, maxBytes, sealedSegments, refusal: refusal ?? null },
    oldestAt: Number.isFinite(oldest) ? oldest : null,
    ...{ tornBytes: recovered.tornBytes, corruptBytes: recovered.corruptBytes },
  };
}

/** For whoever reads the terminal. */
export function portsInWords({ httpPort, grpcPort }: Pick<Ingest, 'httpPort' | 'grpcPort'>): string {
  return `OTLP/HTTP on port ${httpPort}, OTLP/gRPC on port ${grpcPort}`;
}

/** The process answers, so it is alive; whether it takes telemetry is said beside it. */
function health(spool: Spool, grpcPort: number | null): object {
  const { refusal } = spool.figures();
  return { status: 'ok', accepting: refusal === undefined, grpcPort, ...(refusal === undefined ? {} : { refusal }) };
}

/** Runs until SIGTERM, SIGINT or the end of the parent, which is noticed by its channel. */
async function runAsProcess(): Promise<void> {
  let log = pino(destination({ fd: 2, sync: true }));
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ingest failed');
    process.exit(1);
  });
  try {
    const config = loadConfig();
    log = pino({ level: config.TENANTRY_LOG_LEVEL, name: 'ingest' }, destination({ fd: 2, sync: true }));
    const ingest = await startIngest({ config, log });
    let stopping = false;
    const stop = (cause: string) => {
      if (stopping) return;
      stopping = true;
      log.info({ cause }, 'ingest stops');
      ingest.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.fatal({ err: toError(error) }, 'ingest did not stop cleanly');
          process.exit(1);
        },
      );
    };
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGINT', () => stop('SIGINT'));
    process.on('disconnect', () => stop('parent gone'));
    const { httpPort, grpcPort } = ingest;
    const ready: IngestReady = { type: 'ready', httpPort, grpcPort };
    if (process.send === undefined) process.stdout.write(`ingest takes ${portsInWords(ingest)}\n`);
    else if (process.connected) process.send(ready);
    else stop('parent gone');
  } catch (thrown) {
    const error = toError(thrown);
    log.fatal({ err: error }, error.message);
    if (process.connected) process.send?.(failed(error), () => process.exit(1));
    else process.exit(1);
  }
}

function failed(error: Error): IngestFailed {
  const known = error instanceof TenantryError ? error : undefined;
  const title = known === undefined ? 'Ingest did not start' : ERRORS[known.code].title;
  return { type: 'failed', title, detail: error.message, hint: known?.hint };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await runAsProcess();
