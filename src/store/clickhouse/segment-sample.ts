import { type FileHandle, open } from 'node:fs/promises';
import { isSelfCheckTenant } from '../../domain/tenant-id.ts';
import { originOf } from './record-origin.ts';

/** When a span ended by its app's clock, and when its request was taken by ours. Unix ms. */
export interface SampledSpan {
  readonly endedAt: number;
  readonly receivedAt: number;
}

/** Tens of microseconds of reading, next to an insert of tens of milliseconds at least. */
const HEAD_BYTES = 64 * 1_024;
/** More than any trailer takes. */
const TRAILER_BYTES = 4_096;
const MOST_SPANS = 64;
const NS_PER_MS = 1_000_000n;

/** Fields of OTLP's messages on the way to a span's end, and their wire type. */
const RESOURCE_SPANS = 1;
const SCOPE_SPANS = 2;
const SPANS = 2;
const END_TIME = 8;
const FIXED64 = 1;
const BYTES = 2;

/**
 * Spans at the head of a segment of traces, those of the self-check left out: the first of it waited the longest, so a lag
 * that is taken from them is never too kind. Reads a bounded part of the file, however large its requests are.
 */
export async function sampleSpans(path: string): Promise<readonly SampledSpan[]> {
  const file = await open(path);
  try {
    const head = await readAt(file, 0, HEAD_BYTES);
    const sampled: SampledSpan[] = [];
    for (let at = 0; at < head.length && sampled.length < MOST_SPANS; ) {
      const length = varint(head, at);
      if (length === undefined) break;
      const end = length.next + length.value;
      const record = head.subarray(length.next, Math.min(end, head.length));
      // What ingest wrote stands at the end of a request, which may lie behind what was read.
      const isWhole = end <= head.length;
      const trailer = isWhole ? record : await readAt(file, Math.max(0, end - TRAILER_BYTES), TRAILER_BYTES);
      const origin = originOf(trailer);
      at = end;
      if (origin === undefined || isSelfCheckTenant(origin.keyTenant)) continue;
      for (const endNs of spanEnds(record)) {
        sampled.push({ endedAt: Number(endNs / NS_PER_MS), receivedAt: origin.receivedAt });
        if (sampled.length === MOST_SPANS) break;
      }
    }
    return sampled;
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function* spanEnds(record: Buffer): Generator<bigint> {
  for (const resource of messages(record, RESOURCE_SPANS)) {
    for (const scope of messages(resource, SCOPE_SPANS)) {
      for (const span of messages(scope, SPANS)) {
        for (const { field, wireType, bytes } of fields(span)) {
          if (field === END_TIME && wireType === FIXED64 && bytes.length === 8) yield bytes.readBigUInt64LE(0);
        }
      }
    }
  }
}

function* messages(bytes: Buffer, wanted: number): Generator<Buffer> {
  for (const { field, wireType, bytes: inner } of fields(bytes)) {
    if (field === wanted && wireType === BYTES) yield inner;
  }
}

/** The fields of a message, the last of them perhaps cut off; ends at the first that is malformed. */
function* fields(bytes: Buffer): Generator<{ field: number; wireType: number; bytes: Buffer }> {
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    if (tag === undefined) return;
    const wireType = tag.value % 8;
    const value = wireType === 0 || wireType === BYTES ? varint(bytes, tag.next) : undefined;
    if (value === undefined && (wireType === 0 || wireType === BYTES)) return;
    const from = wireType === BYTES ? (value?.next ?? 0) : tag.next;
    const to =
      wireType === 0
        ? (value?.next ?? 0)
        : from + (wireType === BYTES ? (value?.value ?? 0) : wireType === FIXED64 ? 8 : 4);
    yield { field: Math.floor(tag.value / 8), wireType, bytes: bytes.subarray(from, Math.min(to, bytes.length)) };
    at = to;
  }
}

function varint(bytes: Buffer, from: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let at = from, scale = 1; at < Math.min(bytes.length, from + 10); at += 1, scale *= 0x80) {
    const byte = bytes[at] ?? 0;
    value += (byte % 0x80) * scale;
    if (byte < 0x80) return { value, next: at + 1 };
  }
  return undefined;
}
