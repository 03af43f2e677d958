/** Bodies of 4 MiB that hold two million empty messages of one kind; gzip makes 4 KiB of each. */
const BYTES = 4 * 1024 * 1024;

/** Name -> field numbers of the messages around, and the two bytes that are repeated. */
const KINDS: readonly (readonly [name: string, path: readonly number[], unit: readonly [number, number]])[] = [
  ['ResourceSpans', [], [0x0a, 0x00]],
  ['ScopeSpans', [1], [0x12, 0x00]],
  ['spans', [1, 2], [0x12, 0x00]],
  ['attributes', [1, 2, 2], [0x4a, 0x00]],
  ['events', [1, 2, 2], [0x5a, 0x00]],
  ['links', [1, 2, 2], [0x6a, 0x00]],
  ['nested values', [1, 2, 2, 9, 2, 5], [0x0a, 0x00]],
  ['nested pairs', [1, 2, 2, 9, 2, 6], [0x0a, 0x00]],
];

export function tinyMessageBombs(): readonly (readonly [name: string, bytes: Buffer])[] {
  return KINDS.map(([name, path, unit]) => [name, path.reduceRight(wrap, Buffer.alloc(BYTES, Buffer.from(unit)))]);
}

/** `body` as the length-delimited field `number`. */
export function wrap(body: Buffer, number: number): Buffer {
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(body.length)]), body]);
}

export function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}
