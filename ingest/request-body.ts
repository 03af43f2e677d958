import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { TenantryError } from '../src/domain/errors.ts';
import type { MemoryBudget } from './memory-budget.ts';

export type BodyEncoding = 'identity' | 'gzip';

/**
 * Span and trace ids are random, so telemetry does not shrink by more than about 30. Where it claims to, it is a bomb,
 * and is stopped long before the body limit.
 */
const MAX_EXPANSION = 200;
const EXPANSION_FLOOR_BYTES = 1024 * 1024;
/** Decompressions at a time: bounds the memory of bombs; zlib has four threads in Node. */
const MAX_GUNZIPS = 4;
/** zlib's piece of output. Each is a trip to the thread pool, so large bodies get larger pieces than the usual 16 KiB. */
const MIN_PIECE_BYTES = 16 * 1024;
const MAX_PIECE_BYTES = 256 * 1024;
const USUAL_EXPANSION = 8;

/** @throws TenantryError UNSUPPORTED_MEDIA_TYPE for anything but identity and one layer of gzip */
export function bodyEncoding(contentEncoding: string | undefined): BodyEncoding {
  const name = (contentEncoding ?? '').trim().toLowerCase();
  if (name === '' || name === 'identity') return 'identity';
  if (name === 'gzip') return 'gzip';
  throw new TenantryError('UNSUPPORTED_MEDIA_TYPE', 'this content-encoding is not supported', {
    hint: 'Set the compression of the exporter to gzip or none.',
  });
}

/**
 * The request's body, decompressed. Holds `budget` bytes for what it keeps; the caller gives them back with the
 * lease when the body is done with.
 * @throws TenantryError BODY_TOO_LARGE, OTLP_MALFORMED (broken gzip, connection lost), SPOOL_UNAVAILABLE (budget used up)
 */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #budget: MemoryBudget;
  #gunzips = 0;
  readonly #turns: (() => void)[] = [];

  constructor(maxBytes: number, budget: MemoryBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** @param use gets the body; the memory counts as used until its promise settles */
  async withBody<T>(
    request: IncomingMessage,
    encoding: BodyEncoding,
    use: (body: Uint8Array) => Promise<T>,
  ): Promise<T> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.#maxBytes) throw tooLarge(this.#maxBytes);
    const lease = this.#budget.lease();
    try {
      const received = await collect(request, this.#maxBytes, (bytes) => lease.grow(bytes));
      if (encoding === 'identity' || received.length === 0) return await use(received);
      const body = await this.#gunzipInTurn(received, (bytes) => lease.grow(bytes));
      return await use(body);
    } finally {
      lease.release();
    }
  }

  async #gunzipInTurn(compressed: Buffer, grow: (bytes: number) => void): Promise<Buffer> {
    if (this.#gunzips >= MAX_GUNZIPS) await new Promise<void>((turn) => this.#turns.push(turn));
    else this.#gunzips++;
    try {
      return await gunzip(compressed, this.#maxBytes, grow);
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#gunzips--;
      else next();
    }
  }
}

function collect(request: IncomingMessage, maxBytes: number, grow: (bytes: number) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const fail = (error: Error) => {
      request.removeAllListeners('data');
      chunks.length = 0;
      reject(error);
    };
    request.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > maxBytes) return fail(tooLarge(maxBytes));
      try {
        grow(chunk.length);
      } catch (error) {
        return fail(error as Error);
      }
      chunks.push(chunk);
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, total)));
    request.once('close', () => fail(new TenantryError('OTLP_MALFORMED', 'the connection ended before the body did')));
    request.once('error', fail);
  });
}

function gunzip(compressed: Buffer, maxBytes: number, grow: (bytes: number) => void): Promise<Buffer> {
  const expansionLimit = Math.max(EXPANSION_FLOOR_BYTES, compressed.length * MAX_EXPANSION);
  return new Promise((resolve, reject) => {
    const expected = compressed.length * USUAL_EXPANSION;
    const stream = createGunzip({ chunkSize: Math.min(Math.max(expected, MIN_PIECE_BYTES), MAX_PIECE_BYTES) });
    const chunks: Buffer[] = [];
    let total = 0;
    const fail = (error: Error) => {
      stream.destroy();
      reject(error);
    };
    stream.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > maxBytes) return fail(tooLarge(maxBytes));
      if (total > expansionLimit) return fail(bomb());
      try {
        grow(chunk.length);
      } catch (error) {
        return fail(error as Error);
      }
      chunks.push(chunk);
    });
    stream.once('end', () => {
      // zlib stops at the end of the gzip member and keeps silent about what follows.
      if (stream.bytesWritten !== compressed.length) fail(malformedGzip('bytes follow its end'));
      else resolve(Buffer.concat(chunks, total));
    });
    stream.once('error', (error: NodeJS.ErrnoException) => fail(malformedGzip(error.code ?? 'cannot be decompressed')));
    stream.end(compressed);
  });
}

function tooLarge(maxBytes: number): TenantryError {
  return new TenantryError('BODY_TOO_LARGE', `the body exceeds ${maxBytes} bytes after decompression`, {
    hint: 'Lower the batch size of the exporter, or raise TENANTRY_MAX_BODY_BYTES.',
  });
}

function bomb(): TenantryError {
  return new TenantryError('BODY_TOO_LARGE', `the body expands to more than ${MAX_EXPANSION} times its size`, {
    hint: 'Send it with less compression if it really is telemetry.',
  });
}

function malformedGzip(why: string): TenantryError {
  return new TenantryError('OTLP_MALFORMED', `the gzip stream is broken (${why})`, {
    hint: 'Send a complete gzip stream, or none at all with no content-encoding header.',
  });
}
