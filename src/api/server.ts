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
import { alertRouteRoutes } from './alert-routes.ts';
import { alertRoutes } from './alerts.ts';
import { anomalyRoutes } from './anomalies.ts';
import { createApiMetrics } from './api-metrics.ts';
import { type ApiAuth, createAuthenticator } from './authenticate.ts';
import { billRoutes } from './bills.ts';
import { billRuleRoutes } from './bills-rules.ts';
import { breakerRoutes } from './breakers.ts';
import { capRoutes } from './caps.ts';
import type { ApiContext, ApiPorts } from './context.ts';
import { controlRoutes } from './control.ts';
import { allowOrigins } from './cors.ts';
import { costRoutes } from './costs.ts';
import { costTrendRoutes } from './costs-trend.ts';
import { createCursorSeal } from './cursor.ts';
import { dashboardFiles } from './dashboard-files.ts';
import { deletionRoutes } from './deletions.ts';
import { deployRoutes } from './deploys.ts';
import { edgeHeaders } from './edge-headers.ts';
import { answerUnreadable, boundRequests, MAX_HEADER_BYTES } from './edge-requests.ts';
import { embedRoutes } from './embed.ts';
import { eventRoutes } from './events.ts';
import { flagInstanceRoutes } from './flag-instances.ts';
import type { FlagStreamTimes } from './flag-stream.ts';
import { flagRoutes } from './flags.ts';
import { guardRoutes } from './guard.ts';
import { healthRoutes } from './health.ts';
import { keyRoutes } from './keys.ts';
import { latencyHeatRoutes } from './latency-heat.ts';
import { lifecycleRoutes } from './lifecycle.ts';
import { marginRoutes } from './margins.ts';
import { memberRoutes } from './members.ts';
import { meterRoutes } from './meters.ts';
import { neighborRoutes } from './neighbors.ts';
import { ofrepRoutes } from './ofrep.ts';
import { ofrepEventRoutes } from './ofrep-events.ts';
import { ofrepMembers } from './ofrep-subject.ts';
import { collectOpenApi, openApiRoutes } from './openapi.ts';
import { methodsOf } from './permissions.ts';
import { planFeatureRoutes } from './plan-features.ts';
import { salesRoutes } from './plans-routes.ts';
import { priceRoutes } from './prices.ts';
import { PROBLEM_TYPE, problemOf, toTenantryError } from './problem.ts';
import { profileRoutes } from './profiles.ts';
import { queryRoutes } from './queries.ts';
import { queryAuditRoutes } from './queries-audit.ts';
import { type ApiLimits, createRateLimits, limitAnonymous } from './rate-limit-callers.ts';
import { exportRoutes, reportScheduleRoutes, statementRoutes } from './reports.ts';
import { revenueRoutes } from './revenue.ts';
import { scimRoutes } from './scim.ts';
import { SCIM_PREFIX, SCIM_TYPE, scimErrorOf } from './scim-errors.ts';
import { scimMappingRoutes } from './scim-mapping.ts';
import { heldByDirectory } from './scim-standing.ts';
import { signInRoutes } from './sign-in.ts';
import { spendRoutes } from './spend.ts';
import { sqlRoutes } from './sql.ts';
import { storageRoutes } from './storage.ts';
import { storageTargetRoutes } from './storage-targets.ts';
import { telemetryRoutes } from './telemetry-routes.ts';
import { tenantArchiveRoutes } from './tenant-archives.ts';
import { tenantMetricsRoutes } from './tenant-metrics.ts';
import { tenantMetricsPrometheusRoutes } from './tenant-metrics-prometheus.ts';
import { tenantPlanRoutes } from './tenant-plan.ts';
import { holdTenants } from './tenant-state-guard.ts';
import { tenantRoutes } from './tenants.ts';
import { throttleRoutes } from './throttles.ts';
import type { TokenRefusal } from './tokens.ts';
import { traceRoutes } from './traces.ts';
import { usageRoutes } from './usage.ts';
import { whoAmIRoutes } from './whoami.ts';

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

function addRoutes(app: FastifyInstance, context: ApiContext, options: ApiOptions): void {
  const { streamTimes: times, monotonicNow, publicDir, embedOrigins = [] } = options;
  app.register(healthRoutes(context));
  app.register(tenantMetricsPrometheusRoutes(context));
  app.register(openApiRoutes());
  app.register(signInRoutes(context));
  app.register(whoAmIRoutes());
  app.register(keyRoutes(context));
  app.register(memberRoutes(context));
  app.register(scimRoutes(context));
  app.register(scimMappingRoutes(context));
  app.register(planFeatureRoutes(context));
  app.register(deletionRoutes(context));
  app.register(embedRoutes(context));
  app.register(tenantRoutes(context));
  app.register(tenantMetricsRoutes(context));
  app.register(tenantPlanRoutes(context));
  app.register(lifecycleRoutes(context));
  app.register(anomalyRoutes(context));
  app.register(neighborRoutes(context));
  app.register(throttleRoutes(context));
  app.register(breakerRoutes(context));
  app.register(alertRoutes(context));
  app.register(alertRouteRoutes(context));
  app.register(capRoutes(context));
  app.register(spendRoutes(context));
  app.register(priceRoutes(context));
  app.register(salesRoutes(context));
  app.register(controlRoutes(context));
  app.register(deployRoutes(context));
  app.register(storageRoutes(context));
  app.register(storageTargetRoutes(context));
  app.register(billRoutes(context));
  app.register(billRuleRoutes(context));
  app.register(costRoutes(context));
  app.register(costTrendRoutes(context));
  app.register(flagRoutes(context, { times, monotonicNow }));
  app.register(flagInstanceRoutes(context));
  app.register(ofrepRoutes(context));
  app.register(ofrepEventRoutes(context));
  app.register(eventRoutes(context));
  app.register(meterRoutes(context));
  app.register(profileRoutes(context));
  app.register(revenueRoutes(context));
  app.register(marginRoutes(context));
  app.register(usageRoutes(context));
  app.register(queryRoutes(context));
  app.register(traceRoutes(context));
  app.register(latencyHeatRoutes(context));
  app.register(queryAuditRoutes(context));
  app.register(sqlRoutes(context));
  app.register(telemetryRoutes(context));
  app.register(exportRoutes(context));
  app.register(tenantArchiveRoutes(context));
  app.register(statementRoutes(context));
  app.register(reportScheduleRoutes(context));
  if (publicDir !== undefined) app.register(dashboardFiles(publicDir, answerUnknownRoute, embedOrigins));
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
  addRoutes(app, context, options);
  return app;
}
