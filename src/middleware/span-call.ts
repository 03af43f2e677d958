import { type Attributes, type Context, type Span, type SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** Names in spans come from the app or a provider; longer ones are cut. */
const MAX_NAME_LENGTH = 256;

export function cut(text: string): string {
  return text.length <= MAX_NAME_LENGTH ? text : text.slice(0, MAX_NAME_LENGTH);
}

export interface NewCallSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly parent: Context;
  /** When the call began; default now. */
  readonly startTime?: Date | number;
}

export function startCallSpan({ name, kind, attributes, parent, startTime }: NewCallSpan): Span {
  const options = { kind, attributes, ...(startTime === undefined ? {} : { startTime }) };
  return trace.getTracer('tenantry').startSpan(cut(name), options, parent);
}

const CODE = /^[\w.-]{1,64}$/;

/** The class of an error, else its code. Never its message: providers put keys and prompts into messages. */
export function errorTypeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const name = error.constructor.name === 'Error' ? error.name : error.constructor.name;
  if (name !== '' && name !== 'Error') return cut(name);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && CODE.test(code) ? code : 'Error';
}

export function setFailed(span: Span, errorType: string): void {
  span.setAttribute('error.type', errorType);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
