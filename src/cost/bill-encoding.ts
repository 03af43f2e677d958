/** From the bytes of a file to text, without guessing silently: what cannot be told apart is an error that says so. */
import { TenantryError } from '../domain/errors.ts';

export type BillEncoding = 'auto' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';

export type FileKind = 'text' | 'gzip' | 'parquet' | 'zip' | 'zstd';

const MAGIC: readonly { readonly kind: FileKind; readonly bytes: readonly number[] }[] = [
  { kind: 'gzip', bytes: [0x1f, 0x8b] },
  { kind: 'parquet', bytes: [0x50, 0x41, 0x52, 0x31] },
  { kind: 'zip', bytes: [0x50, 0x4b, 0x03, 0x04] },
  { kind: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
];

/** What a file is by its first bytes; four are enough. */
export function fileKind(head: Uint8Array): FileKind {
  return MAGIC.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))?.kind ?? 'text';
}

type Decoder = InstanceType<typeof TextDecoder>;

const SNIFFED = 1_024;

/** By byte order mark, else by where the zero bytes of ASCII text in UTF-16 stand. */
function encodingOf(head: Uint8Array): Exclude<BillEncoding, 'auto'> {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const sample = head.subarray(0, SNIFFED);
  const zeros = (parity: number) => sample.filter((byte, index) => byte === 0 && index % 2 === parity).length;
  const [even, odd] = [zeros(0), zeros(1)];
  const most = sample.length / 4;
  if (odd > most && even < most / 4) return 'utf-16le';
  if (even > most && odd < most / 4) return 'utf-16be';
  return 'utf-8';
}

/** WHATWG's name; what is called Latin-1 in files is Windows-1252 there, as it is in life. */
const LABELS = { 'utf-8': 'utf-8', 'utf-16le': 'utf-16le', 'utf-16be': 'utf-16be', latin1: 'windows-1252' } as const;

/**
 * The text of a file in pieces. A byte order mark is dropped.
 * @throws TenantryError BAD_REQUEST with the line when the bytes are not in that encoding
 */
export async function* decoded(bytes: AsyncIterable<Uint8Array>, encoding: BillEncoding): AsyncGenerator<string> {
  let decoder: Decoder | undefined;
  let used: Exclude<BillEncoding, 'auto'> = 'utf-8';
  let lines = 1;
  for await (const chunk of bytes) {
    if (decoder === undefined) {
      used = encoding === 'auto' ? encodingOf(chunk) : encoding;
      decoder = new TextDecoder(LABELS[used], { fatal: true });
    }
    const text = decodeChunk(decoder, chunk, { used, lines });
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
    yield text;
  }
  const rest = decodeChunk(decoder ?? new TextDecoder(), undefined, { used, lines });
  if (rest !== '') yield rest;
}

function decodeChunk(
  decoder: Decoder,
  chunk: Uint8Array | undefined,
  at: { readonly used: Exclude<BillEncoding, 'auto'>; readonly lines: number },
): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch (cause) {
    const readable = new TextDecoder(LABELS[at.used]).decode(chunk ?? new Uint8Array());
    const before = readable.slice(0, Math.max(readable.indexOf('\ufffd'), 0));
    const line = at.lines + before.split('\n').length - 1;
    throw new TenantryError('BAD_REQUEST', `The file is not ${at.used.toUpperCase()} text: line ${line} is not.`, {
      hint: 'Save it as UTF-8, or say how it is encoded: encoding=latin1 for files of older Windows programs.',
      cause,
    });
  }
}
