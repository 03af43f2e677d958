import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type HttpAnswer, IngestBench } from '../support/ingest-bench.ts';
import { encodeTraceRequest, spansOf } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';
import { namesIn, recordsOf } from '../support/otlp-segment.ts';

const ROUNDS = 10;
const DISK_BYTES = 48 * 1024 * 1024;

let mounted: string | undefined;
let whyNot = '';
let bench: IngestBench;

beforeEach(() => {
  bench = new IngestBench();
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-full-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', folder], { stdio: 'pipe' });
    mounted = folder;
  } catch (error) {
    whyNot = String(error);
    rmSync(folder, { recursive: true });
  }
});

afterEach(async () => {
  await bench.end();
  if (mounted === undefined) return;
  execFileSync('umount', ['-l', mounted]);
  rmSync(mounted, { recursive: true });
  mounted = undefined;
});

/** Takes every byte that is left, also those that no file system call of 64 KiB gets any more. */
function fillToTheBrim(path: string): void {
  const file = openSync(path, 'w');
  for (let bytes = 65_536; bytes >= 1; ) {
    try {
      writeSync(file, Buffer.alloc(bytes, 1));
    } catch {
      bytes = Math.floor(bytes / 2);
    }
  }
  closeSync(file);
}

class Senders {
  readonly acknowledged: string[] = [];
  readonly refusals: HttpAnswer[] = [];
  #running = true;
  #count = 0;

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: 4 }, () => this.#send()));
  }

  stop(): void {
    this.#running = false;
  }

  async #send(): Promise<void> {
    while (this.#running) {
      const name = `request ${this.#count++}`;
      const body = encodeTraceRequest(sampleRequest([...Array(10)].map(() => sampleSpan(name))));
      for (let answer = await bench.post(body); answer.status !== 200; answer = await bench.post(body)) {
        this.refusals.push(answer);
        await delay(20);
      }
      this.acknowledged.push(name);
      await delay(5);
    }
  }
}

/** What the loader does: reads what is sealed and deletes it. */
function load(spool: string): string[] {
  return namesIn(spool, 'sealed').flatMap((segment) => {
    const path = join(spool, 'sealed', segment);
    const names = recordsOf(readFileSync(path)).map(({ request }) => spansOf(request)[0]?.name ?? '');
    rmSync(path);
    return names;
  });
}

it('refuses on a disk that is full to the brim, ten times over, and stores what it acknowledged', async (context) => {
  if (mounted === undefined) {
    context.skip(`a small tmpfs cannot be mounted here (it takes root): ${whyNot}`);
    return;
  }
  const spool = join(mounted, 'spool');
  await bench.start({ TENANTRY_DATA_DIR: mounted, TENANTRY_SEGMENT_BYTES: '100000' });
  const senders = new Senders();
  const sending = senders.run();
  const stored: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = senders.acknowledged.length;
    await expect.poll(() => senders.acknowledged.length).toBeGreaterThan(before + 5);
    const ballast = join(mounted, 'ballast');
    fillToTheBrim(ballast);
    const refused = senders.refusals.length;
    await expect.poll(() => senders.refusals.length).toBeGreaterThan(refused);
    rmSync(ballast);
    const then = senders.acknowledged.length;
    await expect.poll(() => senders.acknowledged.length, { timeout: 10_000 }).toBeGreaterThan(then);
    stored.push(...load(spool));
  }
  senders.stop();
  await sending;
  await bench.stop();
  stored.push(...load(spool));
  expect(stored.toSorted()).toEqual(senders.acknowledged.toSorted());
  expect(senders.refusals.every(({ status }) => status === 503)).toBe(true);
  const waits = senders.refusals.map(({ headers }) => Number(headers['retry-after']));
  expect(waits.every((seconds) => seconds >= 1 && seconds <= 5)).toBe(true);
  expect(namesIn(spool, 'open')).toEqual([]);
  // It was full for the writes themselves, not only for those who look ahead.
  expect(bench.logLines.some((line) => line.includes('ENOSPC'))).toBe(true);
}, 60_000);
