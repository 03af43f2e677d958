import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Spool } from '../../ingest/spool.ts';
import { nodeDisk, type SpoolDisk, type SpoolFile } from '../../ingest/spool-disk.ts';
import { SEGMENT_SIGNALS, type SegmentSignal } from '../../src/domain/spool-format.ts';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { deliver, requestNamed, SpoolBench } from '../support/ingest-spool.ts';

const RUNS = 100;

/**
 * Random lives of a spool: bursts of requests, failing calls, crashes in the middle of any call, torn writes, a loader
 * that takes sealed segments, clients that send again what was refused and what they have lost the answer to; of traces
 * and of metrics. Whatever happens: in the end every request is stored exactly once, and every start works.
 */
type Action =
  | { readonly kind: 'append'; readonly requests: number }
  | { readonly kind: 'fail'; readonly call: DiskCall; readonly after: number }
  | { readonly kind: 'crash'; readonly call: DiskCall; readonly after: number; readonly tornBytes: number }
  | { readonly kind: 'load' }
  | { readonly kind: 'restart' };

const call = fc.constantFrom<DiskCall>('create', 'write', 'datasync', 'truncate', 'close', 'rename', 'syncFolder');
const after = fc.integer({ min: 1, max: 4 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('append' as const), requests: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), call, after }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      call,
      after,
      tornBytes: fc.integer({ min: 0, max: 400 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('load' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);

interface Request {
  readonly name: string;
  readonly signal: SegmentSignal;
  readonly message: Uint8Array;
  /** The answer to this request is lost so many times on its way to the client. */
  lostAnswers: number;
}

class Life {
  readonly bench = new SpoolBench();
  readonly sent: string[] = [];
  readonly loaded: (string | undefined)[] = [];
  retries = 0;
  /** What the clients have had no answer to that ends it. */
  #waiting: Request[] = [];
  #spool: Spool | undefined;
  #fault: { call: DiskCall; left: number; crash: boolean; tornBytes: number } | undefined;
  #dead = false;
  readonly #files: SpoolFile[] = [];

  async run(actions: readonly Action[]): Promise<void> {
    for (const next of actions) await this.#act(next);
    this.#fault = undefined;
    for (let tries = 0; this.#waiting.length > 0; tries++) {
      if (tries > 20) throw new Error('requests are refused though the disk works');
      await this.#restart();
      await this.#deliverAll();
    }
    await this.#restart();
    await this.#spool?.close();
    this.#load();
  }

  async #act(next: Action): Promise<void> {
    if (next.kind === 'append') await this.#append(next.requests);
    else if (next.kind === 'load') this.#load();
    else if (next.kind === 'restart') await this.#restart();
    else {
      const tornBytes = next.kind === 'crash' ? next.tornBytes : 0;
      this.#fault = { call: next.call, left: next.after, crash: next.kind === 'crash', tornBytes };
    }
    if (this.#dead) await this.#restart();
  }

  async #append(requests: number): Promise<void> {
    for (let index = 0; index < requests; index++) {
      const signal = index % 3 === 2 ? 'metrics' : 'traces';
      const name = `request ${this.sent.length}`;
      this.sent.push(name);
      this.#waiting.push({ name, signal, message: requestNamed(name, signal), lostAnswers: this.sent.length % 3 });
    }
    await this.#deliverAll();
  }

  /** Every client sends what it waits for; some of them twice at once. */
  async #deliverAll(): Promise<void> {
    const spool = this.#spool ?? (await this.#restart());
    const sent = this.#waiting.splice(0);
    const twice = sent.filter(({ name }) => name.endsWith('7'));
    const late = Promise.allSettled(twice.map(({ message, signal }) => deliver(spool, message, signal)));
    const results = await Promise.allSettled(sent.map(({ message, signal }) => deliver(spool, message, signal)));
    await late;
    for (const [index, result] of results.entries()) {
      const request = sent[index] as Request;
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
      else if (result.value) this.retries++;
      if (result.status === 'rejected' || request.lostAnswers-- > 0) this.#waiting.push(request);
    }
  }

  /** After a crash every call of the old disk fails, so closing it gives back the lock and changes no file. */
  async #restart(): Promise<Spool> {
    await this.#spool?.close();
    await Promise.all(this.#files.splice(0).map((file) => file.close()));
    this.#dead = false;
    for (;;) {
      try {
        this.#spool = await this.bench.open({ disk: this.#disk(), segmentBytes: 1_500, retryWindowMs: 600_000 });
        return this.#spool;
      } catch (error) {
        expect(String(error)).toContain('fault');
        this.#dead = false;
      }
    }
  }

  #disk(): SpoolDisk {
    const torn: SpoolDisk = {
      ...nodeDisk,
      reopen: async (path) => this.#tracked(await nodeDisk.reopen(path)),
      create: async (path) => {
        const file = this.#tracked(await nodeDisk.create(path));
        return {
          ...file,
          write: async (parts) => {
            if (!this.#strikes('write')) return await file.write(parts);
            await file.write([Buffer.concat([...parts]).subarray(0, this.#fault?.tornBytes ?? 0)]);
            this.#strike();
          },
        };
      },
    };
    return observedDisk(
      (name) => {
        if (this.#dead) throw new Error('fault: the process is dead');
        if (name !== 'write' && this.#strikes(name)) this.#strike();
      },
      undefined,
      torn,
    );
  }

  /** A killed process has its files closed by the kernel; here they are closed when the life goes on. */
  #tracked(file: SpoolFile): SpoolFile {
    this.#files.push(file);
    return file;
  }

  #strikes(name: DiskCall): boolean {
    if (this.#fault?.call !== name) return false;
    this.#fault.left--;
    return this.#fault.left <= 0;
  }

  #strike(): never {
    if (this.#fault?.crash === true) this.#dead = true;
    this.#fault = undefined;
    throw new Error('fault');
  }

  #load(): void {
    for (const signal of SEGMENT_SIGNALS) this.loaded.push(...this.bench.sealedNames(signal));
    const sealed = join(this.bench.dir.spool, 'sealed');
    for (const name of readdirSync(sealed)) rmSync(join(sealed, name));
  }
}

it('stores every request exactly once, through failing calls, crashes, torn writes, lost answers and retries', async () => {
  let retries = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const life = new Life();
      try {
        await life.run([{ kind: 'restart' }, ...actions]);
        retries += life.retries;
        expect(life.loaded.toSorted()).toEqual(life.sent.toSorted());
        expect(readdirSync(join(life.bench.dir.spool, 'open'))).toEqual([]);
      } finally {
        await life.bench.end();
      }
    }),
    { numRuns: RUNS },
  );
  expect(retries).toBeGreaterThan(2 * RUNS);
}, 60_000);
