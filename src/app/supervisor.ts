import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type Config, childEnvironment } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';
import { ChildFailed, type Explanation } from './explain-error.ts';

export interface ChildSpec<Ready> {
  readonly name: string;
  /** Compiled file, relative to the folder of this one. */
  readonly file: string;
  readonly args: readonly string[];
  readonly config: Config;
  readonly env: Readonly<Record<string, string>>;
  /** Environment for restarts, from what the first start answered: ports picked once have to stay. */
  readonly envAfterReady: (ready: Ready) => Readonly<Record<string, string>>;
}

interface ReadyMessage {
  readonly type: 'ready';
}

interface ChildFailure extends Explanation {
  readonly type: 'failed';
}

const FIRST_DELAY_MS = 200;
const LAST_DELAY_MS = 10_000;
/** A child that has lived this long is healthy: its next failure starts from the first delay again. */
const HEALTHY_MS = 60_000;
const STOP_PATIENCE_MS = 20_000;

/**
 *   starting --ready--> running --exit--> waiting (0.2 s, doubling to 10 s) --> starting
 *      |                   |
 *      +--exit: refused    +--stop: SIGTERM, SIGKILL after 20 s
 *
 * Keeps one child process alive. The first start has to succeed, so that a wrong setting is an error message and not a
 * loop; after that the child is started again whenever it ends, whatever killed it.
 */
export class Supervised<Ready extends ReadyMessage> {
  readonly #spec: ChildSpec<Ready>;
  readonly #log: Logger;
  #child: ChildProcess | undefined;
  #env: Readonly<Record<string, string>>;
  #delay = FIRST_DELAY_MS;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #restarts = 0;
  #tellRestart: (ready: Ready) => void = () => undefined;

  constructor(spec: ChildSpec<Ready>, log: Logger) {
    this.#spec = spec;
    this.#log = log;
    this.#env = spec.env;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** `listener` is told whenever the child is ready again after a restart. One listener. */
  onRestart(listener: (ready: Ready) => void): void {
    this.#tellRestart = listener;
  }

  /** @throws ChildFailed with the child's own explanation when it does not come up, TenantryError when it gives none */
  async start(): Promise<Ready> {
    const ready = await this.#launch();
    this.#env = { ...this.#env, ...this.#spec.envAfterReady(ready) };
    return ready;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await exited;
    clearTimeout(patience);
  }

  async #launch(): Promise<Ready> {
    const { name, file, args } = this.#spec;
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), [...args], {
      env: childEnvironment(this.#spec.config, this.#env),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    const startedAt = performance.now();
    const outcome = await new Promise<Ready | ChildFailure | { type: 'exit'; detail: string }>((resolve) => {
      child.once('message', (message) => resolve(message as Ready | ChildFailure));
      child.once('error', (error) => resolve({ type: 'exit', detail: `${name} did not start: ${error.message}` }));
      child.once('exit', (code, signal) =>
        resolve({ type: 'exit', detail: `${name} ended with ${signal ?? `status ${code}`}` }),
      );
    });
    if (outcome.type === 'ready') {
      child.once('exit', (code, signal) => this.#ended(signal ?? `status ${code}`, performance.now() - startedAt));
      return outcome as Ready;
    }
    if (outcome.type === 'failed') throw new ChildFailed(outcome as ChildFailure);
    throw new TenantryError('STORE_START_FAILED', outcome.detail, { hint: 'The lines above say why.' });
  }

  #ended(how: string, livedMs: number): void {
    if (this.#stopping) return;
    if (livedMs > HEALTHY_MS) this.#delay = FIRST_DELAY_MS;
    this.#log.error(
      { child: this.#spec.name, how, restartInMs: this.#delay },
      'a process ended unasked, starting it again',
    );
    this.#timer = setTimeout(() => this.#restart(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, LAST_DELAY_MS);
  }

  #restart(): void {
    this.#restarts += 1;
    const startedAt = performance.now();
    this.#launch().then(
      (ready) => this.#tellRestart(ready),
      (error: unknown) => {
        this.#log.error({ child: this.#spec.name, err: error }, 'restart failed');
        this.#ended('failed start', performance.now() - startedAt);
      },
    );
  }
}
