/**
 * OTLP's trace messages as the wire check needs them: for every message, which field numbers it knows, and for each
 * the wire type and, where the field is a message that is walked, which one.
 * Source: opentelemetry-proto 1.11, collector/trace/v1 and below. Fields added to OTLP later count as unknown.
 */
export const WIRE_TYPE = { VARINT: 0, I64: 1, LEN: 2, GROUP_START: 3, GROUP_END: 4, I32: 5 } as const;

export const MESSAGE = {
  NONE: 0,
  REQUEST: 1,
  RESOURCE_SPANS: 2,
  RESOURCE: 3,
  SCOPE_SPANS: 4,
  SCOPE: 5,
  SPAN: 6,
  EVENT: 7,
  LINK: 8,
  STATUS: 9,
  KEY_VALUE: 10,
  ANY_VALUE: 11,
  ARRAY_VALUE: 12,
  KEY_VALUE_LIST: 13,
} as const;

type FieldKind = 'varint' | 'bool' | 'int32' | 'i64' | 'i32' | 'len' | (typeof MESSAGE)[keyof typeof MESSAGE];

interface MessageSchema {
  readonly name: string;
  /** Field number -> name and kind. */
  readonly fields: Readonly<Record<number, readonly [name: string, kind: FieldKind]>>;
}

const SCHEMAS: Readonly<Record<number, MessageSchema>> = {
  [MESSAGE.REQUEST]: {
    name: 'ExportTraceServiceRequest',
    fields: { 1: ['resource_spans', MESSAGE.RESOURCE_SPANS] },
  },
  [MESSAGE.RESOURCE_SPANS]: {
    name: 'ResourceSpans',
    fields: { 1: ['resource', MESSAGE.RESOURCE], 2: ['scope_spans', MESSAGE.SCOPE_SPANS], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.RESOURCE]: {
    name: 'Resource',
    fields: { 1: ['attributes', MESSAGE.KEY_VALUE], 2: ['dropped_attributes_count', 'varint'] },
  },
  [MESSAGE.SCOPE_SPANS]: {
    name: 'ScopeSpans',
    fields: { 1: ['scope', MESSAGE.SCOPE], 2: ['spans', MESSAGE.SPAN], 3: ['schema_url', 'len'] },
  },
  [MESSAGE.SCOPE]: {
    name: 'InstrumentationScope',
    fields: {
      1: ['name', 'len'],
      2: ['version', 'len'],
      3: ['attributes', MESSAGE.KEY_VALUE],
      4: ['dropped_attributes_count', 'varint'],
    },
  },
  [MESSAGE.SPAN]: {
    name: 'Span',
    fields: {
      1: ['trace_id', 'len'],
      2: ['span_id', 'len'],
      3: ['trace_state', 'len'],
      4: ['parent_span_id', 'len'],
      5: ['name', 'len'],
      6: ['kind', 'int32'],
      7: ['start_time_unix_nano', 'i64'],
      8: ['end_time_unix_nano', 'i64'],
      9: ['attributes', MESSAGE.KEY_VALUE],
      10: ['dropped_attributes_count', 'varint'],
      11: ['events', MESSAGE.EVENT],
      12: ['dropped_events_count', 'varint'],
      13: ['links', MESSAGE.LINK],
      14: ['dropped_links_count', 'varint'],
      15: ['status', MESSAGE.STATUS],
      16: ['flags', 'i32'],
    },
  },
  [MESSAGE.EVENT]: {
    name: 'Event',
    fields: {
      1: ['time_unix_nano', 'i64'],
      2: ['name', 'len'],
      3: ['attributes', MESSAGE.KEY_VALUE],
      4: ['dropped_attributes_count', 'varint'],
    },
  },
  [MESSAGE.LINK]: {
    name: 'Link',
    fields: {
      1: ['trace_id', 'len'],
      2: ['span_id', 'len'],
      3: ['trace_state', 'len'],
      4: ['attributes', MESSAGE.KEY_VALUE],
      5: ['dropped_attributes_count', 'varint'],
      6: ['flags', 'i32'],
    },
  },
  [MESSAGE.STATUS]: { name: 'Status', fields: { 2: ['message', 'len'], 3: ['code', 'int32'] } },
  [MESSAGE.KEY_VALUE]: { name: 'KeyValue', fields: { 1: ['key', 'len'], 2: ['value', MESSAGE.ANY_VALUE] } },
  [MESSAGE.ANY_VALUE]: {
    name: 'AnyValue',
    fields: {
      1: ['string_value', 'len'],
      2: ['bool_value', 'bool'],
      3: ['int_value', 'varint'],
      4: ['double_value', 'i64'],
      5: ['array_value', MESSAGE.ARRAY_VALUE],
      6: ['kvlist_value', MESSAGE.KEY_VALUE_LIST],
      7: ['bytes_value', 'len'],
    },
  },
  [MESSAGE.ARRAY_VALUE]: { name: 'ArrayValue', fields: { 1: ['values', MESSAGE.ANY_VALUE] } },
  [MESSAGE.KEY_VALUE_LIST]: { name: 'KeyValueList', fields: { 1: ['values', MESSAGE.KEY_VALUE] } },
};

/** Fields from here on are unknown in every message, so one row of 32 holds what a message knows. */
export const FIELDS_PER_MESSAGE = 32;
/** Entry of a field that the message does not know. */
export const UNKNOWN_FIELD = 255;

const MESSAGES = Object.keys(MESSAGE).length;
const SCALAR_WIRE_TYPES = {
  varint: WIRE_TYPE.VARINT,
  bool: WIRE_TYPE.VARINT,
  int32: WIRE_TYPE.VARINT,
  i64: WIRE_TYPE.I64,
  i32: WIRE_TYPE.I32,
  len: WIRE_TYPE.LEN,
};

/** `[message * FIELDS_PER_MESSAGE + field]` -> wire type that the field must have, or UNKNOWN_FIELD. */
export const WIRE_TYPES = new Uint8Array(MESSAGES * FIELDS_PER_MESSAGE).fill(UNKNOWN_FIELD);
/** `[message * FIELDS_PER_MESSAGE + field]` -> message to walk into, or MESSAGE.NONE. */
export const CHILDREN = new Uint8Array(MESSAGES * FIELDS_PER_MESSAGE);
/**
 * `[message * FIELDS_PER_MESSAGE + field]` -> largest value of a varint, 0 = any of 64 bits. Other decoders cut a value
 * that is too wide; ClickHouse's refuses the whole segment (verified: a bool above 1, an int32 above 31 bits). OTLP's
 * enums have no negative values.
 */
export const LARGEST_VARINTS = new Uint32Array(MESSAGES * FIELDS_PER_MESSAGE);
const LARGEST: Partial<Record<FieldKind, number>> = { bool: 1, int32: 0x7fff_ffff };

for (const [message, schema] of Object.entries(SCHEMAS)) {
  for (const [field, [, kind]] of Object.entries(schema.fields)) {
    const index = Number(message) * FIELDS_PER_MESSAGE + Number(field);
    WIRE_TYPES[index] = typeof kind === 'string' ? SCALAR_WIRE_TYPES[kind] : WIRE_TYPE.LEN;
    CHILDREN[index] = typeof kind === 'string' ? MESSAGE.NONE : kind;
    LARGEST_VARINTS[index] = LARGEST[kind] ?? 0;
  }
}

/** `Span.name`, or `Span field 99` for what OTLP does not know; for messages to people. */
export function fieldName(message: number, field: number): string {
  const schema = SCHEMAS[message];
  const name = schema?.fields[field]?.[0];
  return name === undefined ? `${schema?.name ?? 'message'} field ${field}` : `${schema?.name}.${name}`;
}

export function messageName(message: number): string {
  return SCHEMAS[message]?.name ?? 'message';
}
