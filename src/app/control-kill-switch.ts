import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { StaffActor } from '../domain/actor.ts';

/** Times are Unix ms. */
export interface KillSwitchState {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  /** `environment`: set for the process, and only a restart without it ends it. */
  readonly source: 'environment' | 'file';
}

export interface KillSwitchOptions {
  /** On while this file is there, whatever is in it: `touch` is all that an emergency needs. */
  readonly file: string;
  /** On for as long as the process lives. */
  readonly forced: boolean;
  readonly log: Logger;
  readonly everyMs?: number;
  /** Tells what was done to the audit log; allowed to fail, as the switch works without a database. */
  readonly audit: (actor: StaffActor, state: KillSwitchState) => Promise<void>;
}

const OFF: KillSwitchState = { on: false, reason: '', by: null, at: null, source: 'file' };
/** Two of these and the way to the app are well within the five seconds in which it must hold. */
const EVERY_MS = 500;

/**
 * The red button: a file in the data directory, so that it needs neither database nor API. While it is on, no automatic
 * throttle is set and none is told to apps.
 */
export class KillSwitch {
  readonly #options: KillSwitchOptions;
  readonly #listeners = new Set<(on: boolean) => void>();
  #state: KillSwitchState = OFF;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KillSwitchOptions) {
    this.#options = options;
    if (options.forced) {
      this.#state = { on: true, reason: 'TENANTRY_KILL_SWITCH is set', by: null, at: null, source: 'environment' };
    }
  }

  state(): KillSwitchState {
    return this.#state;
  }

  /** Hears of every change, and at once if it is on. */
  onChange(listener: (on: boolean) => void): void {
    this.#listeners.add(listener);
    if (this.#state.on) listener(true);
  }

  /** Reads the file, then looks again and again. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), this.#options.everyMs ?? EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Turns it on or off on this server; holds as soon as it returns. @throws what the file system throws */
  async set(actor: StaffActor, on: boolean, reason: string): Promise<KillSwitchState> {
    const { file, log, audit } = this.#options;
    if (on) {
      const temporary = `${file}.new`;
      await writeFile(temporary, JSON.stringify({ reason, by: actor.subject, at: Date.now() }));
      await rename(temporary, file);
    } else {
      await rm(file, { force: true });
    }
    await this.#look();
    await audit(actor, { ...this.#state, reason }).catch((error: unknown) =>
      log.error(
        { err: error, subject: actor.subject, on },
        'the kill switch was set, but not written to the audit log',
      ),
    );
    return this.#state;
  }

  async #look(): Promise<void> {
    if (this.#options.forced) return;
    const before = this.#state.on;
    this.#state = await stateIn(this.#options.file);
    if (this.#state.on === before) return;
    this.#options.log.warn({ on: this.#state.on, by: this.#state.by }, `kill switch: ${this.#state.reason}`);
    for (const listener of this.#listeners) listener(this.#state.on);
  }
}

/** A file that is there but cannot be read counts: in doubt automation stands still. */
async function stateIn(file: string): Promise<KillSwitchState> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : '',
  );
  if (text === undefined) return OFF;
  const bare: KillSwitchState = { on: true, reason: `the file ${file} is there`, by: null, at: null, source: 'file' };
  try {
    const { reason, by, at } = JSON.parse(text) as Partial<KillSwitchState>;
    if (typeof reason !== 'string' || typeof by !== 'string' || typeof at !== 'number') return bare;
    return { ...bare, reason, by, at };
  } catch {
    return bare;
  }
}
