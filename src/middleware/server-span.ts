import { type Context, createContextKey, type Span, trace } from '@opentelemetry/api';
import { requestRootOf } from './span-records.ts';

const HTTP_ROUTE = 'http.route';
const REQUEST_SIZE = 'http.request.body.size';
const RESPONSE_SIZE = 'http.response.body.size';

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

/** Gives the request's server span a route that says more than the router's: one GraphQL endpoint has many operations. */
export function replaceRoute(ctx: Context, route: string): void {
  const metadata = httpMetadata(ctx);
  if (metadata !== undefined) metadata.route = route;
  serverSpanIn(ctx)?.setAttribute(HTTP_ROUTE, route);
}

interface BodySizes {
  readonly requestLength: unknown;
  readonly responseLength: unknown;
  readonly requestBytes: number | undefined;
  readonly responseBytes: number | undefined;
  readonly aborted: boolean;
}

/** A body's size as its header says it, else as it was counted. Nothing for no body: most requests have none. */
function bodySize(length: unknown, counted: number | undefined): number | undefined {
  const said = typeof length === 'string' || typeof length === 'number' ? Number(length) : Number.NaN;
  if (Number.isSafeInteger(said) && said >= 0) return said;
  return counted === 0 ? undefined : counted;
}

/**
 * Body sizes of the request and its answer on the server span: as the headers say them, as they were counted where
 * there is no header or an aborted response never got as far as its header said.
 */
export function setBodySizes(ctx: Context, sizes: BodySizes): void {
  const span = serverSpanIn(ctx);
  if (span === undefined) return;
  const held = (span as { attributes?: Record<string, unknown> }).attributes;
  const request = bodySize(sizes.requestLength, sizes.requestBytes);
  const response = bodySize(sizes.aborted ? undefined : sizes.responseLength, sizes.responseBytes);
  if (request !== undefined && held?.[REQUEST_SIZE] === undefined) span.setAttribute(REQUEST_SIZE, request);
  if (response !== undefined && held?.[RESPONSE_SIZE] === undefined) span.setAttribute(RESPONSE_SIZE, response);
}

/** `ctx` in which no instrumentation starts spans: the middleware's own traffic is not the app's. */
export function withoutTracing(ctx: Context): Context {
  return ctx.setValue(SUPPRESS_TRACING_KEY, true);
}
