import fc from 'fast-check';
import type protobuf from 'protobufjs';
import { LogsRequestType, MetricsRequestType } from './otlp-metrics-proto.ts';
import { TraceRequestType } from './otlp-proto.ts';

/** How deep attribute values may nest here. */
const VALUE_DEPTH = 3;

type Fields = Readonly<Record<string, unknown>>;

/** Whole numbers are decimal strings, as a JavaScript number loses digits. */
const whole = (min: bigint, max: bigint) => fc.bigInt({ min, max }).map(String);
const UINT64 = whole(0n, 2n ** 64n - 1n);
const INT64 = whole(-(2n ** 63n), 2n ** 63n - 1n);
const UINT32 = fc.nat(0xffff_ffff);
const SCALARS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  // Any code point, also those that JSON has to escape.
  string: fc.string({ unit: 'binary', maxLength: 12 }),
  bytes: fc.uint8Array({ maxLength: 17 }),
  bool: fc.boolean(),
  double: fc.double(),
  // OTLP's enums, which have no negative values.
  int32: fc.nat(0x7fff_ffff),
  sint32: fc.integer(),
  uint32: UINT32,
  fixed32: UINT32,
  fixed64: UINT64,
  uint64: UINT64,
  sfixed64: INT64,
  int64: INT64,
};

/** Requests in which any field may be present or absent, in the shape that `encodeTraceRequest` and its like take. */
export const traceRequests = messages(TraceRequestType, VALUE_DEPTH, new Map());
export const metricsRequests = messages(MetricsRequestType, VALUE_DEPTH, new Map());
export const logsRequests = messages(LogsRequestType, VALUE_DEPTH, new Map());

function messages(type: protobuf.Type, depth: number, known: Map<string, fc.Arbitrary<Fields>>): fc.Arbitrary<Fields> {
  const name = `${type.fullName} ${depth}`;
  const made = known.get(name) ?? makeMessages(type, depth, known);
  known.set(name, made);
  return made;
}

function makeMessages(
  type: protobuf.Type,
  depth: number,
  known: Map<string, fc.Arbitrary<Fields>>,
): fc.Arbitrary<Fields> {
  const left = type.name === 'AnyValue' ? depth - 1 : depth;
  const fields = type.fieldsArray.filter(
    ({ type: kind }) => left > 0 || !['ArrayValue', 'KeyValueList'].includes(kind),
  );
  const valuesOf = (field: protobuf.Field): fc.Arbitrary<unknown> => {
    field.resolve();
    const one =
      field.resolvedType === null ? SCALARS[field.type] : messages(field.resolvedType as protobuf.Type, left, known);
    if (one === undefined) throw new Error(`no values for ${field.type}`);
    return field.repeated ? fc.array(one, { maxLength: 2 }) : one;
  };
  const alone = fields.filter((field) => field.partOf === null || field.partOf.fieldsArray.length === 1);
  const groups = (type.oneofsArray ?? []).filter((group) => group.fieldsArray.length > 1);
  const plain = fc.record(Object.fromEntries(alone.map((field) => [field.name, valuesOf(field)])), {
    requiredKeys: [],
  });
  const chosen = groups.map((group) =>
    fc.oneof(
      fc.constant({}),
      ...fields.filter((field) => field.partOf === group).map((field) => fc.record({ [field.name]: valuesOf(field) })),
    ),
  );
  return fc.tuple(plain, ...chosen).map((parts) => Object.assign({}, ...parts) as Fields);
}
