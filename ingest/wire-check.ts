import { TenantryError } from '../src/domain/errors.ts';
import { TRAILER_FIELDS_FROM } from '../src/domain/spool-format.ts';
import { SURVEYED, type Survey } from './limits-survey.ts';
import { ITEM_MESSAGES, MESSAGE, type Message } from './wire-messages.ts';
import {
  CHILDREN,
  FIELDS_PER_MESSAGE,
  fieldName,
  LARGEST_VARINTS,
  messageName,
  ONE_OF,
  PACKED_I64,
  PACKED_VARINT,
  UNKNOWN_FIELD,
  WIRE_TYPE,
  WIRE_TYPES,
} from './wire-schema.ts';

/**
 * What one request may hold. Far above what SDKs and collectors send (an SDK keeps 128 attributes, events and links a
 * span and exports 512 spans at a time; the collector batches 8,192), far below what a hostile body of empty messages
 * can hold (10 million in 20 MiB).
 */
export const WIRE_LIMITS = {
  resources: 16_384,
  scopes: 32_768,
  /** Spans, data points or log records. */
  items: 65_536,
  metrics: 65_536,
  /** Per resource, scope, span, event, link, metric, data point and log record. */
  attributes: 1_024,
  eventsPerSpan: 1_024,
  linksPerSpan: 1_024,
  /** Attributes, events, links, exemplars and nested values of the whole request. */
  elements: 1_000_000,
  /** An attribute's own value has depth 1, a value inside its array or kvlist depth 2. */
  valueDepth: 16,
} as const;

export type WireLimits = { readonly [Name in keyof typeof WIRE_LIMITS]: number };

/** What is counted over the whole request beside elements; each is also the name of its limit. */
const COUNTED = ['resources', 'scopes', 'metrics', 'items'] as const;
/** Message -> index in COUNTED; what is not named here is an element. */
const ELEMENT = 255;
const COUNTER = new Uint8Array(Object.keys(MESSAGE).length).fill(ELEMENT);
const COUNTED_MESSAGES: Readonly<Record<(typeof COUNTED)[number], readonly Message[]>> = {
  resources: [MESSAGE.RESOURCE_SPANS, MESSAGE.RESOURCE_METRICS, MESSAGE.RESOURCE_LOGS],
  scopes: [MESSAGE.SCOPE_SPANS, MESSAGE.SCOPE_METRICS, MESSAGE.SCOPE_LOGS],
  metrics: [MESSAGE.METRIC],
  items: [...ITEM_MESSAGES],
};
for (const [index, name] of COUNTED.entries()) {
  for (const message of COUNTED_MESSAGES[name]) COUNTER[message] = index;
}

/** The request messages of OTLP's signals. */
export const REQUESTS = {
  traces: MESSAGE.TRACE_REQUEST,
  metrics: MESSAGE.METRICS_REQUEST,
  logs: MESSAGE.LOGS_REQUEST,
} as const;
const REQUEST_PACKAGES: Readonly<Record<OtlpSignal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1',
  metrics: 'opentelemetry.proto.collector.metrics.v1',
  logs: 'opentelemetry.proto.collector.logs.v1',
};

export type OtlpSignal = keyof typeof REQUESTS;

interface Walk {
  readonly bytes: Uint8Array;
  readonly signal: OtlpSignal;
  readonly limits: WireLimits;
  /** By index in COUNTED. */
  readonly counts: Uint32Array;
  /** Notes down what the limits of keys and tenants need. */
  readonly survey: Survey | undefined;
  /** It is shown longer attributes and deeper values. */
  readonly longAttribute: number;
  readonly deepValue: number;
  elements: number;
  /** Where the last slow varint ended. */
  cursor: number;
}

/**
 * Checks that `bytes` is the export request of a signal that ClickHouse's Protobuf reader will take, without making an
 * object per item: one pass over tags and lengths. Unknown fields are skipped; strings are not decoded, so invalid
 * UTF-8 passes.
 * @returns the number of spans, data points or log records
 * @throws TenantryError OTLP_MALFORMED saying what is wrong and at which byte
 */
export function checkRequest(signal: OtlpSignal, bytes: Uint8Array, limits: WireLimits = WIRE_LIMITS, survey?: Survey) {
  const walk: Walk = {
    ...{ bytes, signal, limits, survey, counts: new Uint32Array(COUNTED.length), elements: 0, cursor: 0 },
    longAttribute: survey?.longAttribute ?? 0x7fff_ffff,
    deepValue: Math.min(limits.valueDepth, survey?.valueDepth ?? limits.valueDepth),
  };
  survey?.begin();
  walkMessage(walk, REQUESTS[signal], 0, bytes.length, 0);
  return walk.counts[COUNTED.indexOf('items')] as number;
}

/** Hot path: 8 attributes a span make about 45 fields. The one-byte tags and lengths are read inline for that reason. */
function walkMessage(walk: Walk, message: number, start: number, end: number, depth: number): void {
  const bytes = walk.bytes;
  const oneOf = ONE_OF[message] as number;
  let attributes = 0;
  let events = 0;
  let links = 0;
  let values = 0;
  let at = start;
  while (at < end) {
    const tagAt = at;
    let tag = bytes[at++] as number;
    if (tag >= 0x80) {
      tag = readVarint32(walk, message, tagAt, end);
      at = walk.cursor;
    }
    const field = tag >>> 3;
    const wireType = tag & 7;
    const known = field < FIELDS_PER_MESSAGE;
    const entry = message * FIELDS_PER_MESSAGE + field;
    const expected = known ? (WIRE_TYPES[entry] as number) : UNKNOWN_FIELD;
    if (expected !== wireType) refuseUnlessSkippable(walk, message, field, wireType, expected, tagAt);
    else if (((oneOf >>> field) & 1) === 1 && ++values > 1)
      refuse(walk, `${messageName(message)} holds two values`, tagAt);

    if (wireType === WIRE_TYPE.LEN) {
      const lengthAt = at;
      let length = at < end ? (bytes[at++] as number) : refuseTruncated(walk, message, tagAt);
      if (length >= 0x80) {
        length = readVarint32(walk, message, lengthAt, end);
        at = walk.cursor;
      }
      const fieldEnd = at + length;
      if (fieldEnd > end) refuseOverlong(walk, message, field, length, end - at, tagAt);
      const child = known ? (CHILDREN[entry] as number) : MESSAGE.NONE;
      if (child >= PACKED_VARINT) {
        checkPacked(walk, message, field, child, at, fieldEnd);
      } else if (child !== MESSAGE.NONE) {
        if (child === MESSAGE.KEY_VALUE) {
          if (++attributes > walk.limits.attributes && message !== MESSAGE.KEY_VALUE_LIST) {
            refuseTooMany(`attributes in one ${messageName(message)}`, walk.limits.attributes, tagAt);
          }
          if (length > walk.longAttribute) walk.survey?.sawLongAttribute(bytes, at, fieldEnd);
        } else if (child === MESSAGE.EVENT) {
          if (++events > walk.limits.eventsPerSpan)
            refuseTooMany('events in one span', walk.limits.eventsPerSpan, tagAt);
        } else if (child === MESSAGE.LINK) {
          if (++links > walk.limits.linksPerSpan) refuseTooMany('links in one span', walk.limits.linksPerSpan, tagAt);
        }
        if (COUNTER[child] !== ELEMENT) countInRequest(walk, child, tagAt);
        else if (++walk.elements > walk.limits.elements) {
          refuseTooMany('attributes, events, links, exemplars and nested values', walk.limits.elements, tagAt);
        }
        const childDepth = child === MESSAGE.ANY_VALUE ? depth + 1 : depth;
        if (childDepth > walk.deepValue) sawDeepValue(walk, childDepth, tagAt);
        if (length > 0) walkMessage(walk, child, at, fieldEnd, childDepth);
        if (SURVEYED[child] !== 0) walk.survey?.passed(child, bytes, at, fieldEnd);
      }
      at = fieldEnd;
    } else if (wireType === WIRE_TYPE.VARINT) {
      const valueAt = at;
      at = skipVarint(walk, message, field, at, end);
      const largest = known ? (LARGEST_VARINTS[entry] as number) : 0;
      if (largest !== 0) refuseAbove(walk, message, field, largest, valueAt, at);
    } else {
      at += wireType === WIRE_TYPE.I64 ? 8 : 4;
      if (at > end) refuseTruncated(walk, message, tagAt);
    }
  }
}

function sawDeepValue(walk: Walk, depth: number, at: number): void {
  if (depth > walk.limits.valueDepth) refuseTooDeep(walk.limits.valueDepth, at);
  walk.survey?.sawDeepValue();
}

/** Numbers one behind the other: whole ones, up to the end of the field. */
function checkPacked(walk: Walk, message: number, field: number, packed: number, start: number, end: number): void {
  if (packed === PACKED_I64) {
    if ((end - start) % 8 !== 0) refuse(walk, `${fieldName(message, field)} ends in the middle of a number`, start);
    return;
  }
  for (let at = start; at < end; ) at = skipVarint(walk, message, field, at, end);
}

function refuseAbove(walk: Walk, message: number, field: number, largest: number, start: number, end: number): void {
  // A single byte is the usual case and always within an int32.
  const value = end - start === 1 ? (walk.bytes[start] as number) : readVarint32(walk, message, start, end);
  if (value > largest) refuse(walk, `${fieldName(message, field)} is ${value}, above ${largest}`, start);
}

function countInRequest(walk: Walk, child: number, at: number): void {
  const counter = COUNTER[child] as number;
  const count = (walk.counts[counter] as number) + 1;
  walk.counts[counter] = count;
  const limit = walk.limits[COUNTED[counter] as (typeof COUNTED)[number]];
  if (count > limit) refuseTooMany(`${messageName(child)} messages`, limit, at);
}

/**
 * A tag or a length of more than one byte. Tags above 32 bits are refused as ClickHouse's reader does; a longer
 * length could not fit into the body.
 */
function readVarint32(walk: Walk, message: number, start: number, end: number): number {
  let value = 0;
  let factor = 1;
  for (let at = start; at < end; at++) {
    if (at - start === 5) break;
    const byte = walk.bytes[at] as number;
    value += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) {
      if (value > 0xffff_ffff) break;
      walk.cursor = at + 1;
      return value;
    }
    if (at + 1 === end) refuseTruncated(walk, message, start);
  }
  return refuse(walk, `tag or length of ${messageName(message)} exceeds 32 bits`, start);
}

/** Ten bytes at most, and the tenth must be 1: ClickHouse's reader refuses the rest, other decoders would cut it off. */
function skipVarint(walk: Walk, message: number, field: number, start: number, end: number): number {
  const { bytes } = walk;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (at - start === 9) {
      if (byte === 1) return at + 1;
      break;
    }
    if (byte < 0x80) return at + 1;
    if (at + 1 === end) refuseTruncated(walk, message, start);
  }
  if (start >= end) refuseTruncated(walk, message, start);
  return refuse(walk, `${fieldName(message, field)} exceeds 64 bits`, start);
}

function refuseUnlessSkippable(
  walk: Walk,
  message: number,
  field: number,
  wireType: number,
  expected: number,
  at: number,
): void {
  if (field === 0) refuse(walk, `field number 0 in ${messageName(message)}`, at);
  if (isUnpacked(message, field, wireType)) return;
  if (expected !== UNKNOWN_FIELD) {
    refuse(walk, `${fieldName(message, field)} has wire type ${wireType} instead of ${expected}`, at);
  }
  if (message === REQUESTS[walk.signal] && field >= TRAILER_FIELDS_FROM) {
    refuse(walk, `field number ${field} is reserved (${TRAILER_FIELDS_FROM} and above)`, at);
  }
  // Groups left protobuf in 2008 and OTLP never had them; ClickHouse's reader cannot skip one that holds anything.
  if (wireType === WIRE_TYPE.GROUP_START || wireType === WIRE_TYPE.GROUP_END) {
    refuse(walk, `${fieldName(message, field)} is a group`, at);
  }
  if (wireType > WIRE_TYPE.I32) refuse(walk, `wire type ${wireType} in ${messageName(message)} does not exist`, at);
}

/** Repeated numbers may come one by one as well; decoders have to take both. */
function isUnpacked(message: number, field: number, wireType: number): boolean {
  if (field >= FIELDS_PER_MESSAGE) return false;
  const child = CHILDREN[message * FIELDS_PER_MESSAGE + field];
  return (
    (child === PACKED_I64 && wireType === WIRE_TYPE.I64) || (child === PACKED_VARINT && wireType === WIRE_TYPE.VARINT)
  );
}

function refuseTruncated(walk: Walk, message: number, at: number): never {
  return refuse(walk, `${messageName(message)} ends in the middle of a field`, at);
}

function refuseOverlong(walk: Walk, message: number, field: number, length: number, left: number, at: number): never {
  return refuse(walk, `${fieldName(message, field)} claims ${length} bytes where ${left} are left`, at);
}

function refuseTooMany(what: string, limit: number, at: number): never {
  throw new TenantryError('OTLP_MALFORMED', `more than ${limit} ${what} in one request (byte ${at})`, {
    hint: 'Lower the batch size or the limits of the exporter, so that one request holds less.',
  });
}

function refuseTooDeep(limit: number, at: number): never {
  throw new TenantryError('OTLP_MALFORMED', `an attribute value is nested deeper than ${limit} levels (byte ${at})`, {
    hint: 'Flatten the attribute, or send it as a JSON string.',
  });
}

function refuse(walk: Walk, what: string, at: number): never {
  const name = messageName(REQUESTS[walk.signal]);
  throw new TenantryError('OTLP_MALFORMED', `not an ${name}: ${what} (byte ${at})`, {
    hint: `Send the protobuf encoding of ${REQUEST_PACKAGES[walk.signal]}.${name}.`,
  });
}
