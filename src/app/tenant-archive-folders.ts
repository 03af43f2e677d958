import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Names that we give ourselves: nothing else becomes a path. */
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SERVER_FILE = 'server-id';

/** Where in the data directory exports lie, and archives that are to be restored. */
export class ArchiveFolders {
  readonly exports: string;
  readonly restores: string;

  /** @param dataDir as it is configured */
  constructor(dataDir: string) {
    this.exports = join(resolve(dataDir), 'tenant-exports');
    this.restores = join(resolve(dataDir), 'tenant-restores');
  }

  /** @param id a UUID in small letters */
  ofExport(id: string): string {
    return join(this.exports, safe(id));
  }

  /** @param id a UUID in small letters */
  ofRestore(id: string): string {
    return join(this.restores, safe(id));
  }

  async remove(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true });
  }

  /** Of this server among several on one database: the files are where they were made. Made at first use. */
  serverId(): string {
    mkdirSync(this.exports, { recursive: true, mode: 0o700 });
    const path = join(this.exports, SERVER_FILE);
    try {
      writeFileSync(path, randomBytes(8).toString('hex'), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return readFileSync(path, 'utf8').trim();
  }
}

function safe(id: string): string {
  if (!ID.test(id)) throw new Error('not the name of a folder of ours');
  return id;
}
