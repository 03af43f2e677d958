import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { openCsv } from '../cost/bill-csv.ts';
import { decoded, fileKind } from '../cost/bill-encoding.ts';
import { type BillBuffer, openParquet } from '../cost/bill-parquet.ts';
import { type BillContents, type BillReadOptions, readCsvBill, readParquetBill } from '../cost/bill-reader.ts';
import type { FocusVersion } from '../cost/focus-columns.ts';
import { type FocusReport, validateFocus } from '../cost/focus-validate.ts';
import { TenantryError, toError } from '../domain/errors.ts';

const HEAD_BYTES = 4;
const CHUNK_BYTES = 256 * 1024;

/** Hex SHA-256 of a file. */
export async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Opens a bill on disk, packed or not, and hands its contents to `work`. Memory does not grow with its size.
 * @throws TenantryError BAD_REQUEST for what is no bill, and whatever `work` throws
 */
export async function withBillFile<T>(
  path: string,
  options: BillReadOptions,
  work: (contents: BillContents) => Promise<T>,
): Promise<T> {
  return withFile(path, {
    csv: async (bytes) => work(await readCsvBill(bytes, options)),
    parquet: async (file) => work(await readParquetBill(file, options)),
  });
}

/** Whether a file on disk is FOCUS. @throws TenantryError BAD_REQUEST for what cannot be read at all */
export async function checkFocusFile(path: string, version: FocusVersion): Promise<FocusReport> {
  return withFile(path, {
    csv: async (bytes) => validateFocus(await openCsv(decoded(bytes, 'auto')), version),
    parquet: async (file) => validateFocus(await openParquet(file), version),
  });
}

async function withFile<T>(
  path: string,
  read: {
    readonly csv: (bytes: AsyncIterable<Uint8Array>) => Promise<T>;
    readonly parquet: (file: BillBuffer) => Promise<T>;
  },
): Promise<T> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new TenantryError('BAD_REQUEST', `${path} cannot be opened.`, { cause });
  });
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    await handle.read(head, 0, HEAD_BYTES, 0);
    switch (fileKind(head)) {
      case 'parquet':
        return await read.parquet(bufferOf(handle, (await stat(path)).size));
      case 'gzip':
        return await read.csv(gunzipped(path));
      case 'text':
        return await read.csv(createReadStream(path, { highWaterMark: CHUNK_BYTES }));
      case 'zip':
      case 'zstd':
        throw new TenantryError('BAD_REQUEST', 'The file is packed in a way that is not read here.', {
          hint: 'Unpack it, or pack it with gzip.',
        });
    }
  } finally {
    await handle.close();
  }
}

function bufferOf(handle: FileHandle, byteLength: number): BillBuffer {
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      const bytes = new Uint8Array(Math.max(0, end - start));
      await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer;
    },
  };
}

async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  const packed = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const unpacked = createGunzip();
  packed.once('error', (error) => unpacked.destroy(error));
  try {
    yield* packed.pipe(unpacked);
  } catch (cause) {
    throw new TenantryError('BAD_REQUEST', `The file cannot be unpacked: ${toError(cause).message}.`, {
      hint: 'It may be cut off. Compare its size with the original, and import it again.',
      cause,
    });
  } finally {
    packed.destroy();
  }
}
