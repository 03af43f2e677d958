import { oneOf, type Random } from './detect-random.ts';
import { copyField, copyFields, encodeFields, parseFields, varintBytes, type WireField } from './ingest-fuzz-fields.ts';

/** What a mutation works on: all fields of the request, and one of them with its neighbours. */
interface Place {
  readonly random: Random;
  readonly field: WireField;
  readonly siblings: WireField[];
  readonly at: number;
  /** A field from anywhere in this request. */
  readonly any: () => WireField | undefined;
  /** A field from anywhere in another, honest request. */
  readonly foreign: () => WireField | undefined;
}

/** An honest request, to be mutated again and again. */
export class Mutable {
  readonly bytes: Uint8Array;
  readonly fields: readonly WireField[];
  readonly everyField: readonly WireField[];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.fields = parseFields(bytes) ?? [];
    this.everyField = placesIn([...this.fields]).map(({ field }) => field);
  }
}

type FieldMutation = (place: Place) => void;
type ByteMutation = (random: Random, bytes: Buffer, other: Uint8Array) => Buffer;

const below = (random: Random, limit: number) => Math.floor(random() * limit);

function anyOf<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[below(random, items.length)];
}

const FIELD_NUMBERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  9,
  11,
  13,
  15,
  16,
  31,
  32,
  99,
  49_999,
  50_001,
  50_004,
  2 ** 29 - 1,
] as const;
const NUMBERS = [
  0n,
  1n,
  2n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 63n,
  2n ** 64n - 1n,
] as const;
const TEXTS: readonly [number[], ...number[][]] = [
  [],
  [0],
  [0xff, 0xfe],
  [0xc3],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0x2e, 0x2e, 0x2f],
  [0x27, 0x29, 0x3b],
];
const ALL_ONES = Buffer.alloc(8, 0xff);
const FIXED = [
  Buffer.alloc(8),
  ALL_ONES,
  Buffer.from('000000000000f07f', 'hex'),
  Buffer.from('000000000000f87f', 'hex'),
  Buffer.from('ffffffffffffff7f', 'hex'),
] as const;

const FIELD_MUTATIONS: readonly [FieldMutation, ...FieldMutation[]] = [
  // Lengths that lie, and numbers written longer than they need be.
  ({ random, field }) => {
    field.lengthLie = oneOf(random, [-1, 1, -2, 7, 127, 128, 16_384, 2 ** 28, 2 ** 31, 2 ** 32 - 1]);
  },
  ({ random, field }) => {
    field.lengthPadding = 1 + below(random, 9);
  },
  ({ random, field }) => {
    field.tagPadding = 1 + below(random, 9);
  },
  // Fields sent twice, many times, not at all, in another order.
  ({ random, field, siblings, at }) => {
    siblings.splice(at, 0, ...Array.from({ length: 1 + below(random, 3) }, () => copyField(field)));
  },
  ({ random, field, siblings, at }) => {
    const small = { ...field, bytes: field.bytes.subarray(0, 0) };
    delete small.fields;
    const copies = random() < 0.05 ? 2_000 : below(random, 60);
    if (field.wireType === 2) siblings.splice(at, 0, ...Array.from({ length: copies }, () => small));
  },
  ({ siblings, at }) => {
    siblings.splice(at, 1);
  },
  ({ random, siblings, at }) => {
    const [moved] = siblings.splice(at, 1);
    if (moved !== undefined) siblings.splice(below(random, siblings.length + 1), 0, moved);
  },
  // Fields of other messages, and fields that are none.
  ({ random, field }) => {
    field.number = oneOf(random, FIELD_NUMBERS);
  },
  ({ siblings, at, foreign }) => {
    const other = foreign();
    if (other !== undefined) siblings.splice(at, 1, copyField(other));
  },
  ({ siblings, at, foreign }) => {
    const other = foreign();
    if (other !== undefined) siblings.splice(at, 0, copyField(other));
  },
  ({ field, any }) => {
    const other = any();
    if (other !== undefined && other.fields === undefined) field.bytes = other.bytes;
  },
  ({ random, siblings, at }) => {
    siblings.splice(at, 0, { number: 1 + below(random, 2_000), ...anyPayload(random) });
  },
  // Wire types: wrong ones with their bytes as they were, others with bytes that fit.
  ({ random, field }) => {
    field.wireType = below(random, 8);
  },
  ({ random, field }) => {
    delete field.fields;
    Object.assign(field, anyPayload(random));
  },
  ({ random, field, siblings, at }) => {
    const number = random() < 0.5 ? field.number : oneOf(random, FIELD_NUMBERS);
    const bytes = new Uint8Array();
    if (random() < 0.8) siblings.splice(at + 1, 0, { number, wireType: 4, bytes });
    siblings.splice(at, 0, { number, wireType: 3, bytes });
  },
  // Values at the edges of their types, and text that is none.
  ({ random, field }) => {
    delete field.fields;
    field.bytes = payload(random, field.wireType);
  },
  ({ random, field }) => {
    if (field.wireType === 2) field.bytes = Buffer.alloc(below(random, 4_000), below(random, 256));
    if (field.wireType === 2 && random() < 0.5) delete field.fields;
  },
  // Values inside values inside values: arrays and lists of pairs around whatever stands there.
  ({ random, field }) => {
    if (field.wireType !== 2) return;
    const levels = 1 + below(random, 40);
    for (let level = 0; level < levels; level += 1) {
      const inner: WireField = { ...field, number: random() < 0.5 ? 1 : 2 };
      field.fields = [{ number: oneOf(random, [5, 6, 1]), wireType: 2, bytes: inner.bytes, fields: [inner] }];
    }
  },
];

const BYTE_MUTATIONS: readonly [ByteMutation, ...ByteMutation[]] = [
  (random, bytes) => bytes.subarray(0, below(random, bytes.length + 1)),
  (random, bytes) => {
    const changed = Buffer.from(bytes);
    for (let flips = 1 + below(random, 4); flips > 0 && bytes.length > 0; flips -= 1) {
      const at = below(random, bytes.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << below(random, 8));
    }
    return changed;
  },
  (random, bytes) => {
    const changed = Buffer.from(bytes);
    if (bytes.length > 0) changed[below(random, bytes.length)] = below(random, 256);
    return changed;
  },
  (random, bytes) => {
    const at = below(random, bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(random, 8))]);
  },
  (random, bytes) => {
    const at = below(random, bytes.length + 1);
    const inserted = Buffer.from(Array.from({ length: 1 + below(random, 12) }, () => below(random, 256)));
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
  },
  (_, bytes, other) => Buffer.concat([bytes, other]),
  (random, bytes, other) =>
    Buffer.concat([
      bytes.subarray(0, below(random, bytes.length + 1)),
      other.subarray(below(random, other.length + 1)),
    ]),
];

/** `request` with one to three changes, most of them to the fields it is made of, the rest to its bytes. */
export function mutated(random: Random, request: Mutable, other: Mutable): Buffer {
  const fields = copyFields(request.fields);
  let changes = 1 + below(random, 3);
  for (; changes > 0 && random() < 0.8; changes -= 1) mutateField(random, fields, other);
  let result = encodeFields(fields);
  for (; changes > 0; changes -= 1) result = oneOf(random, BYTE_MUTATIONS)(random, result, other.bytes);
  return result;
}

function mutateField(random: Random, fields: WireField[], other: Mutable): void {
  const places = placesIn(fields);
  const chosen = anyOf(random, places);
  if (chosen === undefined) return;
  const any = () => anyOf(random, places)?.field;
  const foreign = () => anyOf(random, other.everyField);
  oneOf(random, FIELD_MUTATIONS)({ random, ...chosen, any, foreign });
}

function placesIn(fields: WireField[]): Pick<Place, 'field' | 'siblings' | 'at'>[] {
  const places: Pick<Place, 'field' | 'siblings' | 'at'>[] = [];
  const visit = (siblings: WireField[]) => {
    for (const [at, field] of siblings.entries()) {
      places.push({ field, siblings, at });
      if (field.fields !== undefined) visit(field.fields);
    }
  };
  visit(fields);
  return places;
}

function anyPayload(random: Random): Pick<WireField, 'wireType' | 'bytes'> {
  const wireType = oneOf(random, [0, 1, 2, 5]);
  return { wireType, bytes: payload(random, wireType) };
}

function payload(random: Random, wireType: number): Uint8Array {
  switch (wireType) {
    case 0:
      return Uint8Array.from(varintBytes(oneOf(random, NUMBERS), random() < 0.3 ? below(random, 11) : 0));
    case 1:
      return oneOf(random, FIXED);
    case 2:
      return Uint8Array.from(oneOf(random, TEXTS));
    default:
      return ALL_ONES.subarray(0, 4);
  }
}
