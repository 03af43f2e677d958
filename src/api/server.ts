import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import fastifyCookie from '@fastify/cookie';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { TenantryError } from '../domain/errors.ts';
import { createApiMetrics } from './api-metrics.ts';
import { type ApiAuth, createAuthenticator } from './authenticate.ts';
import type { ApiContext, ApiPorts } from './context.ts';
import { allowOrigins } from './cors.ts';
import { createCursorSeal } from './cursor.ts';
import { dashboardFiles } from './dashboard-files.ts';
import { edgeHeaders } from './edge-headers.ts';
import { answerUnreadable, boundRequests, MAX_HEADER_BYTES } from './edge-requests.ts';
import type { FlagStreamTimes } from './flag-stream.ts';
import { guardRoutes } from './guard.ts';
import { ofrepMembers } from './ofrep-subject.ts';
import { collectOpenApi } from './openapi.ts';
import { methodsOf } from './permissions.ts';
import { PROBLEM_TYPE, problemOf, toTenantryError } from './problem.ts';
import { type ApiLimits, createRateLimits, limitAnonymous } from './rate-limit-callers.ts';
import { addRoutes } from './routes.ts';
import { SCIM_PREFIX, SCIM_TYPE, scimErrorOf } from './scim-errors.ts';
import { heldByDirectory } from './scim-standing.ts';
import { holdTenants } from './tenant-state-guard.ts';
import type { TokenRefusal } from './tokens.ts';

/** The largest body is a throttle or an evaluation context: a few hundred bytes. */
const BODY_LIMIT_BYTES = 64 * 1024;
/** To receive a whole request; slower senders hold a socket for nothing. */
const REQUEST_TIMEOUT_MS = 15_000;
/** To answer one; the stores' own limits are shorter, so this ends only what hangs. */
const ANSWER_TIMEOUT_MS = 30_000;
const RETRY_AFTER_SECONDS = 2;
/** For answers under way at shutdown. Browsers also keep spare connections open that never send a request. */
const SHUTDOWN_GRACE_MS = 5_000;

/** What stands between the API and the world; whatever is absent is not there. */
export interface EdgeOptions {
  readonly limits?: ApiLimits;
  /** Pages of these origins may call the API with a token. */
  readonly corsOrigins?: readonly string[];
  /** Addresses and ranges whose X-Forwarded-For and -Proto are believed. */
  readonly trustedProxies?: readonly string[];
  /** Browsers come by https, whatever a connection looks like. */
  readonly alwaysHttps?: boolean;
}

export interface ApiOptions {
  readonly ports: ApiPorts;
  readonly auth: ApiAuth;
  readonly log: FastifyBaseLogger;
  /** The built dashboards; absent: no pages are served. */
  readonly publicDir?: string | undefined;
  /** Pages of these origins may show the usage page in a frame; absent: nobody may. */
  readonly embedOrigins?: readonly string[] | undefined;
  readonly edge?: EdgeOptions | undefined;
  /** Of Tenantry, for /openapi.json. */
  readonly version: string;
  /** Unix milliseconds. */
  readonly now?: (() => number) | undefined;
  /** Monotonic milliseconds. */
  readonly monotonicNow?: (() => number) | undefined;
  readonly streamTimes?: Partial<FlagStreamTimes> | undefined;
  /** How long `close` waits for answers under way before it cuts connections. */
  readonly shutdownGraceMs?: number | undefined;
}

/** A caller's own id is kept if it is harmless in a log, so that one id follows a request through several services. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
}

function logUnexpected(error: TenantryError, request: FastifyRequest): void {
  const cause = error.cause ?? error;
  // Chosen fields only: database errors carry row values and query texts in others.
  const { name, message, stack } = cause instanceof Error ? cause : new Error(String(cause));
  request.log.error({ code: error.code, error: { name, message, stack } }, 'request failed');
}

function answerError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = toTenantryError(thrown, request);
  if (error.status === 500) logUnexpected(error, request);
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="tenantry"');
  if (error.status === 503 || error.status === 429) {
    reply.header('retry-after', String(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS));
  }
  if (request.url.startsWith(SCIM_PREFIX)) {
    const headers = { 'cache-control': 'no-store', 'content-type': SCIM_TYPE };
    return reply
      .code(error.status)
      .headers(headers)
      .send(JSON.stringify(scimErrorOf(error)));
  }
  const extension = request.routeOptions.url?.startsWith('/ofrep/') ? ofrepMembers(error, request) : {};
  return reply
    .code(error.status)
    .headers({ 'cache-control': 'no-store', 'content-type': PROBLEM_TYPE })
    .send(JSON.stringify({ ...problemOf(error, request.id), ...extension }));
}

function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply): never {
  const methods = methodsOf(request.url.split('?')[0] ?? '/');
  if (methods.length === 0) {
    throw new TenantryError('NOT_FOUND', 'There is nothing at this path.', {
      hint: '/openapi.json lists every route.',
    });
  }
  reply.header('allow', methods.join(', '));
  throw new TenantryError('METHOD_NOT_ALLOWED', `This path does not take ${request.method}.`, {
    hint: `It takes ${methods.join(', ')}.`,
  });
}

function addHeadersAndLogs(app: FastifyInstance, { metrics }: ApiContext, alwaysHttps: boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(edgeHeaders(request, alwaysHttps));
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? '(none)';
    const seconds = reply.elapsedTime / 1_000;
    metrics.requests.observe({ method, route, status: reply.statusCode }, seconds);
    // The pattern, not the address: that one can carry a sign-in code.
    const caller = request.caller?.actor.subject;
    request.log.info({ method, route, status: reply.statusCode, seconds, caller }, 'answered');
  });
}

function boundShutdown(app: FastifyInstance, graceMs: number): void {
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), graceMs).unref();
  });
}

/**
 * The HTTP API and the dashboards' files, ready to `listen` or `inject`. Does not listen by itself; `close` ends the
 * open flag streams.
 */
export function createApi(options: ApiOptions): FastifyInstance {
  const { ports, auth, now = Date.now, monotonicNow = () => performance.now() } = options;
  const { limits, corsOrigins = [], trustedProxies = [], alwaysHttps = false } = options.edge ?? {};
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestIdOf,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    handlerTimeout: ANSWER_TIMEOUT_MS,
    // Tenant ids have up to 128 characters.
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, request, reply) => {
      reply.headers(edgeHeaders(request, alwaysHttps));
      answerError(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerUnknownRoute);
  // JSON is the only body: a form or a text post, which other sites may send, is refused as such.
  app.removeContentTypeParser('text/plain');

  const metrics = createApiMetrics(ports.registry);
  const onRefused = (reason: TokenRefusal) => metrics.refusedTokens.inc({ reason });
  const authenticator = heldByDirectory(createAuthenticator(auth, ports.keys, now, onRefused), ports.scim);
  const cursors = createCursorSeal(auth.cursorSecret ?? randomBytes(32));
  const context: ApiContext = { ports, auth, authenticator, cursors, metrics, now };
  app.register(fastifyCookie);
  collectOpenApi(app, options.version);
  addHeadersAndLogs(app, context, alwaysHttps);
  allowOrigins(app, corsOrigins);
  boundRequests(app);
  const rateLimits = limits && createRateLimits(limits, monotonicNow);
  if (rateLimits !== undefined) limitAnonymous(app, rateLimits);
  boundShutdown(app, options.shutdownGraceMs ?? SHUTDOWN_GRACE_MS);
  guardRoutes(app, authenticator, rateLimits, ports.planFeatures);
  holdTenants(app, ports.flags);
  addRoutes(app, context, { times: options.streamTimes, monotonicNow: options.monotonicNow });
  const { publicDir, embedOrigins = [] } = options;
  if (publicDir !== undefined) app.register(dashboardFiles(publicDir, answerUnknownRoute, embedOrigins));
  return app;
}
