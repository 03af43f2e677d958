/** Every encoding of a body: what comes out, and where it is stopped. */
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bodyEncoding, decompress, TAKEN_ENCODINGS } from '../../ingest/decompression.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const KEEP = () => {};

type Compress = (bytes: Uint8Array) => Buffer;
/** Asked for by name: Node has it from 22.15. */
const zstd: unknown = Reflect.get(zlib, 'zstdCompressSync');
const COMPRESSORS: readonly (readonly ['gzip' | 'deflate' | 'zstd', Compress])[] = [
  ['gzip', (bytes) => zlib.gzipSync(bytes)],
  ['deflate', (bytes) => zlib.deflateSync(bytes)],
  ...(typeof zstd === 'function' ? [['zstd', zstd as Compress] as const] : []),
];

describe.each(COMPRESSORS)('%s', (encoding, compress) => {
  const text = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * at) % 251));

  it('gives back what was compressed, and tells of every byte before it is kept', async () => {
    let grown = 0;
    const body = await decompress(compress(text), encoding, MAX_BYTES, (bytes) => {
      grown += bytes;
    });
    expect(body.equals(text)).toBe(true);
    expect(grown).toBe(text.length);
  });

  it.each<readonly [string, Buffer, string]>([
    ['cut off', compress(text).subarray(0, -9), 'OTLP_MALFORMED'],
    ['no such stream', text, 'OTLP_MALFORMED'],
    ['with bytes behind it', Buffer.concat([compress(text), Buffer.alloc(9)]), 'OTLP_MALFORMED'],
    ['larger than a body may be', compress(Buffer.concat(Array.from({ length: 15 }, () => text))), 'BODY_TOO_LARGE'],
    ['a bomb', compress(Buffer.alloc(MAX_BYTES)), 'BODY_TOO_LARGE'],
  ])('is refused: %s', async (_what, bytes, code) => {
    await expect(decompress(bytes, encoding, MAX_BYTES, KEEP)).rejects.toMatchObject({ code });
  });

  it('stops as soon as there is no memory left for it', async () => {
    let pieces = 0;
    const refused = decompress(compress(Buffer.concat([text, text])), encoding, MAX_BYTES, () => {
      pieces += 1;
      throw new Error('no room');
    });
    await expect(refused).rejects.toThrow('no room');
    expect(pieces).toBe(1);
  });
});

describe('the name of an encoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    [' GZip ', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['zlib', 'deflate'],
  ])('%s is %s', (name, encoding) => {
    expect(bodyEncoding(name)).toBe(encoding);
  });

  it.each(['br', 'gzip, gzip', 'gzip,identity', 'snappy', '__proto__', 'constructor'])('%s is refused', (name) => {
    expect(() => bodyEncoding(name)).toThrow('not supported');
  });

  it('zstd is taken where this Node has it, and said to be missing where not', () => {
    if (typeof zstd === 'function') expect(bodyEncoding('zstd')).toBe('zstd');
    else expect(() => bodyEncoding('zstd')).toThrow('Node 22.15');
    expect(TAKEN_ENCODINGS.includes('zstd')).toBe(typeof zstd === 'function');
  });
});
