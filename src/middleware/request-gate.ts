/** What every framework adapter does with a request: find its tenant, mark its spans, ask the throttles. */
import { type Context, context } from '@opentelemetry/api';
import { THROTTLE_MODE_ATTRIBUTE, THROTTLED_ATTRIBUTE } from '../domain/attributes.ts';
import { processCounters } from './counters.ts';
import { type Count, countSafely, guarded } from './guard.ts';
import { type Refusal, tenantRefusal, throttleRefusal } from './refusal.ts';
import { type Ending, RequestEnd } from './request-end.ts';
import { serverSpanIn, setRoute } from './server-span.ts';
import { identifyTrace } from './span-records.ts';
import type { Tenant } from './tenant.ts';
import { contextOf } from './tenant-context.ts';
import { findTenant, type SourceRequest, type TenantSource } from './tenant-source.ts';
import type { Tenantry } from './tenantry.ts';

export interface GateOptions {
  readonly tenantry: Tenantry;
  /** Asked in this order; the first that names a well-formed tenant wins. */
  readonly sources: readonly TenantSource[];
  /** Answer 400 to requests that name no tenant. Default false. Not a replacement for authentication. */
  readonly requireTenant?: boolean;
  /**
   * Routes (or paths) that no throttle and no `requireTenant` applies to. Default: the usual health checks and
   * `/metrics`. `OPTIONS` requests are exempt everywhere.
   */
  readonly exemptRoutes?: readonly string[];
  /** Longest wait for asynchronous sources, in milliseconds; after it the request goes on without a tenant. Default 2,000. */
  readonly identifyTimeoutMs?: number;
}

export interface GateRequest extends SourceRequest {
  readonly method: string | undefined;
  /** The router's template, if it is known by now. */
  readonly route: string | undefined;
}

/** How the request goes on. */
export interface Passage {
  /** The context to run the rest of the request in. */
  readonly context: Context;
  /** Set when the request is to be answered at once. */
  readonly refusal: Refusal | undefined;
  /**
   * The adapter calls it exactly once when the response is finished or the connection is closed, for refused requests
   * too. Gives back what the request held (see RequestEnd.add) and hands its figures on. Never throws.
   */
  finish(ending: Ending): void;
}

interface Decision {
  readonly inside: Context;
  readonly refusal: Refusal | undefined;
}

const HEALTH_ROUTES = ['/health', '/healthz', '/livez', '/readyz', '/metrics'];
const IDENTIFY_TIMEOUT_MS = 2_000;

/** `undefined`: nobody named one. `failed`: something went wrong, which must not be held against the request. */
type Identified = Tenant | undefined | 'failed';

export class RequestGate {
  readonly #options: GateOptions;
  readonly #exempt: ReadonlySet<string>;
  readonly #count: Count;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#exempt = new Set(options.exemptRoutes ?? HEALTH_ROUTES);
    this.#count = (name) => options.tenantry.count(name);
  }

  /**
   * Never throws and never rejects. Synchronous when the sources are.
   */
  enter(request: GateRequest): Passage | Promise<Passage> {
    const ctx = context.active();
    const identified = guarded<Identified | Promise<Identified>>(
      this.#count,
      'hook_failed',
      () => this.#identify(request),
      'failed',
    );
    if (!(identified instanceof Promise)) return this.#pass(request, ctx, identified);
    return identified.then(
      (tenant) => this.#pass(request, ctx, tenant),
      () => {
        countSafely(this.#count, 'hook_failed');
        return this.#pass(request, ctx, 'failed');
      },
    );
  }

  #identify(request: GateRequest): Identified | Promise<Identified> {
    let failed = false;
    const found = findTenant(this.#options.sources, request, (name) => {
      failed ||= name === 'tenant_source_failed';
      countSafely(this.#count, name);
    });
    const conclude = (tenant: Tenant | undefined): Identified => tenant ?? (failed ? 'failed' : undefined);
    return found instanceof Promise ? this.#inTime(found.then(conclude)) : conclude(found);
  }

  async #inTime(identified: Promise<Identified>): Promise<Identified> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'failed'>((resolve) => {
      timer = setTimeout(() => {
        countSafely(this.#count, 'tenant_source_timeout');
        resolve('failed');
      }, this.#options.identifyTimeoutMs ?? IDENTIFY_TIMEOUT_MS);
    });
    return await Promise.race([identified, timeout]).finally(() => clearTimeout(timer));
  }

  #pass(request: GateRequest, ctx: Context, identified: Identified): Passage {
    const end = new RequestEnd(ctx, this.#count);
    const finish = (ending: Ending) => end.finish(ending);
    const { inside, refusal } = guarded(this.#count, 'hook_failed', () => this.#decide(request, ctx, identified, end), {
      inside: ctx,
      refusal: undefined,
    });
    end.refused = refusal !== undefined;
    return { context: inside, refusal, finish };
  }

  #decide(request: GateRequest, ctx: Context, identified: Identified, end: RequestEnd): Decision {
    const tenant = identified === 'failed' ? undefined : identified;
    end.tenant = tenant;
    end.route = request.route;
    const inside = contextOf(ctx, tenant);
    guarded(this.#count, 'span_stamp_failed', () => mark(ctx, tenant, request.route), undefined);
    const exempt = this.#isExempt(request);
    if (tenant === undefined) {
      if (identified !== 'failed') this.#count('tenant_missing');
      const refused = this.#options.requireTenant === true && identified !== 'failed' && !exempt;
      return { inside, refusal: refused ? tenantRefusal() : undefined };
    }
    if (exempt) return { inside, refusal: undefined };
    const refusal = guarded(this.#count, 'throttle_failed', () => this.#throttle(ctx, tenant, request), undefined);
    return { inside, refusal };
  }

  #isExempt(request: GateRequest): boolean {
    // A CORS preflight carries no credentials, so it can name no tenant, and refusing it breaks the request behind it.
    if (request.method === 'OPTIONS') return true;
    return this.#exempt.has(request.route ?? request.url.replace(/[?#].*$/s, ''));
  }

  #throttle(ctx: Context, tenant: Tenant, { route, method }: GateRequest): Refusal | undefined {
    const { tenantry } = this.#options;
    const decision = tenantry.checkThrottle({ tenantId: tenant.tenantId, route, method });
    if (decision.flagId === undefined) return undefined;
    countSafely(this.#count, decision.allowed ? 'throttle_shadow_refused' : 'throttle_refused');
    guarded(
      this.#count,
      'span_stamp_failed',
      () =>
        serverSpanIn(ctx)?.setAttributes({
          [THROTTLED_ATTRIBUTE]: true,
          [THROTTLE_MODE_ATTRIBUTE]: decision.mode ?? 'enforce',
        }),
      undefined,
    );
    return decision.allowed ? undefined : throttleRefusal(decision);
  }
}

/** Marks the request's server span and whatever was started below it before the tenant was known. */
function mark(ctx: Context, tenant: Tenant | undefined, route: string | undefined): void {
  if (route !== undefined) setRoute(ctx, route);
  const span = serverSpanIn(ctx);
  if (span !== undefined && tenant !== undefined) identifyTrace(span, tenant, processCounters);
}

/**
 * Runs `next` in `ctx`, exactly once even if the context manager fails. What `next` throws is the app's and goes on.
 */
export function enterContext(ctx: Context, next: () => void, count: Count): void {
  let entered = false;
  try {
    context.with(ctx, () => {
      entered = true;
      next();
    });
  } catch (error) {
    if (entered) throw error;
    countSafely(count, 'hook_failed');
    next();
  }
}
