/**
 * A backup's folder while it is made: under a name that nothing takes for a backup, until all of it is on the disk.
 * A process that is killed leaves such a folder behind, and the next backup removes it.
 */
import { createHash } from 'node:crypto';
import { chmod, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BackupFile,
  type BackupManifest,
  MANIFEST_FILE,
  MANIFEST_HASH_FILE,
  partialName,
  partialOwner,
} from '../domain/backup.ts';
import { TenantryError } from '../domain/errors.ts';
import { syncFolder } from '../store/clickhouse/whole-file.ts';
import { isAlive } from '../store/postgres/embedded-cluster.ts';

/** What the writer needs to be told at the end; the files it knows itself. */
export type UnfinishedManifest = Omit<BackupManifest, 'files' | 'bytes' | 'sharedBytes'>;

export class BackupWriter {
  readonly #folder: string;
  readonly #name: string;
  readonly #partial: string;
  readonly #files: BackupFile[] = [];
  #shared = 0;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
    this.#partial = join(folder, partialName(name, process.pid));
  }

  /** @throws TenantryError NO_SPACE, BAD_REQUEST when the folder cannot be written to */
  static async begin(folder: string, name: string): Promise<BackupWriter> {
    const writer = new BackupWriter(folder, name);
    try {
      // Whoever may read a backup reads every tenant's data.
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await removeAbandoned(folder);
      await mkdir(writer.#partial, { mode: 0o700 });
    } catch (error) {
      throw writeError(error, folder);
    }
    return writer;
  }

  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Writes a file and waits until it is on the disk. @throws TenantryError NO_SPACE; what `content` throws */
  async add(path: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, mode = 0o600): Promise<void> {
    const to = join(this.#partial, path);
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      const file = await open(to, 'wx', mode);
      try {
        for await (const chunk of content) {
          hash.update(chunk);
          bytes += chunk.length;
          await file.writeFile(chunk);
        }
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      throw writeError(error, this.#folder);
    }
    this.#files.push({ path, bytes, sha256: hash.digest('hex') });
  }

  /** Takes a file of an older backup as its own, without a copy. @returns false where links cannot be made */
  async share(file: BackupFile, from: string): Promise<boolean> {
    const to = join(this.#partial, file.path);
    try {
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await link(from, to);
    } catch {
      return false;
    }
    this.#files.push(file);
    this.#shared += file.bytes;
    return true;
  }

  /** From here on it is a backup. @returns its manifest and its folder */
  async finish(about: UnfinishedManifest): Promise<{ readonly manifest: BackupManifest; readonly path: string }> {
    const files = this.#files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    const manifest: BackupManifest = { ...about, files, bytes: this.bytes, sharedBytes: this.#shared };
    const text = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
    await this.add(MANIFEST_FILE, [text]);
    const sum = createHash('sha256').update(text).digest('hex');
    await this.add(MANIFEST_HASH_FILE, [Buffer.from(`${sum}  ${MANIFEST_FILE}\n`)]);
    const path = join(this.#folder, this.#name);
    try {
      await syncFolders(this.#partial);
      await rename(this.#partial, path);
      await syncFolder(this.#folder);
    } catch (error) {
      throw writeError(error, this.#folder);
    }
    await chmod(path, 0o700);
    return { manifest, path };
  }

  async abandon(): Promise<void> {
    await rm(this.#partial, { recursive: true, force: true });
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = partialOwner(name);
    if (pid !== undefined && (pid === process.pid || !isAlive(pid))) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

/** Names of files are on the disk once their folders are. */
async function syncFolders(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  for (const folder of [...folders, root]) await syncFolder(folder);
}

function writeError(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new TenantryError(
      'NO_SPACE',
      `There is no room left in ${folder}; what was written of the backup is removed.`,
      {
        hint: 'Make room there, keep fewer backups (--keep), or give another folder. The running Tenantry is not affected.',
        cause: error,
      },
    );
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EPERM') {
    return new TenantryError('BAD_REQUEST', `Nothing can be written to ${folder} (${code}).`, {
      hint: 'Give a folder that the process of the server may write to.',
      cause: error,
    });
  }
  return error;
}
