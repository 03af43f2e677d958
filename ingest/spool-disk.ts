import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** One open file of the spool, append only. */
export interface SpoolFile {
  /** Writes everything, in order. A rejected write may have written a part. */
  write(parts: readonly Uint8Array[]): Promise<void>;
  /** fdatasync: the bytes are on the disk when it resolves. */
  datasync(): Promise<void>;
  /** Cuts the file to `bytes` and moves the end of writing there. */
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The file system calls that the spool's promises rest on, narrow enough that a test can put a failing or
 * order-recording disk in its place.
 */
export interface SpoolDisk {
  /** Makes the folder and, durably, its entry in the parent. */
  makeFolder(path: string): Promise<void>;
  /** Fails if the file exists. */
  create(path: string): Promise<SpoolFile>;
  /** Opens an existing file to cut it. */
  reopen(path: string): Promise<SpoolFile>;
  read(path: string): Promise<Buffer>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** fsync of the folder: names made, renamed or removed in it survive a power loss once it resolves. */
  syncFolder(path: string): Promise<void>;
  /** Names and sizes of the files in a folder, sorted by name. A file that vanishes meanwhile is left out. */
  list(path: string): Promise<{ readonly name: string; readonly bytes: number }[]>;
  /** Bytes of the file system that hold `path`: those that this process may still use, and all. */
  space(path: string): Promise<{ readonly free: number; readonly total: number }>;
}

/** writev takes 1,024 buffers at most (IOV_MAX on Linux and macOS). */
const MAX_PARTS = 1_024;

export const nodeDisk: SpoolDisk = {
  async makeFolder(path) {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made === undefined) return;
    for (let entry = resolve(path); entry !== dirname(resolve(made)); entry = dirname(entry)) {
      await nodeDisk.syncFolder(dirname(entry));
    }
  },
  async create(path) {
    return spoolFile(await open(path, 'wx', 0o600), 0);
  },
  async reopen(path) {
    const handle = await open(path, 'r+');
    return spoolFile(handle, (await handle.stat()).size);
  },
  read: (path) => readFile(path),
  rename,
  remove: (path) => rm(path, { force: true }),
  async syncFolder(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async list(path) {
    const names = (await readdir(path)).sort();
    const files = await Promise.all(
      names.map(async (name) => {
        const found = await stat(join(path, name)).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined;
          throw error;
        });
        return found?.isFile() === true ? { name, bytes: found.size } : undefined;
      }),
    );
    return files.filter((file) => file !== undefined);
  },
  async space(path) {
    const { bavail, blocks, bsize } = await statfs(path);
    return { free: bavail * bsize, total: blocks * bsize };
  },
};

function spoolFile(handle: FileHandle, size: number): SpoolFile {
  let end = size;
  return {
    async write(parts) {
      for (let from = 0; from < parts.length; from += MAX_PARTS) {
        end = await writeAll(handle, parts.slice(from, from + MAX_PARTS), end);
      }
    },
    datasync: () => handle.datasync(),
    async truncate(bytes) {
      await handle.truncate(bytes);
      end = bytes;
    },
    close: () => handle.close(),
  };
}

/** One writev, repeated only when the kernel took a part (a nearly full disk, a signal). */
async function writeAll(handle: FileHandle, parts: readonly Uint8Array[], position: number): Promise<number> {
  let rest = [...parts];
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    rest = withoutFirst(rest, bytesWritten);
    if (bytesWritten === 0 && rest.length > 0) throw new Error('the file system took no more bytes');
  }
  return at;
}

function withoutFirst(parts: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      rest.push(skip > 0 ? part.subarray(skip) : part);
      skip = 0;
    }
  }
  return rest;
}
