import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { RequestFuzzer, underWatchdog, verdictOf } from '../support/ingest-fuzz.ts';
import { fuzzCorpus } from '../support/ingest-fuzz-corpus.ts';
import { encodeFields, parseFields } from '../support/ingest-fuzz-fields.ts';
import { fuzzWireCheck } from '../support/ingest-fuzz-run.ts';

/** As many as are promised; `npm run soak -- fuzz` makes a hundred times as many. */
const REQUESTS = 100_000;
const seed = Number(process.env['TENANTRY_FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let store: TestClickHouse;

beforeAll(async () => {
  store = await startTestClickHouse();
});

afterAll(async () => {
  await store.stop();
});

describe('mutated requests', () => {
  it('come out of a seed as the same bytes each time', () => {
    const numbers = [0, 1, 2, 77_777];
    const bytesOf = (at: number) =>
      numbers.map((number) => Buffer.from(new RequestFuzzer(seed, at).request(number).bytes));
    expect(bytesOf(1_700_000_000_000)).toEqual(bytesOf(1_700_000_000_000));
  });

  it('begin with requests that are taken, and come apart and together again', () => {
    for (const { signal, bytes } of fuzzCorpus(Date.now())) {
      expect(verdictOf({ signal, bytes })).toHaveProperty('items');
      expect(encodeFields(parseFields(bytes) ?? [])).toEqual(Buffer.from(bytes));
    }
  });

  it('are cut short by the watchdog when they would hang', () => {
    expect(() =>
      underWatchdog(50, () => {
        for (;;);
      }),
    ).toThrow(/timed out/);
  });

  it(`are refused, or taken by the check, protobufjs and the engine alike (${REQUESTS} of seed ${seed})`, async () => {
    process.stdout.write(`TENANTRY_FUZZ_SEED=${seed}\n`);
    const tally = await fuzzWireCheck({ seed, requests: REQUESTS, store });
    expect(tally.violations.slice(0, 5), `of ${tally.violations.length}, seed ${seed}`).toEqual([]);
    expect(tally.requests).toBe(REQUESTS);
    // Mutations that nobody takes, or everybody, would show nothing.
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      expect(tally.taken[signal]).toBeGreaterThan(REQUESTS / 100);
      expect(tally.items[signal]).toBeGreaterThan(tally.taken[signal]);
    }
    expect(tally.refused).toBeGreaterThan(REQUESTS / 4);
    expect(tally.segments).toBeGreaterThan(2);
    expect(tally.cut).toBeGreaterThan(REQUESTS / 100);
  }, 300_000);
});
