import { crc32 } from 'node:zlib';
import { TRAILER } from '../src/domain/spool-format.ts';

/** What is known about a request beside its bytes; goes into the trailer. */
export interface RequestOrigin {
  /** Unix milliseconds on this machine's clock at which the request was complete. */
  readonly receivedAt: number;
  readonly keyId: string;
  /** The one tenant that the key may speak for; undefined = every tenant. */
  readonly keyTenant: string | undefined;
}

const WIRE_I64 = 1;
const WIRE_LEN = 2;
const WIRE_I32 = 5;

const RECEIVED_AT_TAG = varint(TRAILER.RECEIVED_AT * 8 + WIRE_I64);
const KEY_ID_TAG = varint(TRAILER.KEY_ID * 8 + WIRE_LEN);
const KEY_TENANT_TAG = varint(TRAILER.KEY_TENANT * 8 + WIRE_LEN);
const CRC_TAG = varint(TRAILER.CRC32 * 8 + WIRE_I32);
const CRC_FIELD_BYTES = CRC_TAG.length + 4;
const NS_PER_MS = 1_000_000n;

/**
 * One record of a segment: varint length, the client's bytes unchanged, trailer with the CRC last.
 * @returns the three parts, to be written one after the other; the client's bytes are not copied
 */
export function encodeRecord(message: Uint8Array, origin: RequestOrigin): readonly Uint8Array[] {
  const receivedAt = Buffer.alloc(8);
  receivedAt.writeBigUInt64LE(BigInt(origin.receivedAt) * NS_PER_MS);
  const parts = [RECEIVED_AT_TAG, receivedAt, ...textField(KEY_ID_TAG, origin.keyId)];
  if (origin.keyTenant !== undefined) parts.push(...textField(KEY_TENANT_TAG, origin.keyTenant));
  const checked = Buffer.concat(parts);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(checked, crc32(message)));
  const trailer = Buffer.concat([checked, CRC_TAG, crc]);
  return [varint(message.length + trailer.length), message, trailer];
}

/** Bytes `[start, end)`. */
type Range = readonly [start: number, end: number];

/** Where a record's message starts and ends. */
interface Frame {
  readonly start: number;
  readonly end: number;
}

export interface RecordScan {
  /** Whole records, in file order; neighbours are merged. */
  readonly good: readonly Range[];
  readonly records: number;
  /** What lies between and behind them. */
  readonly bad: readonly Range[];
  /** All that is bad is one unfinished record at the end: what a killed process leaves behind. */
  readonly onlyTorn: boolean;
}

/**
 * Walks a segment record by record and checks each CRC. A record whose CRC is wrong is stepped over by its length.
 * There is no search for the next record inside damaged bytes: they are a client's, who could have put a record with a
 * forged trailer there.
 */
export function scanRecords(segment: Buffer): RecordScan {
  const good: Range[] = [];
  const bad: Range[] = [];
  let records = 0;
  let at = 0;
  let torn = false;
  let corrupt = false;
  while (at < segment.length && !torn) {
    const frame = readFrame(segment, at);
    torn = frame === undefined || frame.end > segment.length;
    const end = frame === undefined || torn ? segment.length : frame.end;
    const intact = frame !== undefined && !torn && crcMatches(segment, frame);
    if (intact) records++;
    corrupt ||= !intact && !torn;
    extendOrPush(intact ? good : bad, at, end);
    at = end;
  }
  return { good, records, bad, onlyTorn: torn && !corrupt };
}

function extendOrPush(ranges: Range[], start: number, end: number): void {
  const last = ranges.at(-1);
  if (last?.[1] === start) ranges[ranges.length - 1] = [last[0], end];
  else ranges.push([start, end]);
}

function crcMatches(segment: Buffer, frame: Frame): boolean {
  const tagAt = frame.end - CRC_FIELD_BYTES;
  if (tagAt < frame.start || segment.compare(CRC_TAG, 0, CRC_TAG.length, tagAt, tagAt + CRC_TAG.length) !== 0) {
    return false;
  }
  return crc32(segment.subarray(frame.start, tagAt)) === segment.readUInt32LE(tagAt + CRC_TAG.length);
}

/** Where the message of the record at `at` starts and ends; undefined if its length is cut off or above 32 bits. */
function readFrame(segment: Buffer, at: number): Frame | undefined {
  let length = 0;
  let factor = 1;
  for (let i = at; i < segment.length && i < at + 5; i++) {
    const byte = segment[i] as number;
    length += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return { start: i + 1, end: i + 1 + length };
  }
  return undefined;
}

function textField(tag: Buffer, text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  return [tag, varint(bytes.length), bytes];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
