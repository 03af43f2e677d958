import { isUtf8 } from 'node:buffer';
import { TenantryError } from '../src/domain/errors.ts';
import { JsonFault, JsonReader } from './json-reader.ts';
import { copyIntValue, copyScalar, WrongValue, wrongType } from './otlp-json-values.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { type OtlpSignal, REQUESTS, WIRE_LIMITS } from './wire-check.ts';
import { ITEM_MESSAGES, MESSAGE, type Message, type ScalarKind } from './wire-messages.ts';
import { ALL_SCHEMAS, messageName, SCALAR_WIRE_TYPES, WIRE_TYPE } from './wire-schema.ts';

interface JsonField {
  readonly name: string;
  readonly number: number;
  readonly kind: ScalarKind | Message;
  readonly isRepeated: boolean;
  readonly isOneOf: boolean;
}

interface JsonMessage {
  /** By the name that OTLP/JSON has for it. */
  readonly fields: ReadonlyMap<string, JsonField>;
  /** Names as protobuf writes them, which OTLP/JSON does not know. */
  readonly protobufNames: ReadonlySet<string>;
}

const REPEATED_KINDS: ReadonlySet<unknown> = new Set<ScalarKind>(['fixed64s', 'doubles', 'uint64s']);
/** By message: the one table of OTLP's messages, with the names of OTLP/JSON. */
const JSON_MESSAGES: readonly (JsonMessage | undefined)[] = Object.values(MESSAGE).map(jsonMessage);

interface Walk {
  readonly reader: JsonReader;
  readonly source: Buffer;
  readonly writer: ProtobufWriter;
  /** Keys and indices down to the value in hand; only names that OTLP knows. */
  readonly path: (string | number)[];
  items: number;
  /** Where the first key in protobuf's spelling stood. */
  misspelled: string | undefined;
}

/**
 * The protobuf encoding of an export request that came as OTLP/JSON. Read from the bytes in one pass: numbers of 64 bits
 * keep every digit, and no objects are made of what may be hostile. Unknown fields are ignored, null counts as absent,
 * invalid UTF-8 and lone surrogates become U+FFFD. A field that is given twice is refused: whichever one were taken, the
 * sender might have meant the other.
 * @param maxBytes of the result; a list of numbers is up to four times as long in protobuf
 * @throws TenantryError OTLP_MALFORMED with the path to what is wrong and no value, BODY_TOO_LARGE
 */
export function protobufOf(signal: OtlpSignal, body: Buffer, maxBytes: number): Uint8Array {
  const source = isUtf8(body) ? body : Buffer.from(body.toString('utf8'), 'utf8');
  const reader = new JsonReader(source, startsWithMark(source) ? 3 : 0);
  const walk: Walk = {
    ...{ reader, source, writer: new ProtobufWriter(maxBytes), path: [] },
    ...{ items: 0, misspelled: undefined },
  };
  try {
    copyMessage(walk, REQUESTS[signal], 0);
    reader.end();
  } catch (error) {
    throw error instanceof WrongValue || error instanceof JsonFault ? malformed(walk, signal, error) : error;
  }
  if (walk.items === 0 && walk.misspelled !== undefined) throw misspelled(signal, walk.misspelled);
  return walk.writer.finish();
}

/** UTF-8's byte order mark, which some programs put before everything they write. */
function startsWithMark(source: Buffer): boolean {
  return source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf;
}

/** @param depth of attribute values, as the wire check counts it */
function copyMessage(walk: Walk, message: Message, depth: number): void {
  const { reader, path } = walk;
  const known = JSON_MESSAGES[message];
  if (known === undefined) throw new Error(`message ${message} has no schema`);
  if (reader.type() !== 'object') throw wrongType(reader, 'an object');
  if (ITEM_MESSAGES.has(message)) walk.items++;
  if (!reader.openObject()) return;
  let seen = 0;
  let hasValue = false;
  do {
    const key = reader.key();
    const field = known.fields.get(key);
    if (field === undefined) {
      if (known.protobufNames.has(key)) walk.misspelled ??= `${dotted(path)}${path.length > 0 ? '.' : ''}${key}`;
      reader.skip();
    } else {
      path.push(field.name);
      if (((seen >>> field.number) & 1) === 1) throw new WrongValue('it is given twice');
      seen |= 1 << field.number;
      if (reader.type() === 'null') reader.null();
      else {
        if (field.isOneOf && hasValue) throw new WrongValue(`${messageName(message)} holds two values`);
        hasValue ||= field.isOneOf;
        if (field.isRepeated) copyRepeated(walk, field, depth);
        else copyElement(walk, field, depth);
      }
      path.pop();
    }
  } while (reader.moreMembers());
}

function copyRepeated(walk: Walk, field: JsonField, depth: number): void {
  const { reader, path, writer } = walk;
  if (reader.type() !== 'array') throw wrongType(reader, 'an array');
  if (!reader.openArray()) return;
  const isPacked = typeof field.kind === 'string';
  if (isPacked) writer.tag(field.number, WIRE_TYPE.LEN);
  const start = isPacked ? writer.begin() : 0;
  let index = 0;
  do {
    path.push(index++);
    if (typeof field.kind === 'string') copyScalar(field.kind, reader, walk.source, writer);
    else copyElement(walk, field, depth);
    path.pop();
  } while (reader.moreElements());
  if (isPacked) writer.end(start);
}

function copyElement(walk: Walk, { number, kind }: JsonField, depth: number): void {
  const { reader, source, writer } = walk;
  if (kind === 'int64') {
    copyIntValue(reader, writer);
    return;
  }
  if (typeof kind === 'string') {
    writer.tag(number, SCALAR_WIRE_TYPES[kind]);
    copyScalar(kind, reader, source, writer);
    return;
  }
  const childDepth = kind === MESSAGE.ANY_VALUE ? depth + 1 : depth;
  if (childDepth > WIRE_LIMITS.valueDepth) {
    throw new WrongValue(`an attribute value is nested deeper than ${WIRE_LIMITS.valueDepth} levels`);
  }
  writer.tag(number, WIRE_TYPE.LEN);
  const start = writer.begin();
  copyMessage(walk, kind, childDepth);
  writer.end(start);
}

function jsonMessage(message: Message): JsonMessage | undefined {
  const schema = ALL_SCHEMAS[message];
  if (schema === undefined) return undefined;
  const fields = Object.entries(schema.fields).map(
    ([number, [name, kind, cardinality]]): JsonField => ({
      ...{ name: camelCase(name), number: Number(number), kind },
      isRepeated: cardinality === 'repeated' || REPEATED_KINDS.has(kind),
      isOneOf: schema.oneOf?.includes(Number(number)) ?? false,
    }),
  );
  const protobufNames = Object.values(schema.fields).map(([name]) => name);
  return {
    fields: new Map(fields.map((field) => [field.name, field])),
    protobufNames: new Set(protobufNames.filter((name) => name.includes('_'))),
  };
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** `resourceSpans[0].scopeSpans[1].spans`, as google.rpc.BadRequest writes paths. */
function dotted(path: readonly (string | number)[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

function malformed(walk: Walk, signal: OtlpSignal, error: WrongValue | JsonFault): TenantryError {
  const { path, reader } = walk;
  const place = path.length === 0 ? `byte ${reader.at}` : `${dotted(path)}, byte ${reader.at}`;
  const name = messageName(REQUESTS[signal]);
  return new TenantryError('OTLP_MALFORMED', `not an ${name} in JSON: ${error.message} (${place})`, {
    hint: 'Send what opentelemetry.io/docs/specs/otlp describes under "JSON Protobuf Encoding", or use http/protobuf.',
    pointer: path.map((step) => `/${step}`).join(''),
  });
}

function misspelled(signal: OtlpSignal, place: string): TenantryError {
  const name = messageName(REQUESTS[signal]);
  return new TenantryError('OTLP_MALFORMED', `not an ${name} in JSON: it holds no telemetry, but the key ${place}`, {
    hint: `OTLP/JSON writes keys in lowerCamelCase: ${camelCase(place)}.`,
  });
}
