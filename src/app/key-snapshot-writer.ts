import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEY_SNAPSHOT_FILE, type KeySnapshot } from '../domain/spool-format.ts';

/**
 * Puts the keys where ingest reads them, whole or not at all. Ingest goes on with the last snapshot while this process
 * or Postgres is away. One write at a time, each with the keys of its own moment: two at once would take each other's
 * temporary file away, and the older one could come last.
 */
export function keySnapshotWriter(spoolFolder: string, current: () => KeySnapshot): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    last = last.catch(() => undefined).then(() => write(spoolFolder, current()));
    return last;
  };
}

async function write(spoolFolder: string, snapshot: KeySnapshot): Promise<void> {
  await mkdir(spoolFolder, { recursive: true });
  const file = join(spoolFolder, KEY_SNAPSHOT_FILE);
  const temporary = `${file}.new`;
  await writeFile(temporary, JSON.stringify(snapshot), { mode: 0o600 });
  await rename(temporary, file);
}
