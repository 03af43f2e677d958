import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Spool } from '../../ingest/spool.ts';
import { nodeDisk, type SpoolDisk, type SpoolFile } from '../../ingest/spool-disk.ts';
import { SEGMENT_SIGNALS } from '../../src/domain/spool-format.ts';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { appendNamed, SpoolBench } from '../support/ingest-spool.ts';

/**
 * Random lives of a spool: bursts of requests, failing calls, crashes in the middle of any call, torn writes, a loader
 * that takes sealed segments; of traces and of metrics. Whatever happens: what was acknowledged is stored exactly once, nothing is stored twice,
 * nothing is stored that was not sent, and the next start works.
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

class Life {
  readonly bench = new SpoolBench();
  readonly sent = new Set<string>();
  readonly acknowledged: string[] = [];
  readonly loaded: (string | undefined)[] = [];
  #spool: Spool | undefined;
  #fault: { call: DiskCall; left: number; crash: boolean; tornBytes: number } | undefined;
  #dead = false;
  readonly #files: SpoolFile[] = [];

  async run(actions: readonly Action[]): Promise<void> {
    for (const next of actions) await this.#act(next);
    this.#fault = undefined;
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
    const spool = this.#spool ?? (await this.#restart());
    const names = Array.from({ length: requests }, () => `request ${this.sent.size + Math.random()}`);
    for (const name of names) this.sent.add(name);
    const results = await Promise.allSettled(
      names.map((name, index) => appendNamed(spool, name, index % 3 === 2 ? 'metrics' : 'traces')),
    );
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') this.acknowledged.push(names[index] ?? '');
      else expect(result.reason).toMatchObject({ code: 'SPOOL_UNAVAILABLE' });
    }
  }

  /** After a crash every call of the old disk fails, so closing it gives back the lock and changes no file. */
  async #restart(): Promise<Spool> {
    await this.#spool?.close();
    await Promise.all(this.#files.splice(0).map((file) => file.close()));
    this.#dead = false;
    for (;;) {
      try {
        this.#spool = await this.bench.open({ disk: this.#disk(), segmentBytes: 1_500 });
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

it('stores what it acknowledged exactly once, through failing calls, crashes and torn writes', async () => {
  let acknowledged = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const life = new Life();
      try {
        await life.run([{ kind: 'restart' }, ...actions]);
        acknowledged += life.acknowledged.length;
        expect(new Set(life.loaded).size).toBe(life.loaded.length);
        const stored = new Set(life.loaded);
        expect(life.acknowledged.filter((name) => !stored.has(name))).toEqual([]);
        expect([...stored].filter((name) => !life.sent.has(name ?? ''))).toEqual([]);
        expect(readdirSync(join(life.bench.dir.spool, 'open'))).toEqual([]);
      } finally {
        await life.bench.end();
      }
    }),
    { numRuns: 100 },
  );
  expect(acknowledged).toBeGreaterThan(500);
}, 60_000);
