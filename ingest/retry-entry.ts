import { crc32 } from 'node:zlib';
import type { KnownRequest } from './retry-memory.ts';
import { KEY_BYTES } from './retry-table.ts';

/** Bytes of one slot of a journal. */
export const SLOT_BYTES = 40;
/** The random part of a segment's name: which segment holds the request. */
const SEGMENT_ID_BYTES = 8;
const TEXT_BYTES = SLOT_BYTES - 4;
/** A reason that is longer is cut: it has to fit where its length is kept, and a journal is no place for prose. */
export const MAX_REASON_BYTES = 1_000;
/** Text slots are summed from another start, so that neither kind is ever taken for the other. */
const TEXT_CRC_START = 1;

const AT = { KEY: 4, SEGMENT: 20, ITEMS: 28, REJECTED: 32, REASON_BYTES: 36 } as const;

/** A request that is stored, and the segment (16 hex digits) that it went into. */
export interface JournalEntry {
  readonly request: KnownRequest;
  readonly segmentId: string;
}

/** `<unix ms>-<16 hex digits>….otlp` -> the hex digits. */
export function segmentIdOf(name: string): string {
  return name.slice(14, 14 + 2 * SEGMENT_ID_BYTES);
}

/**
 *   entry = slot textSlot*     slot = crc32 key[16] segment[8] items:u32 rejected:u32 reasonBytes:u16 0:u16
 *                          textSlot = crc32 36 bytes of the reason, filled up with zeros
 *
 * Slots have one size, so that a damaged one costs itself only.
 */
export function encodeEntry({ key, items, rejected, reason }: KnownRequest, segmentId: string): Buffer {
  const text = reasonBytes(reason);
  const bytes = Buffer.alloc(SLOT_BYTES * (1 + Math.ceil(text.length / TEXT_BYTES)));
  key.copy(bytes, AT.KEY);
  bytes.write(segmentId, AT.SEGMENT, 'hex');
  bytes.writeUInt32LE(items, AT.ITEMS);
  bytes.writeUInt32LE(rejected, AT.REJECTED);
  bytes.writeUInt16LE(text.length, AT.REASON_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(4, SLOT_BYTES)), 0);
  for (let at = SLOT_BYTES, from = 0; at < bytes.length; at += SLOT_BYTES, from += TEXT_BYTES) {
    text.copy(bytes, at + 4, from, from + TEXT_BYTES);
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, at + SLOT_BYTES), TEXT_CRC_START), at);
  }
  return bytes;
}

/** A reason in the bytes that are kept of it, cut between characters. */
export function reasonBytes(reason: string | undefined): Buffer {
  const bytes = Buffer.from(reason ?? '', 'utf8');
  if (bytes.length <= MAX_REASON_BYTES) return bytes;
  let end = MAX_REASON_BYTES;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

/** Every whole entry; what is torn or damaged is stepped over. */
export function decodeEntries(journal: Buffer, visit: (entry: JournalEntry) => void): void {
  let at = 0;
  while (at + SLOT_BYTES <= journal.length) {
    const slot = journal.subarray(at, at + SLOT_BYTES);
    at += SLOT_BYTES;
    if (crc32(slot.subarray(4)) !== slot.readUInt32LE(0)) continue;
    const text = readText(journal, at, slot.readUInt16LE(AT.REASON_BYTES));
    at += text.slots * SLOT_BYTES;
    visit({
      segmentId: slot.toString('hex', AT.SEGMENT, AT.SEGMENT + SEGMENT_ID_BYTES),
      request: {
        // A copy: the slot is a view that would keep the whole journal in memory.
        key: Buffer.from(slot.subarray(AT.KEY, AT.KEY + KEY_BYTES)),
        items: slot.readUInt32LE(AT.ITEMS),
        rejected: slot.readUInt32LE(AT.REJECTED),
        reason: text.reason,
      },
    });
  }
}

function readText(journal: Buffer, from: number, bytes: number): { slots: number; reason: string | undefined } {
  const parts: Buffer[] = [];
  for (let at = from; parts.length * TEXT_BYTES < bytes; at += SLOT_BYTES) {
    const slot = journal.subarray(at, at + SLOT_BYTES);
    if (slot.length < SLOT_BYTES || crc32(slot.subarray(4), TEXT_CRC_START) !== slot.readUInt32LE(0)) break;
    parts.push(slot.subarray(4));
  }
  const isWhole = bytes > 0 && parts.length * TEXT_BYTES >= bytes;
  return { slots: parts.length, reason: isWhole ? Buffer.concat(parts).toString('utf8', 0, bytes) : undefined };
}
