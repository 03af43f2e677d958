import { crc32 } from 'node:zlib';
import { TRAILER } from '../src/domain/spool-format.ts';
import { MAX_REASON_BYTES, reasonBytes } from './retry-entry.ts';
import type { KnownRequest } from './retry-memory.ts';
import { KEY_BYTES } from './retry-table.ts';

/** What is known about a request beside its bytes; goes into the trailer. */
export interface RequestOrigin {
  /** Unix milliseconds on this machine's clock at which the request was complete. */
  readonly receivedAt: number;
  readonly keyId: string;
  /** The one tenant that the key may speak for; undefined = every tenant. */
  readonly keyTenant: string | undefined;
  /** The one service that the key belongs to; undefined = any. */
  readonly keyService?: string | undefined;
  /** By which a retry of it is recognised, and what that is to be answered; undefined = retries are not recognised. */
  readonly known?: KnownRequest | undefined;
}

const WIRE_I64 = 1;
const WIRE_LEN = 2;
const WIRE_I32 = 5;

const RECEIVED_AT_TAG = varint(TRAILER.RECEIVED_AT * 8 + WIRE_I64);
const KEY_ID_TAG = varint(TRAILER.KEY_ID * 8 + WIRE_LEN);
const KEY_TENANT_TAG = varint(TRAILER.KEY_TENANT * 8 + WIRE_LEN);
const KEY_SERVICE_TAG = varint(TRAILER.KEY_SERVICE * 8 + WIRE_LEN);
const ANSWER_TAG = varint(TRAILER.ANSWER * 8 + WIRE_LEN);
/** Behind the text of the reason: its length, items, rejected, key. */
const ANSWER_FIXED_BYTES = 2 + 4 + 4 + KEY_BYTES;
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
  if (origin.keyService !== undefined) parts.push(...textField(KEY_SERVICE_TAG, origin.keyService));
  if (origin.known !== undefined) parts.push(...answerField(origin.known));
  const checked = Buffer.concat(parts);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(checked, crc32(message)));
  const trailer = Buffer.concat([checked, CRC_TAG, crc]);
  return [varint(message.length + trailer.length), message, trailer];
}

function answerField({ key, items, rejected, reason }: KnownRequest): Buffer[] {
  const text = reasonBytes(reason);
  const fixed = Buffer.alloc(ANSWER_FIXED_BYTES);
  fixed.writeUInt16LE(text.length, 0);
  fixed.writeUInt32LE(items, 2);
  fixed.writeUInt32LE(rejected, 6);
  key.copy(fixed, 10);
  return [ANSWER_TAG, varint(text.length + fixed.length), text, fixed];
}

/**
 * Which request a record with a right CRC holds. Read from its end, where it stands before the CRC: from the front, one
 * would have to walk the client's bytes.
 * @returns undefined where retries were not recognised when it was written
 */
export function knownRequestOf(segment: Buffer, record: Range): KnownRequest | undefined {
  const end = record[1] - CRC_FIELD_BYTES;
  const fixedAt = end - ANSWER_FIXED_BYTES;
  if (fixedAt < record[0]) return undefined;
  const textBytes = segment.readUInt16LE(fixedAt);
  const head = Buffer.concat([ANSWER_TAG, varint(textBytes + ANSWER_FIXED_BYTES)]);
  const textAt = fixedAt - textBytes;
  const headAt = textAt - head.length;
  if (textBytes > MAX_REASON_BYTES || headAt < record[0]) return undefined;
  if (!segment.subarray(headAt, textAt).equals(head)) return undefined;
  return {
    items: segment.readUInt32LE(fixedAt + 2),
    rejected: segment.readUInt32LE(fixedAt + 6),
    // A copy: a view would keep the whole segment in memory.
    key: Buffer.from(segment.subarray(fixedAt + 10, end)),
    reason: textBytes === 0 ? undefined : segment.toString('utf8', textAt, fixedAt),
  };
}

/** Bytes `[start, end)`. */
export type Range = readonly [start: number, end: number];

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
 * Walks a segment record by record and checks each CRC. `keep` may drop records that are whole: they are neither good nor
 * bad then. A record whose CRC is wrong is stepped over by its length.
 * There is no search for the next record inside damaged bytes: they are a client's, who could have put a record with a
 * forged trailer there.
 */
export function scanRecords(segment: Buffer, keep: (record: Range) => boolean = () => true): RecordScan {
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
    corrupt ||= !intact && !torn;
    if (!intact) extendOrPush(bad, at, end);
    else if (keep([at, end])) {
      records++;
      extendOrPush(good, at, end);
    }
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
