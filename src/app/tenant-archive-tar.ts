/** Folders as one file: POSIX ustar, which every system opens. Whole numbers of blocks, so that the size is known before. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TenantryError } from '../domain/errors.ts';
import { isArchivePath } from '../domain/tenant-archive-manifest.ts';

const BLOCK = 512;
/** What 11 octal digits hold; beyond it the number is written in binary, as GNU tar does. */
const MOST_OCTAL = 8 ** 11 - 1;
const REGULAR_FILE = ['0', '\0'];

export interface TarFile {
  /** Relative, at most 100 bytes. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

const padded = (bytes: number) => Math.ceil(bytes / BLOCK) * BLOCK;

export function tarBytes(files: readonly TarFile[]): number {
  return files.reduce((sum, { bytes }) => sum + BLOCK + padded(bytes), 2 * BLOCK);
}

/** The files in their order. @throws Error when one is not as long as it was said to be */
export async function* tarOf(files: readonly TarFile[], modifiedAt: number): AsyncGenerator<Buffer> {
  for (const { name, path, bytes } of files) {
    yield header(name, bytes, modifiedAt);
    let sent = 0;
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      sent += chunk.length;
      yield chunk;
    }
    if (sent !== bytes) throw new Error(`${name} changed while it was sent`);
    yield Buffer.alloc(padded(bytes) - bytes);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function header(name: string, bytes: number, modifiedAt: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) => block.write(value.toString(8).padStart(digits, '0'), at);
  block.write(name, 0, 100);
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  if (bytes <= MOST_OCTAL) octal(bytes, 124, 11);
  else {
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(bytes), 128);
  }
  octal(Math.floor(modifiedAt / 1_000), 136, 11);
  block.write('0', 156);
  block.write('ustar\0' + '00', 257);
  block.fill(' ', 148, 156);
  octal(checksumOf(block), 148, 6);
  block[154] = 0;
  return block;
}

const checksumOf = (block: Buffer) => block.reduce((sum, byte) => sum + byte, 0);

/**
 * Unpacks the regular files of a tar into a folder. Nothing is written outside of it: a name that is not one of an
 * archive of ours ends it.
 * @throws TenantryError BAD_REQUEST for what is no such tar, or ends too early
 */
export async function unpackTar(path: string, folder: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    for (let at = 0; at < size; ) {
      const block = Buffer.alloc(BLOCK);
      const { bytesRead } = await file.read(block, 0, BLOCK, at);
      if (bytesRead < BLOCK) throw damaged('it ends in the middle of an entry.');
      if (block.every((byte) => byte === 0)) return;
      const { name, bytes } = entryOf(block);
      at += BLOCK;
      if (at + bytes > size) throw damaged('it ends in the middle of a file.');
      const to = join(folder, name);
      await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      // `end` is inclusive, so an empty file has no range to be read.
      if (bytes === 0) await (await open(to, 'w', 0o600)).close();
      else
        await pipeline(
          createReadStream(path, { start: at, end: at + bytes - 1 }),
          createWriteStream(to, { mode: 0o600 }),
        );
      at += padded(bytes);
    }
    throw damaged('its end is missing.');
  } finally {
    await file.close();
  }
}

function entryOf(block: Buffer): { readonly name: string; readonly bytes: number } {
  const text = (from: number, to: number) => block.toString('latin1', from, to).replace(/[\0 ]+$/, '');
  const told = Number.parseInt(text(148, 156), 8);
  const blank = Buffer.from(block).fill(' ', 148, 156);
  if (text(257, 262) !== 'ustar' || told !== checksumOf(blank)) throw damaged('it is no tar file.');
  const name = text(0, 100);
  if (!REGULAR_FILE.includes(block.toString('latin1', 156, 157)) || text(345, 500) !== '' || !isArchivePath(name)) {
    throw damaged('it holds something else than an archive does.');
  }
  const bytes = (block[124] ?? 0) >= 0x80 ? Number(block.readBigUInt64BE(128)) : Number.parseInt(text(124, 136), 8);
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw damaged('it is no tar file.');
  return { name, bytes };
}

function damaged(detail: string): TenantryError {
  return new TenantryError('BAD_REQUEST', `The archive cannot be opened: ${detail}`, {
    hint: 'Give a .tar file as the export was downloaded, or the folder that it was unpacked into.',
  });
}
