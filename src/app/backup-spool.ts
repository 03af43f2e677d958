/**
 * The spool as of one moment, while ingest goes on writing to it and nothing is loaded out of it.
 *
 * A segment grows in `open/`, is moved to `sealed/` and is deleted once loaded; its requests go into the retry journal
 * before it is moved. So the folders are read in that order: what is missed in one because it was just moved is in the
 * next, and what is met in both is taken from the later one, where it is whole. A segment in `open/` is taken as long as
 * it is now: what was acknowledged is in there, and what follows is cut by the recovery of ingest as after a crash.
 */
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupSpool } from '../domain/backup.ts';
import { SEGMENT_NAME_PATTERN, SPOOL_FOLDERS } from '../domain/spool-format.ts';

/** What `ingest/retry-journal.ts` and `app/late-tenants.ts` keep beside the segments. */
const RETRIES = 'retries';
const LOADER_ID = 'loader-id';
/** Half-written, or made anew at every start. */
const TRANSIENT = /\.(?:part|replay|new|rewrite)$/;

interface CutFile {
  /** Below `spool/`, with slashes. */
  readonly path: string;
  /** A hard link, which stays when the loader deletes its segment. */
  readonly from: string;
  /** So much of it belongs to the cut. */
  readonly bytes: number;
}

export interface SpoolCut {
  readonly files: readonly CutFile[];
  readonly counts: BackupSpool;
  /** Removes the links. */
  drop(): Promise<void>;
}

/** @param links folder for the links, on the disk of the spool; emptied first */
export async function cutSpool(spoolFolder: string, links: string): Promise<SpoolCut> {
  const drop = () => rm(links, { recursive: true, force: true });
  await drop();
  const take = (folder: string, isWanted: (name: string) => boolean) =>
    takeFolder(spoolFolder, links, folder, isWanted);
  const isSegment = (name: string) => SEGMENT_NAME_PATTERN.test(name);
  const isKept = (name: string) => !TRANSIENT.test(name);
  try {
    const open = await take(SPOOL_FOLDERS.open, isSegment);
    const retries = await take(RETRIES, isKept);
    const sealed = await take(SPOOL_FOLDERS.sealed, isSegment);
    const quarantine = await take(SPOOL_FOLDERS.quarantine, isKept);
    const other = await take('.', (name) => name === LOADER_ID);
    const nameOf = ({ path }: CutFile) => path.slice(path.indexOf('/') + 1);
    const moved = new Set(sealed.map(nameOf));
    const stillOpen = open.filter((file) => !moved.has(nameOf(file)) && file.bytes > 0);
    const files = [...stillOpen, ...retries, ...sealed, ...quarantine, ...other];
    return {
      ...{ files, drop },
      counts: {
        ...{ openSegments: stillOpen.length, sealedSegments: sealed.length },
        quarantinedFiles: quarantine.length,
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      },
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

async function takeFolder(
  spoolFolder: string,
  links: string,
  folder: string,
  isWanted: (name: string) => boolean,
): Promise<CutFile[]> {
  const entries = await readdir(join(spoolFolder, folder), { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isFile() && isWanted(entry.name)).map(({ name }) => name);
  await mkdir(join(links, folder), { recursive: true, mode: 0o700 });
  const taken: CutFile[] = [];
  for (const name of names.toSorted()) {
    const from = join(links, folder, name);
    try {
      await link(join(spoolFolder, folder, name), from);
    } catch (error) {
      // Moved on: the folder that it is in now is read later.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    const { size } = await stat(from);
    taken.push({ path: folder === '.' ? name : `${folder}/${name}`, from, bytes: size });
  }
  return taken;
}
