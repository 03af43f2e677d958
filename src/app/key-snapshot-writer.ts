import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_SNAPSHOT_FILE, type KeySnapshot } from '../domain/spool-format.ts';

/**
 * Puts the keys where ingest reads them, whole or not at all. Ingest goes on with the last snapshot while this process
 * or Postgres is away.
 */
export async function writeKeySnapshot(spoolFolder: string, snapshot: KeySnapshot): Promise<void> {
  await mkdir(spoolFolder, { recursive: true });
  const file = join(spoolFolder, KEY_SNAPSHOT_FILE);
  const temporary = `${file}.new`;
  await writeFile(temporary, JSON.stringify(snapshot), { mode: 0o600 });
  await rename(temporary, file);
}
