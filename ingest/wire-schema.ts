import { MESSAGE, type MessageSchema, SCHEMAS, type ScalarKind } from './wire-messages.ts';
import { METRICS_SCHEMAS } from './wire-messages-metrics.ts';

/** The messages of `wire-messages.ts` as flat tables that the wire check can read without a lookup by name. */
export const WIRE_TYPE = { VARINT: 0, I64: 1, LEN: 2, GROUP_START: 3, GROUP_END: 4, I32: 5 } as const;

/** Fields from here on are unknown in every message, so one row of 32 holds what a message knows. */
export const FIELDS_PER_MESSAGE = 32;
/** Entry of a field that the message does not know. */
export const UNKNOWN_FIELD = 255;

/** Every message of OTLP that is looked into. */
export const ALL_SCHEMAS: Readonly<Record<number, MessageSchema>> = { ...SCHEMAS, ...METRICS_SCHEMAS };

const MESSAGES = Object.keys(MESSAGE).length;
/** What stands in CHILDREN for a packed field: no message (they come below), but its bytes are looked at all the same. */
export const PACKED_VARINT = MESSAGES;
export const PACKED_I64 = MESSAGES + 1;
const PACKED_CHILDREN: Partial<Record<ScalarKind, number>> = {
  uint64s: PACKED_VARINT,
  fixed64s: PACKED_I64,
  doubles: PACKED_I64,
};
export const SCALAR_WIRE_TYPES = {
  string: WIRE_TYPE.LEN,
  bytes: WIRE_TYPE.LEN,
  id: WIRE_TYPE.LEN,
  bool: WIRE_TYPE.VARINT,
  enum: WIRE_TYPE.VARINT,
  uint32: WIRE_TYPE.VARINT,
  dropped_count: WIRE_TYPE.VARINT,
  sint32: WIRE_TYPE.VARINT,
  int64: WIRE_TYPE.VARINT,
  fixed32: WIRE_TYPE.I32,
  fixed64: WIRE_TYPE.I64,
  sfixed64: WIRE_TYPE.I64,
  double: WIRE_TYPE.I64,
  fixed64s: WIRE_TYPE.LEN,
  doubles: WIRE_TYPE.LEN,
  uint64s: WIRE_TYPE.LEN,
} as const satisfies Record<ScalarKind, number>;

/** `[message * FIELDS_PER_MESSAGE + field]` -> wire type that the field must have, or UNKNOWN_FIELD. */
export const WIRE_TYPES = new Uint8Array(MESSAGES * FIELDS_PER_MESSAGE).fill(UNKNOWN_FIELD);
/** `[message * FIELDS_PER_MESSAGE + field]` -> message to walk into, PACKED_…, or MESSAGE.NONE. */
export const CHILDREN = new Uint8Array(MESSAGES * FIELDS_PER_MESSAGE);
/** `[message]` -> the fields of which the message may hold one, as bits: `1 << field`. */
export const ONE_OF = new Uint32Array(MESSAGES);
/**
 * `[message * FIELDS_PER_MESSAGE + field]` -> largest value of a varint, 0 = any of 64 bits. Other decoders cut a value
 * that is too wide; ClickHouse's refuses the whole segment (verified: a bool above 1, an int32 above 31 bits). OTLP's
 * enums have no negative values.
 */
export const LARGEST_VARINTS = new Uint32Array(MESSAGES * FIELDS_PER_MESSAGE);
const LARGEST: Partial<Record<ScalarKind, number>> = { bool: 1, enum: 0x7fff_ffff, uint32: 0xffff_ffff };

for (const [message, schema] of Object.entries(ALL_SCHEMAS)) {
  ONE_OF[Number(message)] = (schema.oneOf ?? []).reduce((bits, field) => bits | (1 << field), 0);
  for (const [field, [, kind]] of Object.entries(schema.fields)) {
    const index = Number(message) * FIELDS_PER_MESSAGE + Number(field);
    WIRE_TYPES[index] = typeof kind === 'string' ? SCALAR_WIRE_TYPES[kind] : WIRE_TYPE.LEN;
    CHILDREN[index] = typeof kind === 'string' ? (PACKED_CHILDREN[kind] ?? MESSAGE.NONE) : kind;
    LARGEST_VARINTS[index] = typeof kind === 'string' ? (LARGEST[kind] ?? 0) : 0;
  }
}

/** `Span.name`, or `Span field 99` for what OTLP does not know; for messages to people. */
export function fieldName(message: number, field: number): string {
  const schema = ALL_SCHEMAS[message];
  const name = schema?.fields[field]?.[0];
  return name === undefined ? `${schema?.name ?? 'message'} field ${field}` : `${schema?.name}.${name}`;
}

export function messageName(message: number): string {
  return ALL_SCHEMAS[message]?.name ?? 'message';
}
