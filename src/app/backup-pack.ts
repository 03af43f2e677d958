/**
 * A folder as one file, and back: a line of JSON that names the files and their sizes, then their bytes one after the
 * other. A part of a table is some twelve small files: one file instead is one sync, one hash and one link.
 */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { TenantryError } from '../domain/errors.ts';

interface Packed {
  /** With slashes. */
  readonly path: string;
  readonly bytes: number;
}

const HEAD_MOST_BYTES = 4 * 1024 ** 2;
const CHUNK_BYTES = 1024 ** 2;

/** The bytes of the pack; the folder must not change meanwhile. */
export async function* packFolder(folder: string): AsyncGenerator<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const files = await Promise.all(
    paths.toSorted().map(async (path): Promise<Packed> => {
      const { size } = await stat(path);
      return { path: relative(folder, path).split(sep).join('/'), bytes: size };
    }),
  );
  yield Buffer.from(`${JSON.stringify(files)}\n`);
  for (const { path } of files) for await (const chunk of createReadStream(join(folder, path))) yield chunk as Buffer;
}

/** Makes `folder` with what was packed. @throws TenantryError BACKUP_DAMAGED */
export async function unpackFolder(pack: string, folder: string): Promise<void> {
  const from = await open(pack, 'r');
  try {
    const head = await readHead(from, pack);
    let at = head.bytes;
    for (const { path, bytes } of head.files) {
      const to = insideOf(folder, path, pack);
      await mkdir(dirname(to), { recursive: true });
      const file = await open(to, 'wx');
      try {
        for (let left = bytes; left > 0; ) {
          const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
          const { bytesRead } = await from.read(chunk, 0, chunk.length, at);
          if (bytesRead === 0) throw damaged(pack);
          await file.writeFile(chunk.subarray(0, bytesRead));
          at += bytesRead;
          left -= bytesRead;
        }
      } finally {
        await file.close();
      }
    }
  } finally {
    await from.close();
  }
}

/** One of the files of a pack; undefined: it has no such file. @throws as `unpackFolder` */
export async function packedFile(pack: string, path: string): Promise<Buffer | undefined> {
  const from = await open(pack, 'r');
  try {
    const head = await readHead(from, pack);
    const index = head.files.findIndex((file) => file.path === path);
    const found = head.files[index];
    if (found === undefined) return undefined;
    const at = head.files.slice(0, index).reduce((sum, { bytes }) => sum + bytes, head.bytes);
    const { buffer, bytesRead } = await from.read(Buffer.alloc(found.bytes), 0, found.bytes, at);
    if (bytesRead !== found.bytes) throw damaged(pack);
    return buffer;
  } finally {
    await from.close();
  }
}

async function readHead(
  file: Awaited<ReturnType<typeof open>>,
  pack: string,
): Promise<{ readonly files: readonly Packed[]; readonly bytes: number }> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < HEAD_MOST_BYTES; ) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) break;
    const end = chunk.subarray(0, bytesRead).indexOf(0x0a);
    chunks.push(chunk.subarray(0, end < 0 ? bytesRead : end));
    at += bytesRead;
    if (end < 0) continue;
    const head = Buffer.concat(chunks);
    return { files: parseHead(head.toString('utf8'), pack), bytes: head.length + 1 };
  }
  throw damaged(pack);
}

function parseHead(text: string, pack: string): readonly Packed[] {
  let files: unknown;
  try {
    files = JSON.parse(text);
  } catch {
    throw damaged(pack);
  }
  const isPacked = (file: unknown): file is Packed => {
    const { path, bytes } = (file ?? {}) as Partial<Packed>;
    return typeof path === 'string' && Number.isSafeInteger(bytes) && Number(bytes) >= 0;
  };
  if (!Array.isArray(files) || !files.every(isPacked)) throw damaged(pack);
  return files;
}

/** A backup may have been through other hands: nothing of it is written outside its folder. */
export function insideOf(folder: string, path: string, source: string): string {
  const to = normalize(join(folder, path));
  if (!to.startsWith(normalize(folder) + sep)) throw damaged(source);
  return to;
}

function damaged(pack: string): TenantryError {
  return new TenantryError('BACKUP_DAMAGED', `${pack} is damaged.`, {
    hint: 'Take another backup; nothing was restored.',
  });
}
