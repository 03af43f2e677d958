import { open } from 'node:fs/promises';
import { TRAILER } from '../../domain/spool-format.ts';

const NS_PER_MS = 1_000_000n;
/** More than any trailer takes. */
const TRAILER_BYTES = 4_096;

export interface RecordOrigin {
  /** Unix ms. */
  readonly receivedAt: number;
  readonly keyId: string | undefined;
  readonly keyTenant: string | undefined;
}

const tagBytes = (field: number, wireType: number): Buffer => {
  const bytes: number[] = [];
  let rest = field * 8 + wireType;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
};
const RECEIVED_AT_TAG = tagBytes(TRAILER.RECEIVED_AT, 1);
const KEY_ID_TAG = tagBytes(TRAILER.KEY_ID, 2);
const KEY_TENANT_TAG = tagBytes(TRAILER.KEY_TENANT, 2);

/**
 * What ingest wrote behind the client's bytes; undefined: there is no trailer. The last one counts: clients cannot send
 * fields of these numbers.
 */
export function originOf(record: Uint8Array): RecordOrigin | undefined {
  const from = Math.max(0, record.length - TRAILER_BYTES);
  const trailer = Buffer.from(record.buffer, record.byteOffset + from, record.length - from);
  const at = trailer.lastIndexOf(RECEIVED_AT_TAG);
  if (at < 0 || at + RECEIVED_AT_TAG.length + 8 > trailer.length) return undefined;
  const textAfter = (tag: Buffer): string | undefined => {
    const found = trailer.indexOf(tag, at);
    const length = found < 0 ? undefined : trailer[found + tag.length];
    if (length === undefined || length >= 0x80) return undefined;
    return trailer.subarray(found + tag.length + 1, found + tag.length + 1 + length).toString('utf8');
  };
  return {
    receivedAt: Number(trailer.readBigUInt64LE(at + RECEIVED_AT_TAG.length) / NS_PER_MS),
    keyId: textAfter(KEY_ID_TAG),
    keyTenant: textAfter(KEY_TENANT_TAG),
  };
}

/** Of a file's last record, without reading the rest. */
export async function originOfFile(path: string): Promise<RecordOrigin | undefined> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, TRAILER_BYTES));
    await file.read(tail, 0, tail.length, size - tail.length);
    return originOf(tail);
  } finally {
    await file.close();
  }
}
