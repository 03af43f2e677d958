import type { OtlpTraceRequest } from './otlp-proto.ts';

/** Fields that OTLP/JSON writes in hex; other bytes are base64. */
const IDS: ReadonlySet<string> = new Set(['trace_id', 'span_id', 'parent_span_id']);

/**
 * A request in the shape that `encodeTraceRequest` and its like take, as OTLP/JSON writes it: keys in lowerCamelCase,
 * ids in hex, other bytes in base64, what JSON has no number for as a string. Production reads JSON and never writes it.
 */
export function asOtlpJson(request: OtlpTraceRequest | object): Record<string, unknown> {
  return converted(request) as Record<string, unknown>;
}

export function otlpJsonBytes(request: object): Buffer {
  return Buffer.from(JSON.stringify(asOtlpJson(request)));
}

function converted(value: unknown, key = ''): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString(IDS.has(key) ? 'hex' : 'base64');
  if (Array.isArray(value)) return value.map((element) => converted(element, key));
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([name, member]) => [camelCase(name), converted(member, name)]));
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
