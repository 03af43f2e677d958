import type { OtlpSpan } from './otlp-proto.ts';
import { type AttributeInput, otlpSpan } from './spans.ts';

const SERVER = 2;
export const CLIENT = 3;

/** 16 bytes of one digit pair, such as `ab`: a trace id that a test can write down. */
const traceBytes = (pair: string) => Buffer.from(pair.repeat(16), 'hex');
const spanBytes = (pair: string) => Buffer.from(pair.repeat(8), 'hex');

export interface TraceSpanInput {
  readonly trace: string;
  readonly span: string;
  readonly parent?: string;
  readonly tenant?: string;
  readonly name?: string;
  readonly kind?: number;
  readonly at: number;
  readonly ms?: number;
  readonly failed?: string;
  readonly attributes?: AttributeInput;
  readonly more?: OtlpSpan;
}

/** A span of a trace whose ids are digit pairs. */
export function traceSpan(input: TraceSpanInput): OtlpSpan {
  const { trace, span, parent, tenant, name, kind, at, ms, failed, attributes, more } = input;
  return otlpSpan({
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { kind }),
    ...(ms === undefined ? {} : { durationMs: ms }),
    start: at,
    attributes: { ...(tenant === undefined ? {} : { tenant_id: tenant }), ...attributes },
    more: {
      trace_id: traceBytes(trace),
      span_id: spanBytes(span),
      ...(parent === undefined ? {} : { parent_span_id: spanBytes(parent) }),
      ...(failed === undefined ? {} : { status: { code: 2, message: failed } }),
      ...more,
    },
  });
}

/** A server's span of a request to `route`. */
export function requestSpan(route: string, input: TraceSpanInput): OtlpSpan {
  const [method = 'GET', path = '/'] = route.split(' ');
  return traceSpan({
    name: route,
    kind: SERVER,
    ...input,
    attributes: { 'http.request.method': method, 'http.route': path, ...input.attributes },
  });
}
