import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { TenantryError } from '../src/domain/errors.ts';

/** How a body is compressed; `deflate` is zlib's format, as HTTP means it. */
export type BodyEncoding = 'identity' | 'gzip' | 'deflate' | 'zstd';

/** A stream of zlib's; `bytesWritten` says how much of its input it made use of. */
type Decompressor = Transform & { readonly bytesWritten: number };
type MakeDecompressor = (options: { readonly chunkSize: number }) => Decompressor;

/**
 * Span and trace ids are random, so telemetry does not shrink by more than about 30. Where it claims to, it is a bomb,
 * and is stopped long before the body limit.
 */
const MAX_EXPANSION = 200;
const EXPANSION_FLOOR_BYTES = 1024 * 1024;
/** zlib's piece of output. Each is a trip to the thread pool, so large bodies get larger pieces than the usual 16 KiB. */
const MIN_PIECE_BYTES = 16 * 1024;
const MAX_PIECE_BYTES = 256 * 1024;
const USUAL_EXPANSION = 8;
/** 16 MiB: what encoders use at most unless they are told to; 128 MiB would be allowed otherwise, for each stream. */
const ZSTD_WINDOW_LOG_MAX = 24;

/** Other names that senders have for the same. */
const ALIASES: Readonly<Record<string, BodyEncoding>> = { '': 'identity', 'x-gzip': 'gzip', zlib: 'deflate' };
const DECOMPRESSORS: Readonly<Record<Exclude<BodyEncoding, 'identity'>, MakeDecompressor | undefined>> = {
  gzip: (options) => zlib.createGunzip(options),
  deflate: (options) => zlib.createInflate(options),
  zstd: zstdOfThisNode(),
};

/** The encodings that are taken here, as gRPC lists them; zstd only where Node has it (from 22.15). */
export const TAKEN_ENCODINGS: readonly BodyEncoding[] = [
  'identity',
  ...(['gzip', 'deflate', 'zstd'] as const).filter((name) => DECOMPRESSORS[name] !== undefined),
];

/** @throws TenantryError UNSUPPORTED_MEDIA_TYPE for what is not taken, and for more than one layer */
export function bodyEncoding(contentEncoding: string | undefined): BodyEncoding {
  const name = (contentEncoding ?? '').trim().toLowerCase();
  const encoding = ALIASES[name] ?? (name as BodyEncoding);
  if (TAKEN_ENCODINGS.includes(encoding)) return encoding;
  const isMissingZstd = encoding === 'zstd';
  throw new TenantryError(
    'UNSUPPORTED_MEDIA_TYPE',
    isMissingZstd ? 'zstd needs Node 22.15 or newer on this side' : 'this content-encoding is not supported',
    { hint: `Set the compression of the exporter to gzip or none (taken here: ${TAKEN_ENCODINGS.join(', ')}).` },
  );
}

/**
 * @param grow told of every piece before it is kept; may refuse by throwing
 * @throws TenantryError BODY_TOO_LARGE (more than `maxBytes`, or a bomb), OTLP_MALFORMED (broken, or bytes behind it)
 */
export function decompress(
  compressed: Buffer,
  encoding: Exclude<BodyEncoding, 'identity'>,
  maxBytes: number,
  grow: (bytes: number) => void,
): Promise<Buffer> {
  const make = DECOMPRESSORS[encoding];
  if (make === undefined) return Promise.reject(new Error(`no decompressor for ${encoding}`));
  const expansionLimit = Math.max(EXPANSION_FLOOR_BYTES, compressed.length * MAX_EXPANSION);
  return new Promise((resolve, reject) => {
    const expected = compressed.length * USUAL_EXPANSION;
    const stream = make({ chunkSize: Math.min(Math.max(expected, MIN_PIECE_BYTES), MAX_PIECE_BYTES) });
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
      // zlib stops at the end of the stream and keeps silent about what follows.
      if (stream.bytesWritten !== compressed.length) fail(malformed(encoding, 'bytes follow its end'));
      else resolve(Buffer.concat(chunks, total));
    });
    stream.once('error', (error: NodeJS.ErrnoException) => fail(malformed(encoding, error.code ?? 'not readable')));
    stream.end(compressed);
  });
}

/** The body as it is kept exceeds the limit. */
export function tooLarge(maxBytes: number): TenantryError {
  return new TenantryError('BODY_TOO_LARGE', `the body exceeds ${maxBytes} bytes after decompression`, {
    hint: 'Lower the batch size of the exporter, or raise TENANTRY_MAX_BODY_BYTES.',
  });
}

function bomb(): TenantryError {
  return new TenantryError('BODY_TOO_LARGE', `the body expands to more than ${MAX_EXPANSION} times its size`, {
    hint: 'Send it with less compression if it really is telemetry.',
  });
}

function malformed(encoding: BodyEncoding, why: string): TenantryError {
  return new TenantryError('OTLP_MALFORMED', `the ${encoding} stream is broken (${why})`, {
    hint: `Send a complete ${encoding} stream, or none at all without naming an encoding.`,
  });
}

/** Asked for by name: the types are those of Node 20, which does not have it. */
function zstdOfThisNode(): MakeDecompressor | undefined {
  const make: unknown = Reflect.get(zlib, 'createZstdDecompress');
  const windowLogMax: unknown = Reflect.get(zlib.constants, 'ZSTD_d_windowLogMax');
  if (typeof make !== 'function' || typeof windowLogMax !== 'number') return undefined;
  const makeZstd = make as (options: object) => Decompressor;
  return (options) => makeZstd({ ...options, params: { [windowLogMax]: ZSTD_WINDOW_LOG_MAX } });
}
