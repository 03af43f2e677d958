import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../ingest/spool-record.ts';
import { observedDisk } from '../support/ingest-disk.ts';
import { requestNamed, SpoolBench } from '../support/ingest-spool.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';
import { namesIn, recordsOf } from '../support/otlp-segment.ts';

const NAME = '1700000000000-0123456789abcdef.otlp';
const METRICS_NAME = '1700000000000-fedcba9876543210.metrics.otlp';

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.end());

function record(name: string): Buffer {
  const message = encodeTraceRequest(sampleRequest([sampleSpan(name, { attributes: [] })]));
  return Buffer.concat(encodeRecord(message, { receivedAt: 1, keyId: 'k', keyTenant: 'acme' }));
}

/** What a killed process leaves: a file in `open/`. */
function leaveOpen(contents: Uint8Array, name = NAME): void {
  mkdirSync(join(bench.dir.spool, 'open'), { recursive: true });
  writeFileSync(join(bench.dir.spool, 'open', name), contents);
}

function metricsRecord(name: string): Buffer {
  return Buffer.concat(encodeRecord(requestNamed(name, 'metrics'), { receivedAt: 1, keyId: 'k', keyTenant: 'acme' }));
}

async function recovered() {
  const spool = await bench.open();
  const { recovered: figures } = spool.figures();
  await spool.close();
  return figures;
}

function quarantined(): Buffer {
  return readFileSync(join(bench.dir.spool, 'quarantine', `${NAME}.corrupt`));
}

describe('recovery', () => {
  it('seals whole records under the name they had, and is idle the second time', async () => {
    leaveOpen(Buffer.concat([record('one'), record('two')]));
    expect(await recovered()).toEqual({ segments: 1, records: 2, tornBytes: 0, corruptBytes: 0 });
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([NAME]);
    expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
    expect(bench.sealedNames()).toEqual(['one', 'two']);
    expect(await recovered()).toEqual({ segments: 0, records: 0, tornBytes: 0, corruptBytes: 0 });
    expect(bench.sealedNames()).toEqual(['one', 'two']);
  });

  it('removes empty files, leaves strange ones alone', async () => {
    leaveOpen(Buffer.alloc(0));
    leaveOpen(Buffer.from('notes'), 'README.txt');
    expect(await recovered()).toMatchObject({ segments: 0, records: 0 });
    expect(namesIn(bench.dir.spool, 'open')).toEqual(['README.txt']);
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([]);
  });

  it.each([
    ['traces', NAME, record],
    ['metrics', METRICS_NAME, metricsRecord],
  ] as const)(
    'cuts an unfinished last record of %s at every byte and keeps all before it',
    async (_, file, recordOf) => {
      const kept = Buffer.concat([recordOf('one'), recordOf('two')]);
      const last = recordOf('three');
      for (let length = 1; length < last.length; length++) {
        leaveOpen(Buffer.concat([kept, last.subarray(0, length)]), file);
        const figures = await recovered();
        const sealed = readFileSync(join(bench.dir.spool, 'sealed', file));
        expect([figures.records, figures.tornBytes, figures.corruptBytes], `${length} bytes`).toEqual([2, length, 0]);
        expect(sealed.equals(kept), `${length} bytes`).toBe(true);
      }
      expect(namesIn(bench.dir.spool, 'quarantine')).toEqual([]);
    },
  );

  it('keeps the signals apart, each segment under the name that says what it holds', async () => {
    leaveOpen(record('a span'));
    leaveOpen(metricsRecord('a metric'), METRICS_NAME);
    expect(await recovered()).toEqual({ segments: 2, records: 2, tornBytes: 0, corruptBytes: 0 });
    expect(namesIn(bench.dir.spool, 'sealed')).toEqual([NAME, METRICS_NAME]);
    expect(bench.sealedNames('traces')).toEqual(['a span']);
    expect(bench.sealedNames('metrics')).toEqual(['a metric']);
  });

  it('never seals a record with a flipped bit, whichever bit it is, and starts all the same', async () => {
    const records = [record('one'), record('two'), record('three')];
    const middle = records[1]?.length ?? 0;
    const start = records[0]?.length ?? 0;
    const lengthBytes = 2;
    for (let bit = 0; bit < middle * 8; bit += 3) {
      const contents = Buffer.concat(records);
      const at = start + Math.floor(bit / 8);
      contents[at] = (contents[at] ?? 0) ^ (1 << (bit % 8));
      leaveOpen(contents);
      const figures = await recovered();
      const sealed = recordsOf(readFileSync(join(bench.dir.spool, 'sealed', NAME)));
      expect(sealed.every((entry) => entry.crcMatches)).toBe(true);
      // A flip inside the message costs that record alone; one in its length costs what lies behind it, too.
      const inLength = at < start + lengthBytes;
      expect(figures.records, `bit ${bit}`).toBe(sealed.length);
      if (!inLength)
        expect(sealed.map((entry) => entry.request.resource_spans?.[0]?.scope_spans?.[0]?.spans?.[0]?.name)).toEqual([
          'one',
          'three',
        ]);
      expect(figures.corruptBytes + figures.tornBytes).toBe(contents.length - sealedBytes());
    }
  }, 60_000);

  function sealedBytes(): number {
    return readFileSync(join(bench.dir.spool, 'sealed', NAME)).length;
  }

  it('keeps the corrupt bytes in quarantine, with the reason beside them', async () => {
    const bad = record('bad');
    bad[20] = (bad[20] ?? 0) ^ 1;
    const zeros = Buffer.alloc(64);
    const good = record('good');
    leaveOpen(Buffer.concat([good, bad, zeros]));
    expect(await recovered()).toEqual({ segments: 1, records: 1, tornBytes: 0, corruptBytes: bad.length + 64 });
    expect(bench.sealedNames()).toEqual(['good']);
    expect(quarantined().equals(Buffer.concat([bad, zeros]))).toBe(true);
    const reason = JSON.parse(readFileSync(join(bench.dir.spool, 'quarantine', `${NAME}.corrupt.json`), 'utf8'));
    expect(reason).toMatchObject({
      segment: NAME,
      reason: expect.stringContaining('checksum'),
      byte_ranges: [[good.length, good.length + bad.length + 64]],
      records_kept: 1,
    });
  });

  it('does not look for records inside damaged bytes: a client may have put a forged one there', async () => {
    const forged = record('forged');
    const message = encodeTraceRequest(sampleRequest([sampleSpan('carrier', { trace_state: 'x' })]));
    const carrier = Buffer.concat(
      encodeRecord(Buffer.concat([message, Buffer.from([0x9a, 0x3f, forged.length]), forged]), {
        receivedAt: 1,
        keyId: 'k',
        keyTenant: 'acme',
      }),
    );
    const good = record('good');
    leaveOpen(Buffer.concat([good, carrier.subarray(0, carrier.length - 4)]));
    expect(await recovered()).toMatchObject({ records: 1, tornBytes: carrier.length - 4 });
    expect(bench.sealedNames()).toEqual(['good']);
  });

  it.each(['create', 'write', 'datasync', 'rename', 'syncFolder'] as const)(
    'loses and doubles nothing when %s fails on the way and recovery is run again',
    async (failing) => {
      const bad = record('bad');
      bad[20] = (bad[20] ?? 0) ^ 1;
      leaveOpen(Buffer.concat([record('one'), bad, record('two')]));
      for (let failAt = 1; failAt <= 3; failAt++) {
        let calls = 0;
        const disk = observedDisk((call) => {
          if (call === failing && ++calls === failAt) throw new Error('power lost');
        });
        await bench.open({ disk }).then(
          (spool) => spool.close(),
          (error) => expect(String(error)).toContain('power lost'),
        );
      }
      await recovered();
      expect(bench.sealedNames()).toEqual(['one', 'two']);
      expect(namesIn(bench.dir.spool, 'open')).toEqual([]);
      expect(quarantined().equals(bad)).toBe(true);
    },
  );
});
