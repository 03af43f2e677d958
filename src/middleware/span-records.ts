/**
 * What is known about spans that are under way in this process. The OpenTelemetry context is the first place where a
 * tenant is looked up; these records cover the two cases it cannot:
 *
 * - listeners of a request's streams run in the context that http instrumentation bound them to, which is older than
 *   the tenant (fastify's body parser is one): their spans inherit from their parent span;
 * - spans started before the tenant was known (the server span itself, a session lookup by the app's own resolver)
 *   are marked as soon as it is.
 */
import { type Span, SpanKind } from '@opentelemetry/api';
import { PLAN_ATTRIBUTE, TENANT_ATTRIBUTE, TENANT_SOURCE_ATTRIBUTE } from '../domain/attributes.ts';
import type { Counters } from './counters.ts';
import type { Tenant } from './tenant.ts';
import { userMarkOf } from './user-mark.ts';

/** More unmarked spans than this in one request are not remembered: a worker's root span may live for weeks. */
const MAX_PENDING = 256;

/** All spans below one local root: of one request, if that root is a server span. */
interface LocalTrace {
  readonly root: Span;
  readonly rootKind: SpanKind | undefined;
  /** Spans without a tenant so far. */
  pending: Span[];
  tenant: Tenant | undefined;
}

interface SpanRecord {
  readonly trace: LocalTrace;
  tenant: Tenant | undefined;
}

// On the span itself and not in a WeakMap: records point back at spans, and collecting such weak cycles cost 8 µs a
// span where this costs 1. Symbol.for, so that two copies of this package in one app see the same records.
const RECORD: unique symbol = Symbol.for('tenantry.span-record') as never;

type RecordedSpan = Span & { [RECORD]?: SpanRecord };

function recordOf(span: Span): SpanRecord | undefined {
  return (span as RecordedSpan)[RECORD];
}

export function tenantOfSpan(span: Span): Tenant | undefined {
  const record = recordOf(span);
  return record?.tenant ?? record?.trace.tenant;
}

function attributesOf(span: Span): Record<string, unknown> | undefined {
  return (span as { attributes?: Record<string, unknown> }).attributes;
}

function attributesFor(tenant: Tenant): Record<string, string> {
  const marks: Record<string, string> = {
    [TENANT_ATTRIBUTE]: tenant.tenantId,
    [TENANT_SOURCE_ATTRIBUTE]: tenant.source,
  };
  if (tenant.plan !== undefined) marks[PLAN_ATTRIBUTE] = tenant.plan;
  return tenant.userId === undefined ? marks : Object.assign(marks, userMarkOf(tenant));
}

/** Writes the tenant's attributes, and no others. A span's own differing `tenant_id` is overwritten and counted. */
function stamp(span: Span, tenant: Tenant, counters: Counters): void {
  const record = recordOf(span);
  if (record !== undefined) record.tenant = tenant;
  const held = attributesOf(span)?.[TENANT_ATTRIBUTE];
  if (held !== undefined && held !== tenant.tenantId) counters.add('span_tenant_conflict');
  const marks = attributesFor(tenant);
  if (span.isRecording()) {
    span.setAttributes(marks);
    return;
  }
  // An ended span refuses setAttributes, but it waits in the batch processor's queue until the next export and is
  // read only then. Holding it back instead would delay every span of every request.
  const attributes = attributesOf(span);
  if (attributes !== undefined) Object.assign(attributes, marks);
}

/** Files a span that has just started below its parent's local root, and marks it if its tenant is known. */
export function recordStart(
  span: Span,
  parent: Span | undefined,
  tenant: Tenant | undefined,
  counters: Counters,
): void {
  const parentTrace = parent === undefined ? undefined : recordOf(parent)?.trace;
  const rootKind = (span as { kind?: SpanKind }).kind;
  const trace: LocalTrace = parentTrace ?? { root: span, rootKind, pending: [], tenant: undefined };
  (span as RecordedSpan)[RECORD] = { trace, tenant: undefined };
  if (tenant !== undefined) stamp(span, tenant, counters);
  else if (trace.pending.length < MAX_PENDING) trace.pending.push(span);
  else counters.add('span_stamp_overflow');
}

/**
 * The local root of `span` if it is a server or consumer span, so that it belongs to one request. Any other root may
 * be shared by many requests (a span around the app's start, for one) and must never take over one request's tenant.
 */
export function requestRootOf(span: Span): Span | undefined {
  const own = recordOf(span)?.trace;
  if (own === undefined) return undefined;
  return own.rootKind === SpanKind.SERVER || own.rootKind === SpanKind.CONSUMER ? own.root : undefined;
}

/** Marks everything of the request below `root` that is unmarked so far, and everything that will start there. */
export function identifyTrace(root: Span, tenant: Tenant, counters: Counters): void {
  const own = recordOf(root)?.trace;
  if (own === undefined) {
    if (root.isRecording()) stamp(root, tenant, counters);
    return;
  }
  const { pending } = own;
  own.tenant = tenant;
  own.pending = [];
  for (const span of pending) {
    if (span !== root) counters.add('span_stamped_late');
    stamp(span, tenant, counters);
  }
}
