/** The tenant and the trace of work that goes through a queue: put into a message, and taken out where it is worked on. */
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { PLAN_ATTRIBUTE, TENANT_ATTRIBUTE, USER_ID_ATTRIBUTE } from '../domain/attributes.ts';
import { withoutTenantBaggage } from './baggage.ts';
import { countInProcess, processCounters } from './counters.ts';
import { guarded } from './guard.ts';
import { enterContext } from './request-gate.ts';
import { identifyTrace, requestRootOf } from './span-records.ts';
import { makeTenant, type Tenant } from './tenant.ts';
import { contextOf, tenantIn } from './tenant-context.ts';

/** What travels with a message: `tenant_id`, `tenantry.plan`, `user.id` and the headers of trace context. */
export type MessageCarrier = Record<string, string>;

/** Where a message came from; becomes attributes of its span, as the conventions for messaging name them. */
export interface MessageOrigin {
  /** `bullmq`, `kafka`, `rabbitmq`, … */
  readonly system: string;
  /** Queue or topic: of low cardinality, it is part of the span's name. */
  readonly destination?: string | undefined;
  readonly messageId?: string | undefined;
  /** True when the message is one of several that were received together, maybe of several tenants. */
  readonly batched?: boolean;
}

const TENANT_HEADERS = [TENANT_ATTRIBUTE, PLAN_ATTRIBUTE, USER_ID_ATTRIBUTE];
/** Longer header values are nobody's: neither ids nor trace context get near it. */
const MAX_HEADER_LENGTH = 8_192;

/** The current tenant and trace context, to send along. */
export function messageCarrier(): MessageCarrier {
  const carrier: MessageCarrier = {};
  return guarded(
    countInProcess,
    'hook_failed',
    () => {
      const active = context.active();
      propagation.inject(withoutTenantBaggage(active), carrier);
      const tenant = tenantIn(active);
      if (tenant === undefined) return carrier;
      carrier[TENANT_ATTRIBUTE] = tenant.tenantId;
      if (tenant.plan !== undefined) carrier[PLAN_ATTRIBUTE] = tenant.plan;
      if (tenant.userId !== undefined) carrier[USER_ID_ATTRIBUTE] = tenant.userId;
      return carrier;
    },
    carrier,
  );
}

/** True for headers that `messageCarrier` alone may set: what a caller left under these names must not go through. */
export function isCarrierHeader(name: string): boolean {
  return TENANT_HEADERS.includes(name.toLowerCase());
}

/** Header values as brokers give them back: text, or bytes (Kafka), or several, of which none is believed. */
function readCarrier(headers: unknown): MessageCarrier {
  const carrier: MessageCarrier = {};
  if (typeof headers !== 'object' || headers === null) return carrier;
  for (const [name, value] of Object.entries(headers)) {
    const isBytes = value instanceof Uint8Array && value.byteLength <= MAX_HEADER_LENGTH;
    const text = isBytes ? Buffer.from(value).toString('utf8') : value;
    if (typeof text === 'string' && text.length <= MAX_HEADER_LENGTH) carrier[name.toLowerCase()] = text;
    else if (isCarrierHeader(name)) carrier[name.toLowerCase()] = '';
  }
  return carrier;
}

function tenantOf(carrier: MessageCarrier): Tenant | undefined {
  const tenantId = carrier[TENANT_ATTRIBUTE];
  const details = { plan: carrier[PLAN_ATTRIBUTE], userId: carrier[USER_ID_ATTRIBUTE] };
  const tenant = makeTenant(tenantId, 'message', details);
  if (tenant === undefined) countInProcess(tenantId === undefined ? 'tenant_missing' : 'tenant_malformed');
  return tenant;
}

interface Work {
  readonly ctx: Context;
  /** The message's own span; undefined when an instrumentation has started one. */
  readonly span: Span | undefined;
}

function startSpan(origin: MessageOrigin, carrier: MessageCarrier, tenant: Tenant | undefined, around: Context): Work {
  const remote = propagation.extract(ROOT_CONTEXT, carrier);
  const producer = trace.getSpanContext(remote);
  const active = trace.getSpan(around);
  // Several messages hang below the span that received them, one below whoever sent it; work that only happened to start
  // the worker is no parent.
  const isReceiver = origin.batched === true && active !== undefined && requestRootOf(active) === active;
  const parent = isReceiver ? active : trace.getSpan(remote);
  const base = contextOf(withoutTenantBaggage(propagation.extract(around, carrier)), tenant);
  const above = parent === undefined ? trace.deleteSpan(base) : trace.setSpan(base, parent);
  const { system, destination, messageId } = origin;
  const span = trace.getTracer('tenantry').startSpan(
    destination === undefined ? 'process' : `process ${destination}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        'messaging.system': system,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        ...(destination === undefined ? {} : { 'messaging.destination.name': destination }),
        ...(messageId === undefined ? {} : { 'messaging.message.id': messageId }),
      },
      links: producer === undefined ? [] : [{ context: producer }],
    },
    above,
  );
  return { ctx: trace.setSpan(above, span), span };
}

function prepare(headers: unknown, origin: MessageOrigin): Work {
  const carrier = readCarrier(headers);
  const tenant = tenantOf(carrier);
  const around = context.active();
  const active = trace.getSpan(around);
  const root = active === undefined ? undefined : requestRootOf(active);
  const isInstrumented =
    root !== undefined && origin.batched !== true && (root as { kind?: SpanKind }).kind === SpanKind.CONSUMER;
  if (!isInstrumented) return startSpan(origin, carrier, tenant, around);
  if (tenant !== undefined) identifyTrace(root, tenant, processCounters);
  return { ctx: contextOf(withoutTenantBaggage(around), tenant), span: undefined };
}

function endSpan(span: Span | undefined, failure?: { readonly error: unknown }): void {
  if (span === undefined) return;
  guarded(
    countInProcess,
    'hook_failed',
    () => {
      if (failure !== undefined) {
        const { error } = failure;
        span.recordException(error instanceof Error ? error : String(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
        span.setAttribute('error.type', error instanceof Error ? error.name : '_OTHER');
      }
      span.end();
    },
    undefined,
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/**
 * Runs `fn` for the tenant that a message was sent for (`tenant_id.source` is `message`), within a consumer span that
 * hangs below the sender's and links to it, unless an instrumentation has started one. Only for queues that nobody but
 * the operator's own services can write to. A message that names no tenant, or a malformed one, is worked on for nobody
 * (counted), never for the tenant of whatever ran before. `fn` runs exactly once; what it returns or throws is handed on.
 * @param headers what `messageCarrier` gave, as the broker hands it back; anything else is a message without a tenant
 */
export function runAsMessage<T>(headers: unknown, origin: MessageOrigin, fn: () => T): T {
  const work = guarded<Work>(countInProcess, 'hook_failed', () => prepare(headers, origin), {
    ctx: contextOf(context.active(), undefined),
    span: undefined,
  });
  let value: T;
  try {
    value = enterContext(work.ctx, fn, countInProcess);
  } catch (error) {
    endSpan(work.span, { error });
    throw error;
  }
  if (!isThenable(value)) {
    endSpan(work.span);
    return value;
  }
  value.then(
    () => endSpan(work.span),
    (error: unknown) => endSpan(work.span, { error }),
  );
  return value;
}
