/** The last backup and the last drill, in a file of the data directory: whoever makes one writes it, server or command. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKUP_STATUS_FILE, type BackupStatus, type DrillDone } from '../domain/backup.ts';
import { writeWhole } from '../store/clickhouse/whole-file.ts';
import type { BackupTaken } from './backup-take.ts';

/** Nothing where none has been made, or where the file cannot be read. */
export async function readBackupStatus(dataDir: string): Promise<BackupStatus> {
  try {
    const status: unknown = JSON.parse(await readFile(join(dataDir, BACKUP_STATUS_FILE), 'utf8'));
    return typeof status === 'object' && status !== null ? status : {};
  } catch {
    return {};
  }
}

export async function noteBackup(dataDir: string, { manifest, path }: BackupTaken): Promise<void> {
  const { name, bytes, tookMs } = manifest;
  const lastBackup = {
    ...{ name, folder: path, bytes, tookMs },
    ...{ cutAt: Date.parse(manifest.cutAt), finishedAt: Date.parse(manifest.finishedAt) },
  };
  await write(dataDir, { ...(await readBackupStatus(dataDir)), lastBackup });
}

export async function noteDrill(dataDir: string, lastDrill: DrillDone): Promise<void> {
  await write(dataDir, { ...(await readBackupStatus(dataDir)), lastDrill });
}

async function write(dataDir: string, status: BackupStatus): Promise<void> {
  await writeWhole(join(dataDir, BACKUP_STATUS_FILE), `${JSON.stringify(status, null, 1)}\n`);
}
