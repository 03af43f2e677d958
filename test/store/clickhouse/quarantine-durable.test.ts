/** A power loss takes what was not synced: the order in which the quarantine's files are made and others go. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SegmentInsert } from '../../../src/store/clickhouse/clickhouse.ts';
import { QuarantineFolder } from '../../../src/store/clickhouse/quarantine-folder.ts';
import { SegmentLoader } from '../../../src/store/clickhouse/segment-loader.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../../support/spans.ts';

const calls = vi.hoisted((): string[] => []);

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const { basename: nameOf } = await import('node:path');
  return {
    ...real,
    open: async (path: string, flags?: string) => {
      const file = await real.open(path, flags);
      const told = (what: string, call: () => Promise<void>) => async () => {
        await call();
        calls.push(`${what} ${nameOf(path)}`);
      };
      return Object.assign(file, {
        datasync: told('sync', file.datasync.bind(file)),
        sync: told('sync', file.sync.bind(file)),
      });
    },
    rename: async (from: string, to: string) => {
      await real.rename(from, to);
      calls.push(`make ${nameOf(to)}`);
    },
    rm: async (path: string, options?: { force: boolean }) => {
      calls.push(`remove ${nameOf(path)}`);
      await real.rm(path, options);
    },
  };
});

const SEGMENT = '1790000000000-00112233445566ff.otlp';
const TOKEN = '1790000000000-00112233445566ff';
const ID = `${TOKEN}_1`;

let spool = '';
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'tenantry-durable-'));
  mkdirSync(join(spool, 'sealed'));
  const request = (name: string) => otlpRequest([otlpSpan({ name, start: Date.now() })]);
  writeFileSync(join(spool, 'sealed', SEGMENT), segmentOf(['a', 'poison', 'b'].map(request), { receivedAt: 1 }));
  calls.length = 0;
});
afterEach(() => rmSync(spool, { recursive: true }));

async function loadIt(): Promise<void> {
  const refuse = ({ path }: SegmentInsert) => {
    if (readFileSync(path).includes('poison')) throw new Error('Code: 444. DB::Exception: no protobuf.');
  };
  const clickhouse = {
    checkSegment: async (segment: SegmentInsert) => refuse(segment),
    insertSegment: async (segment: SegmentInsert) => {
      refuse(segment);
      calls.push(`insert ${basename(segment.path)}`);
    },
  };
  const loader = new SegmentLoader({ spoolFolder: spool, clickhouse, log: pino({ level: 'silent' }) });
  await loader.start();
  await vi.waitFor(() => expect(loader.figures().loadedSegments).toBe(1), { timeout: 10_000, interval: 5 });
  await loader.stop();
}

/** These calls, each before the next, whatever is between. */
function expectInOrder(...wanted: readonly string[]): void {
  let from = 0;
  const found = wanted.filter((call) => {
    const at = calls.indexOf(call, from);
    if (at < 0) return false;
    from = at + 1;
    return true;
  });
  expect(found, calls.join('\n')).toEqual(wanted);
}

it('a refused request and its note are on the disk, and written down, before the others go in and the segment goes', async () => {
  await loadIt();
  expectInOrder(
    ...[`sync ${ID}.json.new`, `make ${ID}.json`, `sync ${ID}.otlp.new`, `make ${ID}.otlp`, 'sync quarantine'],
    ...[`sync ${TOKEN}.excluded.new`, `make ${TOKEN}.excluded`, 'sync quarantine'],
    ...[`insert ${TOKEN}.part`, `remove ${SEGMENT}`, `remove ${TOKEN}.excluded`],
  );
});

it('a replayed request is on the disk as a segment before it leaves the quarantine', async () => {
  await loadIt();
  calls.length = 0;
  const folder = new QuarantineFolder(spool, () => 1_790_000_000_999);
  expect(await folder.replay(ID)).toBe(true);
  const segment = calls.find((call) => call.startsWith('make 1790000000999-')) ?? '';
  expectInOrder(`make ${ID}.json`, `sync ${ID}.otlp.replay`, segment, 'sync sealed', `remove ${ID}.otlp`);
});
