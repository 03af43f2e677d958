/** What lies in the spool's quarantine, and the two ways out of it: back into the queue, or away. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TenantryError } from '../../domain/errors.ts';
import type { QuarantinedDetail, QuarantinedRequest } from '../../domain/quarantine.ts';
import { SPOOL_FOLDERS, segmentSuffix, signalOfSegment } from '../../domain/spool-format.ts';
import { originOfFile } from './record-origin.ts';
import { syncFolder, writeWhole } from './whole-file.ts';

/** Of files that the loader and the recovery write: nothing that leads out of the folder. */
const ID_PATTERN = /^\d{13}-[0-9a-f]{16}(?:\.metrics)?(?:_\d{1,9}|\.otlp\.corrupt)$/;
const PREVIEW_BYTES = 64 * 1_024;
const MOST_TEXTS = 200;
const CORRUPT = '.corrupt';

interface Note {
  readonly reason?: unknown;
  readonly quarantined_at?: unknown;
  readonly found_at?: unknown;
  /** Name of the segment under which it was put back into the queue; what makes a second attempt the same insert. */
  readonly replayed_as?: unknown;
}

export class QuarantineFolder {
  readonly #folder: string;
  readonly #sealed: string;
  readonly #now: () => number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(spoolFolder: string, now: () => number = Date.now) {
    this.#folder = join(spoolFolder, SPOOL_FOLDERS.quarantine);
    this.#sealed = join(spoolFolder, SPOOL_FOLDERS.sealed);
    this.#now = now;
  }

  /** Newest first, at most `limit`, and how many there are. */
  async list(limit: number): Promise<{ readonly items: readonly QuarantinedRequest[]; readonly total: number }> {
    const ids = await this.#ids();
    const found = await Promise.all(ids.slice(0, limit).map((id) => this.#read(id)));
    return { items: found.filter((item) => item !== undefined), total: ids.length };
  }

  async count(): Promise<number> {
    return (await this.#ids()).length;
  }

  /** Of all that lies there, damaged bytes too. Looks at every file. */
  async bytes(): Promise<number> {
    const paths = (await this.#ids()).map((id) => this.#bytesPath(id));
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path).catch(() => undefined))?.size ?? 0));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** undefined: there is none with this id. */
  async find(id: string): Promise<QuarantinedRequest | undefined> {
    return this.#read(id);
  }

  async show(id: string): Promise<QuarantinedDetail | undefined> {
    const item = await this.#read(id);
    if (item === undefined) return undefined;
    const bytes = await readFile(this.#bytesPath(id));
    return { ...item, texts: readableTexts(bytes.subarray(0, PREVIEW_BYTES)) };
  }

  /**
   * Puts a refused request back into the queue as a segment of its own. The segment's name is noted before it appears
   * there: an attempt that was cut short is finished by the next one as the same insert, which the engine knows.
   * @returns whether there is one with this id
   * @throws TenantryError CONFLICT for corrupt bytes
   */
  replay(id: string): Promise<boolean> {
    return this.#alone(() => this.#replay(id));
  }

  /** @returns whether there was one with this id */
  drop(id: string): Promise<boolean> {
    return this.#alone(async () => {
      const item = await this.#read(id);
      if (item !== undefined) await this.#remove(id);
      return item !== undefined;
    });
  }

  async #replay(id: string): Promise<boolean> {
    const item = await this.#read(id);
    if (item === undefined) return false;
    if (item.kind === 'corrupt') {
      throw new TenantryError('CONFLICT', 'These bytes are damaged and cannot be loaded.', {
        hint: 'Look at them, then drop them. What was whole around them has been kept.',
      });
    }
    const note = await this.#note(id);
    const name = typeof note.replayed_as === 'string' ? note.replayed_as : this.#segmentName(item);
    await writeWhole(this.#notePath(id), JSON.stringify({ ...note, replayed_as: name }, null, 2));
    await writeWhole(join(this.#sealed, name), await readFile(this.#bytesPath(id)), `${this.#bytesPath(id)}.replay`);
    await syncFolder(this.#sealed);
    await this.#remove(id);
    return true;
  }

  /** One change at a time: two replays of one request at once would become two segments. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Sorted by age, which is in the name. */
  async #ids(): Promise<readonly string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const ids = names.filter((name) => !name.endsWith('.json')).map((name) => name.replace(/(_\d+)\.otlp$/, '$1'));
    return ids
      .filter((id) => ID_PATTERN.test(id))
      .toSorted()
      .reverse();
  }

  async #read(id: string): Promise<QuarantinedRequest | undefined> {
    if (!ID_PATTERN.test(id)) return undefined;
    const isCorrupt = id.endsWith(CORRUPT);
    const path = this.#bytesPath(id);
    const size = await stat(path).catch(() => undefined);
    if (size === undefined) return undefined;
    const note = await this.#note(id);
    const origin = isCorrupt ? undefined : await originOfFile(path);
    const at = Date.parse(String(note.quarantined_at ?? note.found_at));
    return {
      ...{ id, kind: isCorrupt ? 'corrupt' : 'refused', bytes: size.size },
      signal: signalOfSegment(`${id.replace(/(?:_\d+|\.otlp\.corrupt)$/, '')}.otlp`),
      reason: typeof note.reason === 'string' ? note.reason : 'The note beside it cannot be read.',
      quarantinedAt: Number.isFinite(at) ? at : null,
      ...{ receivedAt: origin?.receivedAt ?? null, keyId: origin?.keyId ?? null, keyTenant: origin?.keyTenant ?? null },
    };
  }

  async #note(id: string): Promise<Note> {
    try {
      const note: unknown = JSON.parse(await readFile(this.#notePath(id), 'utf8'));
      return typeof note === 'object' && note !== null ? note : {};
    } catch {
      return {};
    }
  }

  /** The bytes first: a note alone is nothing that could be loaded twice. */
  async #remove(id: string): Promise<void> {
    await rm(this.#bytesPath(id), { force: true });
    await rm(this.#notePath(id), { force: true });
  }

  /** Of now, so that it does not pass for telemetry that has waited since it was refused. */
  #segmentName({ id, signal }: QuarantinedRequest): string {
    const hash = createHash('sha256').update(`${id} ${this.#now()}`).digest('hex').slice(0, 16);
    return `${String(this.#now()).padStart(13, '0')}-${hash}${segmentSuffix(signal)}`;
  }

  #bytesPath(id: string): string {
    return join(this.#folder, id.endsWith(CORRUPT) ? id : `${id}.otlp`);
  }

  #notePath(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

/** Runs of at least four printable characters, each once. */
function readableTexts(bytes: Buffer): string[] {
  const runs = bytes.toString('latin1').match(/[\x20-\x7e]{4,}/g) ?? [];
  return [...new Set(runs.map((text) => text.slice(0, 200)))].slice(0, MOST_TEXTS);
}
