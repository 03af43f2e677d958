import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { TenantryError } from '../src/domain/errors.ts';
import { type BodyEncoding, bodyEncoding, decompress, tooLarge } from './decompression.ts';
import { FairTurns } from './fair-turns.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** Decompressions at a time: bounds the memory of bombs; zlib has four threads in Node. */
const MAX_DECOMPRESSIONS = 4;

/** How a body is wrapped by its protocol. */
export interface BodyForm {
  /** What the sender says it will send, in bytes; 0 = it does not say. */
  readonly announcedBytes: number;
  /** Bytes that the protocol adds to the body. */
  readonly framingBytes: number;
  /**
   * Takes the protocol's wrapping off.
   * @throws TenantryError OTLP_MALFORMED where it is broken, UNSUPPORTED_MEDIA_TYPE
   */
  unwrap(received: Buffer): { readonly encoding: BodyEncoding; readonly content: Buffer };
}

/** A body in use. */
export interface HeldBody {
  readonly bytes: Buffer;
  /**
   * Counts memory that is made from the body, until it is done with.
   * @throws TenantryError SPOOL_UNAVAILABLE (budget used up)
   */
  grow(bytes: number): void;
}

/**
 * The body of an HTTP request: one layer of compression at most.
 * @throws TenantryError UNSUPPORTED_MEDIA_TYPE
 */
export function httpBody(headers: IncomingHttpHeaders): BodyForm {
  const encoding = bodyEncoding(headers['content-encoding']);
  return {
    announcedBytes: Number(headers['content-length'] ?? 0),
    framingBytes: 0,
    // An empty body is an empty request, whatever it is called.
    unwrap: (content) => ({ encoding: content.length === 0 ? 'identity' : encoding, content }),
  };
}

/**
 * Reads request bodies of every protocol, with one limit for all: decompressed while they are measured, never more in
 * memory than the budget allows.
 */
export class BodyReader {
  /** Of one body, after decompression. */
  readonly maxBytes: number;
  readonly #budget: MemoryBudget;
  readonly #turns = new FairTurns(MAX_DECOMPRESSIONS);

  constructor(maxBytes: number, budget: MemoryBudget) {
    this.maxBytes = maxBytes;
    this.#budget = budget;
  }

  /**
   * @param owner id of the key: memory and turns are shared out by keys
   * @param use gets the body; the memory counts as used until its promise settles
   * @throws TenantryError BODY_TOO_LARGE, OTLP_MALFORMED (broken compression, connection lost), SPOOL_UNAVAILABLE
   *   (budget used up)
   */
  async withBody<T>(owner: string, source: Readable, form: BodyForm, use: (body: HeldBody) => Promise<T>): Promise<T> {
    if (form.announcedBytes > this.maxBytes + form.framingBytes) throw tooLarge(this.maxBytes);
    const lease = this.#budget.lease(owner);
    const grow = (bytes: number) => lease.grow(bytes);
    try {
      const received = await collect(source, this.maxBytes, form.framingBytes, grow);
      const { encoding, content } = form.unwrap(received);
      if (encoding === 'identity') return await use({ bytes: content, grow });
      const bytes = await this.#turns.run(owner, () => decompress(content, encoding, this.maxBytes, grow));
      return await use({ bytes, grow });
    } finally {
      lease.release();
    }
  }
}

function collect(
  source: Readable,
  maxBytes: number,
  framingBytes: number,
  grow: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const fail = (error: Error) => {
      source.removeAllListeners('data');
      chunks.length = 0;
      reject(error);
    };
    source.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > maxBytes + framingBytes) return fail(tooLarge(maxBytes));
      try {
        grow(chunk.length);
      } catch (error) {
        return fail(error as Error);
      }
      chunks.push(chunk);
    });
    source.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, total)));
    source.once('close', () => fail(new TenantryError('OTLP_MALFORMED', 'the connection ended before the body did')));
    source.once('error', fail);
  });
}
