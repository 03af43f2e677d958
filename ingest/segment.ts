import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type SegmentSignal, segmentSuffix } from '../src/domain/spool-format.ts';
import type { KnownRequest } from './retry-memory.ts';
import type { SpoolDisk, SpoolFile } from './spool-disk.ts';

/** Where a segment's requests are put down before it may be loaded and deleted. */
export interface SegmentJournal {
  append(segment: string, requests: readonly KnownRequest[]): Promise<void>;
}

/** Full paths of the spool's folders. */
export interface SpoolPaths {
  readonly spool: string;
  readonly open: string;
  readonly sealed: string;
  readonly quarantine: string;
}

/**
 * One segment file in `open/`. `bytes` is the last good offset: everything before it is on the disk, whatever a failed
 * write left behind it is cut off before the segment is sealed.
 */
export class Segment {
  readonly name: string;
  readonly openedAt: number;
  readonly #disk: SpoolDisk;
  readonly #paths: SpoolPaths;
  readonly #file: SpoolFile;
  /** Those whose retries are to be recognised; on the disk, each of them. */
  readonly #known: KnownRequest[] = [];
  #bytes = 0;
  #damaged = false;
  #closed = false;
  #moved = false;

  private constructor(disk: SpoolDisk, paths: SpoolPaths, name: string, openedAt: number, file: SpoolFile) {
    this.#disk = disk;
    this.#paths = paths;
    this.#file = file;
    this.name = name;
    this.openedAt = openedAt;
  }

  /** @param now Unix milliseconds; becomes part of the name, so that segments sort by age */
  static async create(disk: SpoolDisk, paths: SpoolPaths, signal: SegmentSignal, now: number): Promise<Segment> {
    const name = segmentName(signal, now);
    const path = join(paths.open, name);
    const file = await disk.create(path);
    try {
      // fdatasync of the file does not cover its name: without this a power loss could take the whole segment.
      await disk.syncFolder(paths.open);
    } catch (error) {
      await file.close();
      await disk.remove(path);
      throw error;
    }
    return new Segment(disk, paths, name, now, file);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends and syncs. When it rejects, nothing of `parts` counts, and the segment must be sealed or left to recovery. */
  async append(parts: readonly Uint8Array[], known: readonly KnownRequest[]): Promise<void> {
    this.#damaged = true;
    await this.#file.write(parts);
    await this.#file.datasync();
    this.#damaged = false;
    for (const part of parts) this.#bytes += part.length;
    this.#known.push(...known);
  }

  /**
   * Cuts off what a failed write left, then moves the segment into `sealed/` durably; an empty one is removed instead.
   * May be called again after it rejected.
   * @returns whether there is a sealed file now
   */
  async seal(journal?: SegmentJournal): Promise<boolean> {
    const path = join(this.#paths.open, this.name);
    if (!this.#closed) {
      if (this.#damaged) await this.#file.truncate(this.#bytes);
      await this.#file.datasync();
      this.#damaged = false;
      this.#closed = true;
      await this.#file.close();
    }
    if (this.#bytes === 0) {
      await this.#disk.remove(path);
      return false;
    }
    if (!this.#moved) {
      // Before the move: what is in sealed/ may be loaded and gone at any time, and nobody could tell what was in it.
      await journal?.append(this.name, this.#known);
      await this.#disk.rename(path, join(this.#paths.sealed, this.name));
    }
    this.#moved = true;
    await syncMove(this.#disk, this.#paths);
    return true;
  }
}

/** Moves a finished file from `open/` to `sealed/`; its contents must be on the disk already. */
export async function sealFile(disk: SpoolDisk, paths: SpoolPaths, name: string): Promise<void> {
  await disk.rename(join(paths.open, name), join(paths.sealed, name));
  await syncMove(disk, paths);
}

async function syncMove(disk: SpoolDisk, paths: SpoolPaths): Promise<void> {
  await disk.syncFolder(paths.sealed);
  await disk.syncFolder(paths.open);
}

let made = 0;

/**
 * Names sort as segments were begun, those of one millisecond too: a number of this process comes before what makes the
 * name unlike that of any other. It begins anew after 65,536, which no disk writes in a millisecond.
 */
function segmentName(signal: SegmentSignal, now: number): string {
  const number = (made++ % 0x1_0000).toString(16).padStart(4, '0');
  return `${String(now).padStart(13, '0')}-${number}${randomBytes(6).toString('hex')}${segmentSuffix(signal)}`;
}

/** Unix milliseconds at which the segment was opened. */
export function openedAtOf(name: string): number {
  return Number(name.slice(0, 13));
}
