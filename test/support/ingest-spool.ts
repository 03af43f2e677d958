import { pino } from 'pino';
import { requestKey, type StoredAnswer } from '../../ingest/retry-memory.ts';
import { Spool, type SpoolOptions } from '../../ingest/spool.ts';
import type { SegmentSignal } from '../../src/domain/spool-format.ts';
import { otlpMetrics, otlpSum } from './metrics.ts';
import { decodeMetricsRequest, encodeMetricsRequest, metricsOf } from './otlp-metrics-proto.ts';
import { encodeTraceRequest, spansOf } from './otlp-proto.ts';
import { sampleRequest, sampleSpan } from './otlp-samples.ts';
import { sealedRecords, temporaryDataDir } from './otlp-segment.ts';

const LOG = pino({ level: 'silent' });
/** Sealing by age is off unless a test sets it. */
const NEVER_MS = 3_600_000;

/** A data directory and the spools opened in it; `end` closes and removes all. */
export class SpoolBench {
  readonly dir = temporaryDataDir();
  readonly #spools: Spool[] = [];

  async open(options: Partial<SpoolOptions> = {}): Promise<Spool> {
    const spool = await Spool.open({
      folder: this.dir.spool,
      segmentBytes: 1024 * 1024,
      segmentAgeMs: NEVER_MS,
      maxBytes: 64 * 1024 * 1024,
      log: LOG,
      ...options,
    });
    this.#spools.push(spool);
    return spool;
  }

  async end(): Promise<void> {
    await Promise.all(this.#spools.map((spool) => spool.close()));
    this.dir.remove();
  }

  /** Names of the spans or metrics in all sealed segments of a signal, oldest first. */
  sealedNames(signal: SegmentSignal = 'traces'): (string | undefined)[] {
    return sealedRecords(this.dir.spool, signal).flatMap((record) =>
      signal === 'traces'
        ? spansOf(record.request).map(({ name }) => name)
        : metricsOf(decodeMetricsRequest(record.message)).map(({ name }) => name),
    );
  }
}

/** A request of one span or metric with this name. */
export function requestNamed(name: string, signal: SegmentSignal): Uint8Array {
  return signal === 'traces'
    ? encodeTraceRequest(sampleRequest([sampleSpan(name)]))
    : encodeMetricsRequest(otlpMetrics([otlpSum(name, 's', [{ at: Date.now(), value: 1 }])]));
}

/** Appends a request of one span or metric with this name. */
export function appendNamed(spool: Spool, name: string, signal: SegmentSignal = 'traces'): Promise<void> {
  const origin = { receivedAt: 1_700_000_000_123, keyId: 'key-1', keyTenant: undefined };
  return spool.append(signal, requestNamed(name, signal), origin);
}

/** Brings a request to the spool as the door does, so that one which is stored already is not stored again. */
export async function deliver(spool: Spool, message: Uint8Array, signal: SegmentSignal = 'traces'): Promise<boolean> {
  const key = requestKey('key-1', signal, message);
  const answer: StoredAnswer = { items: 1, rejected: 0, reason: undefined };
  const origin = { receivedAt: 1_700_000_000_123, keyId: 'key-1', keyTenant: undefined, known: { key, ...answer } };
  if (spool.retries === undefined) throw new Error('this spool does not recognise retries');
  const { isRetry } = await spool.retries.once(key, async () => {
    await spool.append(signal, message, origin);
    return answer;
  });
  return isRetry;
}
