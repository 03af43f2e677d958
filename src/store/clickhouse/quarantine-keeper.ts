import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { originOfFile } from './record-origin.ts';
import { syncFolder, writeWhole } from './whole-file.ts';

/** Room is made down to this share, so that it is not looked for again at the next request. */
const ROOM_TO = 0.9;
/** Files that are written at once: their fsyncs share the journal's commits. */
const AT_ONCE = 16;
const MOST_REASON = 1_000;

export interface RefusedRequest {
  /** `<token>_<number>`: name of its files without the ending. */
  readonly id: string;
  /** One record, or several that were not told apart. */
  readonly bytes: Uint8Array;
  readonly reason: string;
}

export interface QuarantineKeeperOptions {
  readonly folder: string;
  /** Of all requests together. */
  readonly maxBytes: number;
  readonly log: Logger;
  readonly now: () => number;
}

/**
 * Puts refused requests into the quarantine folder, for good before it returns. Beyond its size the oldest requests of
 * the key that fills it most make room: who floods it with refused requests pushes out their own.
 */
export class QuarantineKeeper {
  readonly #options: QuarantineKeeperOptions;
  /** undefined: not looked at since the start. */
  #bytes: number | undefined;
  #evicted = 0;

  constructor(options: QuarantineKeeperOptions) {
    this.#options = options;
  }

  /** Requests that were deleted to make room, since the start. */
  get evicted(): number {
    return this.#evicted;
  }

  /** The note comes before the bytes: a request without its reason is never seen. */
  async keep(requests: readonly RefusedRequest[], notes: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.open();
    for (let from = 0; from < requests.length; from += AT_ONCE) {
      await Promise.all(
        requests.slice(from, from + AT_ONCE).map(async ({ id, bytes, reason }) => {
          await this.note(id, reason, notes);
          await writeWhole(this.#path(`${id}.otlp`), bytes);
        }),
      );
    }
    await this.settle(requests.reduce((sum, { bytes }) => sum + bytes.length, 0));
  }

  async note(id: string, reason: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const note = { reason: reason.slice(0, MOST_REASON), quarantined_at: new Date(this.#options.now()).toISOString() };
    await writeWhole(this.#path(`${id}.json`), `${JSON.stringify({ ...note, ...more }, null, 2)}\n`);
  }

  async open(): Promise<void> {
    const { folder } = this.#options;
    if ((await mkdir(folder, { recursive: true })) !== undefined) await syncFolder(dirname(folder));
  }

  /** After files were added: makes them last, and makes room. */
  async settle(addedBytes: number): Promise<void> {
    const { folder, maxBytes } = this.#options;
    await syncFolder(folder);
    this.#bytes = this.#bytes === undefined ? await this.#look() : this.#bytes + addedBytes;
    if (this.#bytes <= maxBytes) return;
    // People empty it as well, so the sum is an upper bound only.
    this.#bytes = await this.#look();
    if (this.#bytes > maxBytes) await this.#makeRoom();
  }

  async #makeRoom(): Promise<void> {
    const byKey = new Map<string, { id: string; bytes: number }[]>();
    const sums = new Map<string, number>();
    for (const { id, bytes } of await this.#requests()) {
      const key = (await originOfFile(this.#path(`${id}.otlp`)))?.keyId ?? '';
      byKey.set(key, [...(byKey.get(key) ?? []), { id, bytes }]);
      sums.set(key, (sums.get(key) ?? 0) + bytes);
    }
    const { maxBytes, log } = this.#options;
    while ((this.#bytes ?? 0) > maxBytes * ROOM_TO) {
      const [key, sum] = [...sums].toSorted(([, a], [, b]) => b - a)[0] ?? [];
      const oldest = key === undefined ? undefined : byKey.get(key)?.shift();
      if (key === undefined || sum === undefined || oldest === undefined) return;
      await rm(this.#path(`${oldest.id}.otlp`), { force: true });
      await rm(this.#path(`${oldest.id}.json`), { force: true });
      sums.set(key, sum - oldest.bytes);
      this.#bytes = (this.#bytes ?? 0) - oldest.bytes;
      this.#evicted += 1;
      log.error({ request: oldest.id, key, bytes: oldest.bytes, maxBytes }, 'quarantine full: oldest request deleted');
    }
  }

  async #look(): Promise<number> {
    return (await this.#requests()).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Oldest first. */
  async #requests(): Promise<readonly { readonly id: string; readonly bytes: number }[]> {
    const names = (await readdir(this.#options.folder)).filter((name) => name.endsWith('.otlp')).toSorted();
    const found = await Promise.all(
      names.map(async (name) => {
        const size = await stat(this.#path(name)).catch(() => undefined);
        return size === undefined ? undefined : { id: name.replace(/\.otlp$/, ''), bytes: size.size };
      }),
    );
    return found.filter((request) => request !== undefined);
  }

  #path(name: string): string {
    return join(this.#options.folder, name);
  }
}
