import type { JsonFault, JsonReader } from './json-reader.ts';
import type { ProtobufWriter } from './protobuf-writer.ts';
import type { ScalarKind } from './wire-messages.ts';
import { WIRE_TYPE } from './wire-schema.ts';

/** A value that OTLP/JSON does not have in this place. The message holds nothing of the value. */
export class WrongValue extends Error {}

const RANGES: Partial<Record<ScalarKind, readonly [least: bigint, most: bigint]>> = {
  enum: [0n, 0x7fff_ffffn],
  uint32: [0n, 0xffff_ffffn],
  dropped_count: [0n, 0xffff_ffffn],
  fixed32: [0n, 0xffff_ffffn],
  sint32: [-0x8000_0000n, 0x7fff_ffffn],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sfixed64: [-(2n ** 63n), 2n ** 63n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
  uint64s: [0n, 2n ** 64n - 1n],
  fixed64s: [0n, 2n ** 64n - 1n],
};
const DECIMAL_PATTERN = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;
/** More digits than 64 bits can hold. */
const MOST_DIGITS = 20;
const SPECIAL_DOUBLES: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};
const HEX_PATTERN = /^(?:[0-9a-f]{2})*$/i;
const BASE64_PATTERN = /^[A-Za-z0-9+/_-]*={0,2}$/;

/**
 * Reads the next value as OTLP/JSON writes one of `kind`, and writes what protobuf has behind the tag.
 * @throws WrongValue, JsonFault
 */
export function copyScalar(kind: ScalarKind, reader: JsonReader, source: Buffer, writer: ProtobufWriter): void {
  if (kind === 'string') copyString(reader, source, writer);
  else if (kind === 'bytes') writer.bytes(base64(textOf(reader, 'a string in base64')));
  else if (kind === 'id') writer.bytes(hex(textOf(reader, 'a string in hex')));
  else if (kind === 'bool') writer.varint(boolean(reader) ? 1 : 0);
  else if (kind === 'double' || kind === 'doubles') writer.double(double(reader));
  else writeInteger(kind, integer(integerText(kind, reader), kind), writer);
}

/** Of AnyValue. */
const INT_VALUE = 3;
const DOUBLE_VALUE = 4;

/**
 * An attribute's `intValue`, with its tag. The exporter for JavaScript calls every whole number an int, 1e300 too (seen
 * with 0.223): what exceeds 64 bits becomes the double that it was, and does not cost the whole request.
 * @throws WrongValue, JsonFault
 */
export function copyIntValue(reader: JsonReader, writer: ProtobufWriter): void {
  const isNumber = reader.type() === 'number';
  const text = numberText(reader, 'an integer');
  const value = exactInteger(text);
  if (isNumber && value !== undefined && value !== BigInt.asIntN(64, value) && Number.isFinite(Number(text))) {
    writer.tag(DOUBLE_VALUE, WIRE_TYPE.I64);
    writer.double(Number(text));
  } else {
    writer.tag(INT_VALUE, WIRE_TYPE.VARINT);
    writeInteger('int64', integer(text, 'int64'), writer);
  }
}

function writeInteger(kind: ScalarKind, value: bigint, writer: ProtobufWriter): void {
  if (kind === 'fixed64' || kind === 'sfixed64' || kind === 'fixed64s') writer.fixed64(value);
  else if (kind === 'fixed32') writer.fixed32(Number(value));
  else if (kind === 'sint32') writer.varint(zigzag(Number(value)));
  else if (value >= 0n && value <= 0xffff_ffffn) writer.varint(Number(value));
  else writer.varint64(value);
}

/** -1 -> 1, 1 -> 2, -2 -> 3: protobuf keeps small negative numbers short so. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** The bytes of a string without escapes are its text already: most are never decoded. */
function copyString(reader: JsonReader, source: Buffer, writer: ProtobufWriter): void {
  expectType(reader, 'string', 'a string');
  reader.string();
  if (reader.hasEscapes) writer.bytes(Buffer.from(reader.decoded(), 'utf8'));
  else writer.bytes(source, reader.stringStart, reader.stringEnd);
}

function boolean(reader: JsonReader): boolean {
  expectType(reader, 'boolean', 'true or false');
  return reader.boolean();
}

function textOf(reader: JsonReader, expected: string): string {
  expectType(reader, 'string', expected);
  return reader.text();
}

function integerText(kind: ScalarKind, reader: JsonReader): string {
  if (kind !== 'enum') return numberText(reader, 'an integer');
  expectType(reader, 'number', 'an integer (OTLP/JSON has enums by number, not by name)');
  return reader.number();
}

/** Numbers may stand in quotes; those of 64 bits usually do, as JavaScript would cut their digits. */
function numberText(reader: JsonReader, expected: string): string {
  const type = reader.type();
  if (type === 'number') return reader.number();
  if (type !== 'string') throw wrongType(reader, expected);
  return reader.text();
}

/**
 * The whole number that the digits say, exactly: also beyond 2^53, with an exponent or with zeros behind the point.
 * What a sender in JavaScript lost before it wrote the digits cannot be known here.
 */
function integer(text: string, kind: ScalarKind): bigint {
  const value = exactInteger(text);
  if (value === undefined) throw new WrongValue('expected an integer');
  const [least, most] = RANGES[kind] ?? [0n, 0n];
  if (value < least || value > most) throw new WrongValue(`expected an integer from ${least} to ${most}`);
  return value;
}

function exactInteger(text: string): bigint | undefined {
  const [matched, sign, whole = '', fraction = '', exponent = '0'] = DECIMAL_PATTERN.exec(text) ?? [];
  if (matched === undefined) return undefined;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return 0n;
  const zeros = Number(exponent) - fraction.length + (digits.length - significant.length);
  if (zeros < 0) return undefined;
  // Beyond every range all the same, and not worth the multiplication.
  const shown =
    significant.length + zeros > MOST_DIGITS ? '9'.repeat(MOST_DIGITS + 1) : significant + '0'.repeat(zeros);
  return BigInt(`${sign}${shown}`);
}

function double(reader: JsonReader): number {
  const expected = 'a number, "NaN", "Infinity" or "-Infinity"';
  const isText = reader.type() === 'string';
  const text = numberText(reader, expected);
  const special = isText ? SPECIAL_DOUBLES[text] : undefined;
  if (special !== undefined) return special;
  const value = DECIMAL_PATTERN.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new WrongValue(`expected ${expected}`);
  return value;
}

function hex(text: string): Buffer {
  if (!HEX_PATTERN.test(text)) throw new WrongValue('expected a string in hex');
  return Buffer.from(text, 'hex');
}

/** Both alphabets, with or without padding, as protobuf's JSON mapping wants it read. */
function base64(text: string): Buffer {
  if (!BASE64_PATTERN.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw new WrongValue('expected a string in base64');
  }
  return Buffer.from(text, 'base64');
}

function expectType(reader: JsonReader, type: ReturnType<JsonReader['type']>, expected: string): void {
  if (reader.type() !== type) throw wrongType(reader, expected);
}

/** @throws JsonFault where there is no value at all */
export function wrongType(reader: JsonReader, expected: string): WrongValue | JsonFault {
  return new WrongValue(`expected ${expected}, got ${WITH_ARTICLE[reader.type()]}`);
}

const WITH_ARTICLE = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
  null: 'null',
} as const satisfies Record<ReturnType<JsonReader['type']>, string>;
