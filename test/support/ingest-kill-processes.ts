import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Random } from '../../src/demo/random.ts';
import { copyStoreTemplate } from './store-templates.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/dist\/$/, '');
const RECEIVER = `${ROOT}dist/ingest/main.js`;
const LOADER = `${ROOT}dist/test/support/children/ingest-loader.js`;

/** Makes the store's tables in a process that ends (chDB takes one folder per process), or copies those of a template. */
export function migrateStore(dataDir: string): void {
  copyStoreTemplate('clickhouse', join(dataDir, 'clickhouse'));
  execFileSync(process.execPath, [LOADER, dataDir, 'migrate'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A child that is started again as soon as it has ended, until it is stopped for good. */
export class Immortal {
  kills = 0;
  /** Of those, killed before they were ready. */
  killsWhileStarting = 0;
  readonly startMs: number[] = [];
  readonly #start: () => ChildProcess;
  readonly #onReady: (message: unknown) => void;
  #child: ChildProcess;
  #isReady: Promise<boolean>;

  constructor(start: () => ChildProcess, onReady: (message: unknown) => void = () => undefined) {
    this.#start = start;
    this.#onReady = onReady;
    this.#child = this.#start();
    this.#isReady = this.#becomesReady(this.#child);
  }

  /** Whether the present child got so far; false: it was killed before. */
  ready(): Promise<boolean> {
    return this.#isReady;
  }

  /** kill -9 and a new one. */
  async kill(): Promise<void> {
    const child = this.#child;
    const wasReady = await Promise.race([this.#isReady, delay(0, false)]);
    this.kills += 1;
    if (!wasReady) this.killsWhileStarting += 1;
    child.kill('SIGKILL');
    await exitOf(child);
    this.#child = this.#start();
    this.#isReady = this.#becomesReady(this.#child);
  }

  /** Lets it end by itself. @returns its exit code */
  async end(by: (child: ChildProcess) => void): Promise<number | null> {
    await this.#isReady;
    by(this.#child);
    return await exitOf(this.#child);
  }

  /** Lets it end by itself and starts a new one. @returns the exit code, and how long it took */
  async replace(by: (child: ChildProcess) => void): Promise<{ readonly code: number | null; readonly ms: number }> {
    await this.#isReady;
    const begun = performance.now();
    const code = await this.end(by);
    this.#child = this.#start();
    this.#isReady = this.#becomesReady(this.#child);
    return { code, ms: performance.now() - begun };
  }

  destroy(): void {
    this.#child.kill('SIGKILL');
  }

  async #becomesReady(child: ChildProcess): Promise<boolean> {
    const begun = performance.now();
    const message = await Promise.race([once(child, 'message').then(([first]) => first as unknown), exitOf(child)]);
    // One that ends by itself before it is ready is broken, and would be started again for ever.
    if (child.exitCode !== null) throw new Error(`a process ended by itself with ${child.exitCode} while starting`);
    if (child.signalCode !== null) return false;
    this.startMs.push(performance.now() - begun);
    this.#onReady(message);
    return true;
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

export function startReceiver(env: Readonly<Record<string, string>>): ChildProcess {
  return fork(RECEIVER, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

export function startLoader(dataDir: string): ChildProcess {
  return fork(LOADER, [dataDir], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Waits a random while: at most `mostMs`, mostly less. */
export async function aRandomWhile(mostMs: number, random: Random): Promise<void> {
  await delay(mostMs * random() * random());
}
