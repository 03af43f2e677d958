/** Backups as they lie in a folder: which there are, what one says of itself, and whether it is whole. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  BACKUP_FORMAT,
  type BackupFile,
  type BackupManifest,
  isBackupName,
  MANIFEST_FILE,
  MANIFEST_HASH_FILE,
} from '../domain/backup.ts';
import { TenantryError } from '../domain/errors.ts';
import { insideOf } from './backup-pack.ts';

export interface FoundBackup {
  readonly name: string;
  readonly path: string;
}

export interface BackupFault {
  readonly path: string;
  readonly fault: 'missing' | 'changed' | 'unknown';
}

const OTHER_BACKUP = 'Take another backup of that folder (`tenantry backup --list`).';

/** Newest first; none where there is no such folder. */
export async function findBackups(folder: string): Promise<readonly FoundBackup[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter(isBackupName)
    .toSorted()
    .toReversed()
    .map((name) => ({ name, path: join(folder, name) }));
}

/** A backup itself, or the newest of a folder of them. @throws TenantryError NOT_FOUND */
export async function resolveBackup(from: string): Promise<FoundBackup> {
  const isOne = await stat(join(from, MANIFEST_FILE)).catch(() => undefined);
  if (isOne !== undefined) return { name: basename(from), path: from };
  const [newest] = await findBackups(from);
  if (newest !== undefined) return newest;
  throw new TenantryError('NOT_FOUND', `There is no backup in ${from}.`, {
    hint: 'Give the folder that `tenantry backup --to` was given, or one backup in it. One that is called .partial-… was never finished.',
  });
}

/** @throws TenantryError BACKUP_DAMAGED, SCHEMA_TOO_NEW when a newer version made it */
export async function readManifest(path: string): Promise<BackupManifest> {
  const [text, sum] = await Promise.all([
    readFile(join(path, MANIFEST_FILE)),
    readFile(join(path, MANIFEST_HASH_FILE), 'utf8'),
  ]).catch((cause: unknown) => {
    throw damaged(path, 'its manifest or the hash of it is missing', cause);
  });
  const hash = createHash('sha256').update(text).digest('hex');
  if (!sum.startsWith(`${hash} `)) throw damaged(path, 'its manifest was changed');
  const manifest = JSON.parse(text.toString('utf8')) as BackupManifest;
  if (manifest.format > BACKUP_FORMAT) {
    throw new TenantryError('SCHEMA_TOO_NEW', `${path} was made by Tenantry ${manifest.version}.`, {
      hint: 'Restore it with that version or a newer one.',
    });
  }
  return manifest;
}

/** Reads every byte. Nothing that is listed may be missing or changed, and nothing else may be there. */
export async function backupFaults(
  path: string,
  { files }: BackupManifest,
  onFile: (done: number) => void = () => undefined,
): Promise<readonly BackupFault[]> {
  const faults: BackupFault[] = [];
  const known = new Set([...files.map((file) => file.path), MANIFEST_FILE, MANIFEST_HASH_FILE]);
  for (const [index, file] of files.entries()) {
    const fault = await faultOf(path, file);
    if (fault !== undefined) faults.push({ path: file.path, fault });
    onFile(index + 1);
  }
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const there = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(path.length + 1)
        .replaceAll('\\', '/'),
    );
  return [
    ...faults,
    ...there.filter((name) => !known.has(name)).map((name) => ({ path: name, fault: 'unknown' as const })),
  ];
}

/** @throws TenantryError BACKUP_DAMAGED naming what is wrong */
export async function assertWhole(
  path: string,
  manifest: BackupManifest,
  onFile?: (done: number) => void,
): Promise<void> {
  const faults = await backupFaults(path, manifest, onFile);
  if (faults.length === 0) return;
  const named = faults.slice(0, 3).map((each) => `${each.path} is ${each.fault}`);
  const more = faults.length > named.length ? ` and ${faults.length - named.length} more` : '';
  throw damaged(path, `${named.join(', ')}${more}`);
}

async function faultOf(path: string, file: BackupFile): Promise<BackupFault['fault'] | undefined> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(insideOf(path, file.path, path))) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
  return bytes === file.bytes && hash.digest('hex') === file.sha256 ? undefined : 'changed';
}

function damaged(path: string, how: string, cause?: unknown): TenantryError {
  return new TenantryError('BACKUP_DAMAGED', `The backup ${path} is not whole: ${how}.`, { hint: OTHER_BACKUP, cause });
}
