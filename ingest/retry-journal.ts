import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { decodeEntries, encodeEntry, type JournalEntry, SLOT_BYTES, segmentIdOf } from './retry-entry.ts';
import { type KnownRequest, type RetryMemory, WINDOW_PARTS } from './retry-memory.ts';
import type { SpoolDisk, SpoolFile } from './spool-disk.ts';

/** `<unix ms, 13 digits>-<8 hex digits>.retries`: when it was begun. */
const NAME_PATTERN = /^\d{13}-[0-9a-f]{8}\.retries$/;

export interface RetryJournalOptions {
  /** `<data dir>/spool/retries` */
  readonly folder: string;
  readonly disk: SpoolDisk;
  readonly windowMs: number;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Which requests are stored, on the disk, for as long as their retries are recognised.
 *
 * A request is in the journal or in a segment in `open/`, always: its record carries its key, and a segment is moved to
 * `sealed/` only after its requests are in the journal and synced. So whatever instant the process is killed at, the next
 * one knows every stored request from the two; a loader that deletes sealed segments meanwhile takes nothing away. And the
 * journal names no request that is not stored, since only those whose record was synced get into it.
 */
export class RetryJournal {
  readonly #options: RetryJournalOptions;
  readonly #partMs: number;
  #file: { readonly file: SpoolFile; readonly begunAt: number } | undefined;
  #work: Promise<void> = Promise.resolve();

  private constructor(options: RetryJournalOptions) {
    this.#options = options;
    this.#partMs = options.windowMs / WINDOW_PARTS;
  }

  /**
   * Reads what is known into `memory`, oldest first, and forgets what is older than the window.
   * @param visit told of every entry
   */
  static async open(
    options: RetryJournalOptions,
    memory: RetryMemory,
    visit: (entry: JournalEntry) => void,
  ): Promise<RetryJournal> {
    const journal = new RetryJournal(options);
    await options.disk.makeFolder(options.folder);
    const names = await journal.#removeOld();
    let partBegunAt = begunAtOf(names[0] ?? '');
    for (const name of names) {
      // Failing writes leave several files in one part's time.
      if (begunAtOf(name) - partBegunAt >= journal.#partMs) {
        memory.rotate();
        partBegunAt = begunAtOf(name);
      }
      const contents = await options.disk.read(join(options.folder, name));
      decodeEntries(contents, (entry) => {
        memory.add(entry.request);
        visit(entry);
      });
      if (name === names.at(-1)) await journal.#goOn(name, contents.length);
    }
    if (journal.#file === undefined && names.length > 0) memory.rotate();
    return journal;
  }

  /**
   * Puts the requests of a segment on the disk.
   * @throws what the disk throws; nothing counts as written then, and it may be called again
   */
  append(segment: string, requests: readonly KnownRequest[]): Promise<void> {
    if (requests.length === 0) return Promise.resolve();
    const segmentId = segmentIdOf(segment);
    const bytes = Buffer.concat(requests.map((request) => encodeEntry(request, segmentId)));
    return this.#inTurn(() => this.#write(bytes));
  }

  /** Begins a new file and removes those that are older than the window; called once in a part's time. */
  rotate(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#closeFile();
      await this.#removeOld();
    }).catch((error: unknown) => this.#options.log.warn({ err: error }, 'old retry journals were not removed'));
  }

  /** Never rejects: everything that counts was synced when it was written. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#closeFile()).catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'the retry journal was not closed'),
    );
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#file ??= await this.#create();
    const { file } = this.#file;
    try {
      await file.write([bytes]);
      await file.datasync();
    } catch (error) {
      // What a file holds after a failed fsync is in doubt: nothing that counts is added to it.
      await this.#closeFile().catch(() => undefined);
      throw error;
    }
  }

  async #create(): Promise<{ readonly file: SpoolFile; readonly begunAt: number }> {
    const { disk, folder, now } = this.#options;
    const begunAt = now();
    const name = `${String(begunAt).padStart(13, '0')}-${randomBytes(4).toString('hex')}.retries`;
    const file = await disk.create(join(folder, name));
    try {
      await disk.syncFolder(folder);
    } catch (error) {
      await file.close();
      throw error;
    }
    return { file, begunAt };
  }

  /** A process that is killed again and again goes on with the file that it has, behind the last whole slot. */
  async #goOn(name: string, bytes: number): Promise<void> {
    const { disk, folder, now } = this.#options;
    const begunAt = begunAtOf(name);
    if (now() - begunAt >= this.#partMs) return;
    const file = await disk.reopen(join(folder, name));
    const whole = bytes - (bytes % SLOT_BYTES);
    if (whole < bytes) await file.truncate(whole);
    this.#file = { file, begunAt };
  }

  async #closeFile(): Promise<void> {
    const open = this.#file;
    this.#file = undefined;
    await open?.file.close();
  }

  /** @returns the names of those that stay, oldest first */
  async #removeOld(): Promise<string[]> {
    const { disk, folder, now, windowMs } = this.#options;
    const names = (await disk.list(folder)).map(({ name }) => name).filter((name) => NAME_PATTERN.test(name));
    // A file is written for a part's time, and what it got last must be known for the whole window.
    const oldest = now() - windowMs - 2 * this.#partMs;
    const old = names.filter((name) => begunAtOf(name) < oldest);
    for (const name of old) await disk.remove(join(folder, name));
    return names.slice(old.length);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(work);
    this.#work = turn.catch(() => undefined);
    return turn;
  }
}

function begunAtOf(name: string): number {
  return Number(name.slice(0, 13));
}
