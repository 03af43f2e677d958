import { join } from 'node:path';
import type { Logger } from 'pino';
import { SEGMENT_NAME_PATTERN } from '../src/domain/spool-format.ts';
import type { Retries } from './retries.ts';
import type { KnownRequest } from './retry-memory.ts';
import { type SpoolPaths, sealFile } from './segment.ts';
import type { SpoolDisk } from './spool-disk.ts';
import type { RequestOwners } from './spool-owners.ts';
import { knownRequestOf, type RecordScan, scanRecords } from './spool-record.ts';

export interface RecoveryFigures {
  readonly segments: number;
  readonly records: number;
  /** Bytes of requests that were never acknowledged: an unfinished record at the end of a segment. */
  readonly tornBytes: number;
  /** Bytes moved to quarantine: records whose CRC is wrong, or what cannot be told apart behind them. */
  readonly corruptBytes: number;
}

/** Recognised retries, and who keeps which request in `open/`. */
export interface RecoveryRetries {
  readonly retries: Pick<Retries, 'append' | 'memory'>;
  readonly owners: RequestOwners;
}

/** A rewritten segment before it takes the place of the damaged one. */
const REWRITE_SUFFIX = '.rewrite';

/**
 * Finishes what a killed process left in `open/`: keeps every whole record, cuts the rest, seals. Each step can be
 * repeated, so a kill during recovery loses and doubles nothing.
 */
export async function recoverSegments(
  disk: SpoolDisk,
  paths: SpoolPaths,
  log: Logger,
  now: () => number,
  known?: RecoveryRetries,
): Promise<RecoveryFigures> {
  const figures = { segments: 0, records: 0, tornBytes: 0, corruptBytes: 0 };
  for (const { name } of await disk.list(paths.open)) {
    const path = join(paths.open, name);
    if (name.endsWith(REWRITE_SUFFIX)) {
      await disk.remove(path);
      continue;
    }
    if (!SEGMENT_NAME_PATTERN.test(name)) {
      log.warn({ file: name }, 'a file in the spool that ingest did not write is left alone');
      continue;
    }
    const contents = await disk.read(path);
    const requests: KnownRequest[] = [];
    const scan = scanRecords(contents, (record) => {
      const request = knownRequestOf(contents, record);
      if (known === undefined || request === undefined) return true;
      const isKept = known.owners.keeps(name, request.key);
      if (isKept) requests.push(request);
      return isKept;
    });
    const cut = bytesIn(scan.bad);
    if (scan.onlyTorn) figures.tornBytes += cut;
    else if (cut > 0) {
      await quarantine(disk, paths, name, contents, scan, now());
      figures.corruptBytes += cut;
    }
    if (cut > 0) log.warn({ segment: name, records: scan.records, cut, torn: scan.onlyTorn }, 'cut a spool segment');
    if (scan.records === 0) {
      await disk.remove(path);
      continue;
    }
    await keepGoodRecords(disk, paths, name, contents, scan);
    await known?.retries.append(name, requests);
    for (const request of requests) known?.retries.memory.add(request);
    await sealFile(disk, paths, name);
    figures.segments++;
    figures.records += scan.records;
  }
  await disk.syncFolder(paths.open);
  return figures;
}

/** The file's contents are synced when this resolves, also when nothing was cut: its writer may not have come to it. */
async function keepGoodRecords(
  disk: SpoolDisk,
  paths: SpoolPaths,
  name: string,
  contents: Buffer,
  scan: RecordScan,
): Promise<void> {
  const path = join(paths.open, name);
  const [first] = scan.good;
  if (scan.good.length === 1 && first?.[0] === 0) {
    const file = await disk.reopen(path);
    try {
      if (first[1] < contents.length) await file.truncate(first[1]);
      await file.datasync();
    } finally {
      await file.close();
    }
    return;
  }
  await disk.remove(path + REWRITE_SUFFIX);
  const file = await disk.create(path + REWRITE_SUFFIX);
  try {
    await file.write(scan.good.map(([start, end]) => contents.subarray(start, end)));
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(path + REWRITE_SUFFIX, path);
}

async function quarantine(
  disk: SpoolDisk,
  paths: SpoolPaths,
  name: string,
  contents: Buffer,
  scan: RecordScan,
  now: number,
): Promise<void> {
  const reason = {
    segment: name,
    reason: 'the checksum of these records is wrong; they were cut out when ingest started',
    found_at: new Date(now).toISOString(),
    byte_ranges: scan.bad,
    records_kept: scan.records,
  };
  await writeDurably(disk, join(paths.quarantine, `${name}.corrupt.json`), Buffer.from(`${JSON.stringify(reason)}\n`));
  const bytes = Buffer.concat(scan.bad.map(([start, end]) => contents.subarray(start, end)));
  await writeDurably(disk, join(paths.quarantine, `${name}.corrupt`), bytes);
  await disk.syncFolder(paths.quarantine);
}

async function writeDurably(disk: SpoolDisk, path: string, bytes: Uint8Array): Promise<void> {
  await disk.remove(path);
  const file = await disk.create(path);
  try {
    await file.write([bytes]);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function bytesIn(ranges: RecordScan['bad']): number {
  return ranges.reduce((sum, [start, end]) => sum + end - start, 0);
}
