import { join } from 'node:path';
import { SEGMENT_NAME_PATTERN } from '../src/domain/spool-format.ts';
import { type JournalEntry, segmentIdOf } from './retry-entry.ts';
import type { SpoolPaths } from './segment.ts';
import type { SpoolDisk } from './spool-disk.ts';
import { knownRequestOf, type Range, scanRecords } from './spool-record.ts';

/**
 * Which segment keeps a request that is whole in two. It can be: a write fails, what it left cannot be cut off, the
 * client hears 503 and sends the request again, that one is stored, and then the process is killed. Only one may be
 * loaded, and of the two the one that is in the journal: it may have been loaded long ago.
 */
export class RequestOwners {
  /** Key of a request in `open/` -> segment. */
  readonly #segments = new Map<string, string>();

  /** Looks at what is whole in `open/`. */
  static async read(disk: SpoolDisk, paths: SpoolPaths): Promise<RequestOwners> {
    const owners = new RequestOwners();
    for (const { name } of await disk.list(paths.open)) {
      if (!SEGMENT_NAME_PATTERN.test(name)) continue;
      const contents = await disk.read(join(paths.open, name));
      scanRecords(contents, (record) => owners.#found(name, contents, record));
    }
    return owners;
  }

  /** Told of every request in the journal, oldest first. */
  journaled({ request, segmentId }: JournalEntry): void {
    const key = request.key.toString('latin1');
    if (this.#segments.has(key)) this.#segments.set(key, segmentId);
  }

  keeps(segment: string, key: Buffer): boolean {
    return this.#segments.get(key.toString('latin1')) === segmentIdOf(segment);
  }

  #found(name: string, contents: Buffer, record: Range): boolean {
    const key = knownRequestOf(contents, record)?.key.toString('latin1');
    if (key !== undefined && !this.#segments.has(key)) this.#segments.set(key, segmentIdOf(name));
    return true;
  }
}
