import { openedAtOf, type SpoolPaths } from './segment.ts';
import type { SpoolDisk } from './spool-disk.ts';

/** Share of the file system, at most so many bytes, that ingest leaves free: a full disk could not even be cleared. */
const RESERVED_SHARE = 0.1;
const RESERVED_AT_MOST = 1024 ** 3;

/**
 * How full the spool is. The loader deletes sealed segments while ingest adds them, so what is known here is repaired
 * by a look at the folder.
 */
export class SpoolUsage {
  readonly #disk: SpoolDisk;
  readonly #paths: SpoolPaths;
  readonly #sealed = new Map<string, number>();
  #sealedBytes = 0;
  #usable = Number.POSITIVE_INFINITY;
  #refreshing: Promise<void> | undefined;

  constructor(disk: SpoolDisk, paths: SpoolPaths) {
    this.#disk = disk;
    this.#paths = paths;
  }

  get sealedBytes(): number {
    return this.#sealedBytes;
  }

  get sealedSegments(): number {
    return this.#sealed.size;
  }

  /** Bytes that may still be written before the reserve is touched, as of the last look less what was taken since. */
  get usableBytes(): number {
    return this.#usable;
  }

  /** Unix milliseconds, or undefined when nothing is sealed. */
  get oldestSealedAt(): number | undefined {
    let oldest: string | undefined;
    for (const name of this.#sealed.keys()) if (oldest === undefined || name < oldest) oldest = name;
    return oldest === undefined ? undefined : openedAtOf(oldest);
  }

  took(bytes: number): void {
    this.#usable -= bytes;
  }

  sealed(name: string, bytes: number): void {
    // A look at the folder may have found it first, between the rename and this call.
    if (this.#sealed.has(name)) return;
    this.#sealed.set(name, bytes);
    this.#sealedBytes += bytes;
  }

  /** Looks at the sealed folder and the free space. Callers that come while it looks get the same look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    // A segment that is sealed during the look may be missing from it: only what was known before can be found gone.
    const before = [...this.#sealed.keys()];
    const listed = new Map((await this.#disk.list(this.#paths.sealed)).map(({ name, bytes }) => [name, bytes]));
    for (const name of before) {
      if (listed.has(name)) continue;
      this.#sealedBytes -= this.#sealed.get(name) ?? 0;
      this.#sealed.delete(name);
    }
    for (const [name, bytes] of listed) this.sealed(name, bytes);
    const { free, total } = await this.#disk.space(this.#paths.spool);
    this.#usable = free - Math.min(total * RESERVED_SHARE, RESERVED_AT_MOST);
  }
}
