import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Admission } from '../../ingest/admission.ts';
import { limitsOf } from '../../ingest/limits.ts';
import { loadConfig } from '../../src/config/config.ts';
import { SEGMENT_SIGNALS, type SegmentSignal, TRAILER } from '../../src/domain/spool-format.ts';
import { IngestBench } from '../support/ingest-bench.ts';
import { RequestFuzzer, verdictOf } from '../support/ingest-fuzz.ts';
import { varintBytes } from '../support/ingest-fuzz-fields.ts';
import { HttpFuzzClient, type HttpInput, httpInput } from '../support/ingest-fuzz-http.ts';
import { type SegmentRecord, sealedRecords } from '../support/otlp-segment.ts';

const REQUESTS = 4_000;
const CONNECTIONS = 8;
const HEALTH_EVERY = 50;
/** Of requests with a key to paths that exist. */
const ANSWERS = new Set([200, 400, 413, 415, 429, 503]);
const seed = Number(process.env['TENANTRY_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const NO_LIMITS = {
  TENANTRY_LIMIT_ATTRIBUTES_PER_SPAN: '0',
  TENANTRY_LIMIT_ATTRIBUTE_KEY_BYTES: '0',
  TENANTRY_LIMIT_ATTRIBUTE_VALUE_BYTES: '0',
  TENANTRY_LIMIT_VALUE_DEPTH: '0',
  TENANTRY_LIMIT_ROUTES_PER_TENANT: '0',
  TENANTRY_LIMIT_ATTRIBUTE_KEYS_PER_TENANT: '0',
  TENANTRY_LIMIT_TENANTS_PER_KEY: '0',
};

/** Without limits all is stored as it came, but for attributes that come twice in one span. */
function expectedStored(signal: SegmentSignal, bytes: Uint8Array): string {
  const limits = limitsOf(loadConfig(NO_LIMITS));
  const admission = new Admission({ limits, onLimited: () => undefined, onMismatches: () => undefined });
  const { body } = admission.admit(signal, bytes, { keyId: 'fuzz', tenantId: undefined });
  return `/v1/${signal} ${Buffer.from(body).toString('base64')}`;
}

let bench: IngestBench;

beforeEach(async () => {
  bench = new IngestBench();
  // What is cut is not what was sent; what limits make of mutated requests is looked at in fuzz.test.ts.
  await bench.start(NO_LIMITS);
});

afterEach(async () => {
  await bench.end();
});

/** What a client sent of a stored record: all before ingest's trailer, which begins with the time of arrival. */
function sentPart({ message, receivedAtNs }: SegmentRecord): string {
  const receivedAt = Buffer.alloc(8);
  receivedAt.writeBigUInt64LE(BigInt(receivedAtNs));
  const trailerAt = message.lastIndexOf(
    Buffer.concat([Buffer.from(varintBytes(TRAILER.RECEIVED_AT * 8 + 1)), receivedAt]),
  );
  return message.subarray(0, trailerAt).toString('base64');
}

describe('the receiver', () => {
  it(`answers ${REQUESTS} mutated requests over HTTP, and stores what it said 200 to (seed ${seed})`, async () => {
    process.stdout.write(`TENANTRY_FUZZ_SEED=${seed}\n`);
    const fuzzer = new RequestFuzzer(seed, Date.now());
    const client = new HttpFuzzClient(bench.port);
    const wrong: string[] = [];
    const statuses = new Map<number, number>();
    const acknowledged: HttpInput[] = [];
    const numbers = Array.from({ length: REQUESTS }, (_, number) => number).values();
    const connection = async () => {
      for (const number of numbers) {
        const input = httpInput(fuzzer, number);
        const status = await client.send(input).catch(String);
        if (typeof status === 'string' || (!ANSWERS.has(status) && !(input.hangsUp && status === 0))) {
          wrong.push(`request ${number}: ${status}`);
        } else {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        if (status === 200) acknowledged.push(input);
        if (number % HEALTH_EVERY === 0) expect(await client.health()).toBe(200);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, connection));
    client.close();
    expect(wrong.slice(0, 5), `of ${wrong.length}`).toEqual([]);
    for (const status of [200, 400, 415]) expect(statuses.get(status)).toBeGreaterThan(REQUESTS / 100);

    await bench.stop();
    const records = SEGMENT_SIGNALS.flatMap((signal) =>
      sealedRecords(bench.dir.spool, signal).map((record) => ({ signal, record, sent: sentPart(record) })),
    );
    expect(records.filter(({ record }) => !record.crcMatches)).toEqual([]);
    for (const { signal, sent } of records) {
      expect(verdictOf({ signal, bytes: Buffer.from(sent, 'base64') })).toHaveProperty('items');
    }
    const stored = new Set(records.map(({ signal, sent }) => `/v1/${signal} ${sent}`));
    const missing = acknowledged.filter(({ path, otlp }) => {
      const signal = SEGMENT_SIGNALS.find((one) => path === `/v1/${one}`);
      if (otlp === undefined || signal === undefined) return false;
      const verdict = verdictOf({ signal, bytes: otlp });
      return 'items' in verdict && verdict.items > 0 && !stored.has(expectedStored(signal, otlp));
    });
    expect(missing.map(({ path, otlp }) => `${path} ${Buffer.from(otlp ?? []).toString('base64')}`)).toEqual([]);
    expect(stored.size).toBeGreaterThan(REQUESTS / 20);
  }, 300_000);
});
