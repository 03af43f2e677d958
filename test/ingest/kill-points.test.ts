import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Spool } from '../../ingest/spool.ts';
import { nodeDisk, type SpoolDisk, type SpoolFile } from '../../ingest/spool-disk.ts';
import { type DiskCall, observedDisk } from '../support/ingest-disk.ts';
import { deliver, requestNamed, SpoolBench } from '../support/ingest-spool.ts';
import { namesIn } from '../support/otlp-segment.ts';

const REPEATS = 5;

interface KillPoint {
  readonly name: string;
  readonly when: 'before' | 'after' | 'in the middle of';
  readonly call: DiskCall;
  /** Part of the path of the file or folder that the call is about. */
  readonly path: string;
}

const point = (name: string, when: KillPoint['when'], call: DiskCall, path: string): KillPoint => ({
  ...{ name, when, call, path },
});

const POINTS: readonly KillPoint[] = [
  point('before a segment is made', 'before', 'create', '/open/'),
  point('after a segment is made, before its name is durable', 'before', 'syncFolder', '/open'),
  point('before the append', 'before', 'write', '.otlp'),
  point('in the middle of the append', 'in the middle of', 'write', '.otlp'),
  point('after the append, before the fsync', 'before', 'datasync', '.otlp'),
  point('after the fsync, before the reply', 'after', 'datasync', '.otlp'),
  point('before the journal is made', 'before', 'create', '.retries'),
  point('before the journal is written', 'before', 'write', '.retries'),
  point('in the middle of writing the journal', 'in the middle of', 'write', '.retries'),
  point('after the journal is written, before its fsync', 'before', 'datasync', '.retries'),
  point('after the fsync of the journal, before the rename', 'before', 'rename', '/sealed/'),
  point('after the rename, before the folders are synced', 'after', 'rename', '/sealed/'),
  point('after the folder of the sealed is synced', 'after', 'syncFolder', '/sealed'),
];

/** A process that dies at a point, the `countdown`th time that it gets there. */
class Doomed {
  readonly disk: SpoolDisk;
  readonly #point: KillPoint | undefined;
  readonly #files: SpoolFile[] = [];
  #countdown: number;
  dead = false;
  /** Not before the spool is open: a start that dies is the recovery's own test. */
  armed = false;
  /** Whether it came to the point. */
  hit = false;

  constructor(at: KillPoint | undefined, countdown: number) {
    this.#point = at;
    this.#countdown = countdown;
    this.disk = observedDisk(
      (call, path) => {
        if (this.dead && call !== 'close') throw new Error('killed');
        if (this.#isHere('before', call, path)) this.#die();
      },
      (call, path) => {
        if (this.#isHere('after', call, path)) this.#die();
      },
      this.#tearing(),
    );
  }

  /** The kernel closes the files of a killed process. */
  async bury(spool: Spool): Promise<void> {
    this.dead = true;
    await spool.close();
    await Promise.all(this.#files.map((file) => file.close()));
  }

  #isHere(when: KillPoint['when'], call: DiskCall, path: string): boolean {
    if (!this.armed || this.#point?.when !== when || this.#point.call !== call || !path.includes(this.#point.path))
      return false;
    this.#countdown -= 1;
    return this.#countdown === 0;
  }

  #die(): never {
    this.hit = true;
    this.dead = true;
    throw new Error('killed');
  }

  #tearing(): SpoolDisk {
    return {
      ...nodeDisk,
      create: async (path) => {
        const file = await nodeDisk.create(path);
        this.#files.push(file);
        return {
          ...file,
          close: async () => undefined,
          write: async (parts) => {
            if (!this.#isHere('in the middle of', 'write', path)) return await file.write(parts);
            const bytes = Buffer.concat([...parts]);
            await file.write([bytes.subarray(0, Math.floor(bytes.length * Math.random()))]);
            this.#die();
          },
        };
      },
    };
  }
}

/** Six clients send at once; those without an answer send the same bytes again to the next process. */
class World {
  readonly bench = new SpoolBench();
  readonly sent: string[] = [];
  readonly loaded: string[] = [];
  #waiting: Uint8Array[] = [];

  async sendThrough(doomed: Doomed, options: { readonly loseAnswers: boolean }): Promise<void> {
    const spool = await this.bench.open({ disk: doomed.disk, segmentBytes: 1_200, retryWindowMs: 600_000 });
    doomed.armed = true;
    for (let burst = 0; burst < 4 && !doomed.dead; burst++) {
      for (let client = 0; client < 6; client++) {
        this.sent.push(`${this.sent.length}`);
        this.#waiting.push(requestNamed(this.sent.at(-1) ?? '', 'traces'));
      }
      await this.#deliverAll(spool, options.loseAnswers);
    }
    await doomed.bury(spool);
    this.load();
  }

  async finish(): Promise<void> {
    const spool = await this.bench.open({ retryWindowMs: 600_000 });
    await this.#deliverAll(spool, false);
    expect(this.#waiting).toEqual([]);
    await spool.close();
    this.load();
  }

  /** While no ingest runs, the loader loads and deletes. */
  load(): void {
    this.loaded.push(...this.bench.sealedNames().map(String));
    const { spool } = this.bench.dir;
    for (const name of namesIn(spool, 'sealed')) rmSync(join(spool, 'sealed', name));
  }

  async #deliverAll(spool: Spool, loseAnswers: boolean): Promise<void> {
    const sent = this.#waiting;
    const results = await Promise.allSettled(sent.map((message) => deliver(spool, message)));
    this.#waiting = sent.filter((_, index) => loseAnswers || results[index]?.status === 'rejected');
  }
}

async function expectOnce(world: World): Promise<void> {
  await world.finish();
  expect(world.loaded.toSorted()).toEqual(world.sent.toSorted());
  expect(namesIn(world.bench.dir.spool, 'open')).toEqual([]);
}

describe('killed', () => {
  it.each(POINTS)('$name: every request is stored once', async (at) => {
    for (let countdown = 1; countdown <= REPEATS; countdown++) {
      const world = new World();
      try {
        const doomed = new Doomed(at, at.name.includes('journal is made') ? 1 : countdown);
        // Every other time the clients had no answer to anything: even what was loaded long ago comes again.
        await world.sendThrough(doomed, { loseAnswers: countdown % 2 === 1 });
        expect(doomed.hit).toBe(true);
        await expectOnce(world);
      } finally {
        await world.bench.end();
      }
    }
  });

  it('in the middle of the reply: every request is stored once', async () => {
    const world = new World();
    try {
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        await world.sendThrough(new Doomed(undefined, 0), { loseAnswers: true });
      }
      await expectOnce(world);
    } finally {
      await world.bench.end();
    }
  });
});
