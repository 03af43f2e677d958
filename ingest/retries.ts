import { join } from 'node:path';
import type { Logger } from 'pino';
import type { JournalEntry } from './retry-entry.ts';
import { RetryJournal } from './retry-journal.ts';
import { type KnownRequest, RetryMemory, WINDOW_PARTS } from './retry-memory.ts';
import type { SpoolDisk } from './spool-disk.ts';

/** Below the spool's folder. */
const JOURNAL_FOLDER = 'retries';

export interface RetriesOptions {
  /** `<data dir>/spool` */
  readonly spoolFolder: string;
  readonly disk: SpoolDisk;
  readonly windowMs: number;
  readonly now: () => number;
  readonly log: Logger;
}

/** What is known of stored requests: in memory to look it up, on the disk to know it after a restart. */
export class Retries {
  readonly memory: RetryMemory;
  readonly #journal: RetryJournal;
  readonly #timer: NodeJS.Timeout;

  private constructor(memory: RetryMemory, journal: RetryJournal, windowMs: number) {
    this.memory = memory;
    this.#journal = journal;
    // A timer and not the clock on the wall: when that is set forward, nothing is forgotten.
    this.#timer = setInterval(() => {
      memory.rotate();
      void journal.rotate();
    }, windowMs / WINDOW_PARTS);
    this.#timer.unref();
  }

  /** @param visit told of every request in the journal */
  static async open(options: RetriesOptions, visit: (entry: JournalEntry) => void): Promise<Retries> {
    const memory = new RetryMemory();
    const folder = join(options.spoolFolder, JOURNAL_FOLDER);
    const journal = await RetryJournal.open({ ...options, folder }, memory, visit);
    return new Retries(memory, journal, options.windowMs);
  }

  /** Puts the requests of a segment on the disk; before that one may be sealed. */
  append(segment: string, requests: readonly KnownRequest[]): Promise<void> {
    return this.#journal.append(segment, requests);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#journal.close();
  }
}
