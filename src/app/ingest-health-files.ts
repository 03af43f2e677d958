/** What the files beside the spool tell of ingest, whether or not a server runs. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { IngestSituation } from '../domain/ingest-health.ts';
import {
  INTAKE_FILE,
  type IntakeFigures,
  KEY_SNAPSHOT_FILE,
  type KeySnapshot,
  SEGMENT_NAME_PATTERN,
  SPOOL_FOLDERS,
} from '../domain/spool-format.ts';
import { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';

/** What ingest has written down last; undefined: nothing that can be read. */
export async function readIntake(file: string): Promise<IntakeFigures | undefined> {
  try {
    const figures = JSON.parse(await readFile(file, 'utf8')) as Partial<IntakeFigures>;
    const isWhole = Array.isArray(figures.buckets) && figures.standing !== undefined && figures.writtenAt !== undefined;
    return isWhole ? (figures as IntakeFigures) : undefined;
  } catch {
    // Ingest runs elsewhere, or an older one wrote the file.
    return undefined;
  }
}

/** What the spool's folder says beside the figures of ingest. */
export async function readSpoolFiles(
  spoolFolder: string,
): Promise<Pick<IngestSituation, 'keysRevision' | 'quarantinedBytes'>> {
  const [keysRevision, quarantinedBytes] = await Promise.all([
    readKeysRevision(join(spoolFolder, KEY_SNAPSHOT_FILE)),
    bytesIn(join(spoolFolder, SPOOL_FOLDERS.quarantine)),
  ]);
  return { keysRevision, quarantinedBytes };
}

async function readKeysRevision(file: string): Promise<IngestSituation['keysRevision']> {
  try {
    const { revision } = JSON.parse(await readFile(file, 'utf8')) as Partial<KeySnapshot>;
    return revision === undefined ? undefined : { revision, since: (await stat(file)).mtimeMs };
  } catch {
    // None has been written, or it is damaged: then ingest says so in its log and keeps the one before.
    return undefined;
  }
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name))
        .then(({ size }) => size)
        .catch(() => 0),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * The situation as the data folder tells it; what only a server knows is absent. `now`: Unix ms.
 * @returns undefined: there is no spool
 */
export async function situationFromFiles(dataDir: string, now: number): Promise<IngestSituation | undefined> {
  const spoolFolder = join(dataDir, 'spool');
  const sealed = await readdir(join(spoolFolder, SPOOL_FOLDERS.sealed)).catch(() => undefined);
  if (sealed === undefined) return undefined;
  const waiting = sealed.filter((name) => SEGMENT_NAME_PATTERN.test(name)).toSorted();
  const oldest = waiting[0] === undefined ? now : Number(waiting[0].slice(0, 13));
  const [intake, files, quarantined] = await Promise.all([
    readIntake(join(spoolFolder, INTAKE_FILE)),
    readSpoolFiles(spoolFolder),
    new QuarantineFolder(spoolFolder).count(),
  ]);
  return {
    ...{ now, intake, delay: null, quarantined, newestSpanAt: null, ...files },
    loader: {
      ...{ loadedSegments: 0, waitingSegments: waiting.length, oldestWaitingMs: Math.max(0, now - oldest) },
      ...{ trouble: undefined, troubleSince: undefined, lastLoadMs: undefined },
    },
  };
}
