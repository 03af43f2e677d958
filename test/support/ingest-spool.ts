import { pino } from 'pino';
import { Spool, type SpoolOptions } from '../../ingest/spool.ts';
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

  /** Names of the spans in all sealed segments, oldest first. */
  sealedNames(): (string | undefined)[] {
    return sealedRecords(this.dir.spool).flatMap((record) => spansOf(record.request).map((span) => span.name));
  }
}

/** Appends a request of one span with this name. */
export function appendNamed(spool: Spool, name: string): Promise<void> {
  const message = encodeTraceRequest(sampleRequest([sampleSpan(name)]));
  return spool.append('traces', message, { receivedAt: 1_700_000_000_123, keyId: 'key-1', keyTenant: undefined });
}
