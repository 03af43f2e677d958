import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { StaffActor } from '../domain/actor.ts';
import { toError } from '../domain/errors.ts';

/** Times are Unix ms. */
export interface KillSwitchState {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  /** `environment`: set for the process, and only a restart without it ends it. `shared`: another server was told. */
  readonly source: 'environment' | 'file' | 'shared';
  /** Of the flags, at which it was last set for all servers; null: never, or the database is away since. */
  readonly revision: number | null;
}

/** The switch as the database has it for all servers. */
export interface SharedState {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  readonly revision: number;
}

export interface KillSwitchOptions {
  /** On while this file is there, whatever is in it: `touch` is all that an emergency needs. */
  readonly file: string;
  /** On for as long as the process lives. */
  readonly forced: boolean;
  readonly log: Logger;
  readonly everyMs?: number;
  readonly shared: {
    /** Sets it for all servers, unless somebody has after a revision; audits it. May fail: the file holds then. */
    set(
      actor: StaffActor,
      wanted: { readonly on: boolean; readonly reason: string },
      unlessAfter?: number,
    ): Promise<SharedState>;
  };
}

interface Pending {
  readonly actor: StaffActor;
  readonly on: boolean;
  readonly reason: string;
  /** What was known of the other servers when it was set: what is newer is not overruled by an off. */
  readonly knew: number;
}

/** What the file says: `revision` is there once all servers know of it. */
interface Filed {
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  readonly revision: number | null;
}

/** Two of these and the way to the app are well within the five seconds in which it must hold. */
const EVERY_MS = 500;
const NOBODY: SharedState = { on: false, reason: '', by: null, at: null, revision: 0 };

/**
 * The red button. On while any of three says so: the environment of this process, a file in its data directory, the
 * database for all servers. Setting it writes the file first, so that it holds here at once and without a database, and
 * then tells the others; what could not be told is told when the database is back. A file that somebody made by hand is
 * this server's own, and goes only by hand or by switching off here.
 */
export class KillSwitch {
  readonly #options: KillSwitchOptions;
  readonly #listeners = new Set<(on: boolean) => void>();
  #filed: Filed | undefined;
  #shared: SharedState = NOBODY;
  #pending: Pending | undefined;
  #publishing: Promise<void> | undefined;
  #isOn = false;
  /** Ends with the last look that was begun: a slow reading of before must not overrule one of after. */
  #looking: Promise<void> = Promise.resolve();
  #looks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: KillSwitchOptions) {
    this.#options = options;
    this.#isOn = options.forced;
  }

  state(): KillSwitchState {
    const revision = this.#pending === undefined && this.#shared.revision > 0 ? this.#shared.revision : null;
    if (this.#options.forced) {
      const reason = 'TENANTRY_KILL_SWITCH is set';
      return { on: true, reason, by: null, at: null, source: 'environment', revision };
    }
    if (this.#filed !== undefined) {
      const { reason, by, at } = this.#filed;
      return { on: true, reason, by, at, source: 'file', revision };
    }
    const isOn = this.#sharedHolds();
    const { reason, by, at } = this.#shared;
    return isOn
      ? { on: true, reason, by, at, source: 'shared', revision }
      : { on: false, reason: '', by: null, at: null, source: 'file', revision };
  }

  /** Hears of every change, and at once if it is on. */
  onChange(listener: (on: boolean) => void): void {
    this.#listeners.add(listener);
    if (this.#isOn) listener(true);
  }

  /** Reads the file, then looks again and again. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => {
      if (this.#looks === 0) void this.#look();
    }, this.#options.everyMs ?? EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Turns it on or off; holds here as soon as it returns, and everywhere if the database answers. @throws what the file system throws */
  async set(actor: StaffActor, on: boolean, reason: string): Promise<KillSwitchState> {
    this.#pending = { actor, on, reason, knew: Math.max(this.#shared.revision, this.#filed?.revision ?? 0) };
    if (on) await this.#write({ reason, by: actor.subject, at: Date.now(), revision: null });
    else await rm(this.#options.file, { force: true });
    await this.#look();
    await this.#publish();
    return this.state();
  }

  /**
   * Takes over what the database says. Called with every change there, also when it is back after having been away:
   * then what was set here meanwhile is told.
   */
  hear(shared: SharedState): void {
    const isNew = shared.revision !== this.#shared.revision || shared.on !== this.#shared.on;
    this.#shared = shared;
    this.#decide();
    if (this.#pending !== undefined) void this.#publish();
    else if (isNew) void this.#mirror(shared);
  }

  /** What was switched off here and could not be told yet does not hold here; on always wins. */
  #sharedHolds(): boolean {
    return this.#shared.on && this.#pending?.on !== false;
  }

  /** One at a time: what is set while another is being told comes after it. */
  async #publish(): Promise<void> {
    this.#publishing ??= Promise.resolve()
      .then(() => this.#publishAll())
      .finally(() => {
        this.#publishing = undefined;
      });
    await this.#publishing;
  }

  async #publishAll(): Promise<void> {
    for (let pending = this.#pending; pending !== undefined; pending = this.#pending) {
      const { actor, on, reason, knew } = pending;
      try {
        // Somebody may have switched it on elsewhere while this server was cut off: that stays.
        const shared = await this.#options.shared.set(actor, { on, reason }, on ? undefined : knew);
        if (this.#pending === pending) this.#pending = undefined;
        this.#shared = shared;
        const { by, at, revision } = shared;
        if (shared.on) await this.#write({ reason: shared.reason, by, at, revision });
        await this.#look();
      } catch (error) {
        this.#options.log.error(
          { err: toError(error), subject: actor.subject, on },
          'the kill switch was set here; the other servers and the audit log are told when the database answers',
        );
        return;
      }
    }
  }

  /** So that a restart without a database comes up as all servers were. Files made by hand are left alone. */
  async #mirror({ on, reason, by, at, revision }: SharedState): Promise<void> {
    try {
      const filed = await filedIn(this.#options.file);
      if (on && filed === undefined) await this.#write({ reason, by, at, revision });
      if (!on && filed !== undefined && filed.revision !== null) await rm(this.#options.file, { force: true });
      await this.#look();
    } catch (error) {
      this.#options.log.error({ err: toError(error) }, 'the kill switch of all servers could not be kept in its file');
    }
  }

  async #write(filed: Filed): Promise<void> {
    const temporary = `${this.#options.file}.new`;
    await writeFile(temporary, JSON.stringify(filed));
    await rename(temporary, this.#options.file);
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    this.#looking = this.#looking.then(async () => {
      this.#filed = await filedIn(this.#options.file);
      this.#looks -= 1;
      this.#decide();
    });
    await this.#looking;
  }

  #decide(): void {
    const { on, by, reason } = this.state();
    if (this.#isOn === on) return;
    this.#isOn = on;
    this.#options.log.warn({ on, by }, `kill switch: ${reason}`);
    for (const listener of this.#listeners) listener(on);
  }
}

/** A file that is there but cannot be read counts: in doubt automation stands still. */
async function filedIn(file: string): Promise<Filed | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : '',
  );
  if (text === undefined) return undefined;
  const bare: Filed = { reason: `the file ${file} is there`, by: null, at: null, revision: null };
  try {
    const { reason, by, at, revision } = JSON.parse(text) as Partial<Filed>;
    if (typeof reason !== 'string' || typeof by !== 'string' || typeof at !== 'number') return bare;
    return { reason, by, at, revision: typeof revision === 'number' ? revision : null };
  } catch {
    return bare;
  }
}
