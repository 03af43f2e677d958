import { type Context, createContextKey, type Span, trace } from '@opentelemetry/api';
import { requestRootOf } from './span-records.ts';

const HTTP_ROUTE = 'http.route';

// @opentelemetry/core keeps the server span and the route under this key, and http instrumentation reads the route
// back when it ends the span. Keys are Symbol.for(description), so the value is reachable without depending on core.
const RPC_METADATA_KEY = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA');
const SUPPRESS_TRACING_KEY = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

interface RpcMetadata {
  type?: unknown;
  route?: string;
  span?: Span;
}

function httpMetadata(ctx: Context): RpcMetadata | undefined {
  const metadata = ctx.getValue(RPC_METADATA_KEY) as RpcMetadata | undefined;
  return metadata?.type === 'http' ? metadata : undefined;
}

/** The span that stands for the whole request in `ctx`, or undefined when nothing traces incoming requests. */
export function serverSpanIn(ctx: Context): Span | undefined {
  const active = trace.getSpan(ctx);
  return httpMetadata(ctx)?.span ?? (active === undefined ? undefined : requestRootOf(active));
}

/** Gives the request's server span its route if nobody has; http instrumentation then names the span after it. */
export function setRoute(ctx: Context, route: string): void {
  const metadata = httpMetadata(ctx);
  if (metadata !== undefined) metadata.route ??= route;
  const span = serverSpanIn(ctx);
  const held = (span as { attributes?: Record<string, unknown> } | undefined)?.attributes?.[HTTP_ROUTE];
  if (held === undefined) span?.setAttribute(HTTP_ROUTE, route);
}

type HeaderValue = string | number | readonly string[] | undefined;

/** Body sizes of the request and its answer as their headers say them; chunked bodies stay unknown. */
export function setBodySizes(ctx: Context, requestLength: HeaderValue, responseLength: HeaderValue): void {
  const span = serverSpanIn(ctx);
  if (span === undefined) return;
  const held = (span as { attributes?: Record<string, unknown> }).attributes;
  const sizes = { 'http.request.body.size': requestLength, 'http.response.body.size': responseLength };
  for (const [name, length] of Object.entries(sizes)) {
    const bytes = typeof length === 'object' ? Number.NaN : Number(length ?? Number.NaN);
    if (Number.isSafeInteger(bytes) && held?.[name] === undefined) span.setAttribute(name, bytes);
  }
}

/** `ctx` in which no instrumentation starts spans: the middleware's own traffic is not the app's. */
export function withoutTracing(ctx: Context): Context {
  return ctx.setValue(SUPPRESS_TRACING_KEY, true);
}
