/** A protobuf field that can be taken apart, lied about and put together again; fields nest where bytes read as fields. */
export interface WireField {
  number: number;
  wireType: number;
  /** What follows the tag, and the length where there is one. Not read while there are `fields`. */
  bytes: Uint8Array;
  fields?: WireField[];
  /** Bytes that the length claims beyond those that follow. */
  lengthLie?: number;
  /** Bytes by which the tag, or the length, is longer than it need be. */
  tagPadding?: number;
  lengthPadding?: number;
}

/** An unsigned varint, `padding` bytes longer than it need be. */
export function varintBytes(value: number | bigint, padding = 0): number[] {
  const bytes: number[] = [];
  let rest = typeof value === 'bigint' ? BigInt.asUintN(64, value) : value;
  for (; rest >= 0x80; rest = typeof rest === 'bigint' ? rest >> 7n : Math.floor(rest / 0x80)) {
    bytes.push(Number(typeof rest === 'bigint' ? rest & 0x7fn : rest % 0x80) | 0x80);
  }
  bytes.push(Number(rest) | (padding > 0 ? 0x80 : 0));
  for (let left = padding; left > 0; left -= 1) bytes.push(left > 1 ? 0x80 : 0);
  return bytes;
}

/** The fields that these bytes are made of, to the last byte; undefined if they are something else. */
export function parseFields(bytes: Uint8Array): WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  const readVarint = (): number | undefined => {
    let value = 0;
    for (let factor = 1; at < bytes.length && factor < 2 ** 36; factor *= 128) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    if (tag === undefined || tag < 8 || tag >= 2 ** 32) return undefined;
    const wireType = tag % 8;
    const length = wireType === 2 ? readVarint() : payloadLength(bytes, at, wireType);
    if (length === undefined || at + length > bytes.length) return undefined;
    const payload = bytes.subarray(at, at + length);
    const inner = wireType === 2 && length > 1 ? parseFields(payload) : undefined;
    fields.push({ number: Math.floor(tag / 8), wireType, bytes: payload, ...(inner && { fields: inner }) });
    at += length;
  }
  return fields;
}

function payloadLength(bytes: Uint8Array, from: number, wireType: number): number | undefined {
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  if (wireType !== 0) return undefined;
  for (let at = from; at < bytes.length && at < from + 10; at += 1) if ((bytes[at] ?? 0) < 0x80) return at + 1 - from;
  return undefined;
}

/** The same fields, to be changed without changing these. */
export function copyFields(fields: readonly WireField[]): WireField[] {
  return fields.map(copyField);
}

export function copyField(field: WireField): WireField {
  return field.fields === undefined ? { ...field } : { ...field, fields: copyFields(field.fields) };
}

const scratch = Buffer.alloc(16 * 1024 * 1024);

/** From the last byte to the first, so that the length of what a field holds is known when the length is written. */
export function encodeFields(fields: readonly WireField[]): Buffer {
  return Buffer.from(scratch.subarray(writeFields(fields, scratch.length)));
}

function writeFields(fields: readonly WireField[], end: number): number {
  let at = end;
  for (let index = fields.length - 1; index >= 0; index -= 1) at = writeField(fields[index] as WireField, at);
  return at;
}

function writeField(field: WireField, end: number): number {
  let at = field.fields === undefined ? writeBytes(field.bytes, end) : writeFields(field.fields, end);
  if (field.wireType === 2) {
    const length = Math.max(0, end - at + (field.lengthLie ?? 0));
    at = writeBytes(varintBytes(length, field.lengthPadding), at);
  }
  return writeBytes(varintBytes(field.number * 8 + field.wireType, field.tagPadding), at);
}

function writeBytes(bytes: Uint8Array | readonly number[], end: number): number {
  if (bytes.length > end) throw new RangeError('the mutated request is too long');
  scratch.set(bytes, end - bytes.length);
  return end - bytes.length;
}
