/** What every framework adapter does with a request: find its tenant, mark its spans, ask suspensions and throttles. */
import { type Context, context } from '@opentelemetry/api';
import { withoutTenantBaggage } from './baggage.ts';
import { processCounters } from './counters.ts';
import { type Count, countSafely } from './guard.ts';
import { type Identified, identify } from './identify.ts';
import type { Refusal } from './refusal.ts';
import { type Ending, RequestEnd } from './request-end.ts';
import { refusalOf } from './require-tenant.ts';
import { serverSpanIn, setRoute } from './server-span.ts';
import { identifyTrace } from './span-records.ts';
import { isOneOf, SuspensionGate } from './suspension-gate.ts';
import type { Tenant } from './tenant.ts';
import { contextOf } from './tenant-context.ts';
import type { SourceRequest, TenantSource } from './tenant-source.ts';
import type { Tenantry } from './tenantry.ts';
import { type RequestLabels, ThrottleGate } from './throttle-gate.ts';

/** Options that every adapter has. */
export interface GateOptions {
  readonly tenantry: Tenantry;
  /** Asked in this order; the first that names a well-formed tenant wins. */
  readonly sources: readonly TenantSource[];
  /**
   * Answer 401 to requests that name no tenant and 403 to those whose tenant is malformed or not the caller's to name.
   * Default false; each adapter also has a `requireTenant` for single routes. Not a replacement for authentication.
   */
  readonly requireTenant?: boolean;
  /**
   * Routes (or paths) that no throttle and no `requireTenant` applies to. Default: the usual health checks and
   * `/metrics`. `OPTIONS` requests are exempt everywhere.
   */
  readonly exemptRoutes?: readonly string[];
  /**
   * Routes (or paths) that stay open to tenants that are suspended: where they pay, sign in, take their data away. Closed
   * tenants are refused there too. Default: none.
   */
  readonly openWhenSuspended?: readonly string[];
  /** Longest wait for asynchronous sources, in milliseconds; after it the request goes on without a tenant. Default 2,000. */
  readonly identifyTimeoutMs?: number;
  /** What throttles are to know of requests: cost class, weight, and whether they are interactive or batch. */
  readonly labels?: RequestLabels;
}

export interface GateRequest extends SourceRequest {
  readonly method: string | undefined;
  /** The router's template, if it is known by now. */
  readonly route: string | undefined;
}

/** How the request goes on. */
export interface Passage {
  readonly identified: Identified;
  /** The context to run the rest of the request in. */
  readonly context: Context;
  /** Set when the request is to be answered at once. */
  readonly refusal: Refusal | undefined;
  /** For the app's answer where it is not refused: what is left of the tenant's limit. Undefined for most requests. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /**
   * The adapter calls it exactly once when the response is finished or the connection is closed, for refused requests
   * too. Gives back what the request held (see RequestEnd.add) and hands its figures on. Never throws.
   */
  finish(ending: Ending): void;
}

interface Decision {
  readonly inside: Context;
  readonly refusal: Refusal | undefined;
  /** Whose throttles are to be asked; undefined: nobody's. */
  readonly subject: Tenant | undefined;
}

class EndingPassage implements Passage {
  readonly identified: Identified;
  readonly context: Context;
  readonly refusal: Refusal | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly #end: RequestEnd;

  constructor(
    identified: Identified,
    ctx: Context,
    refusal: Refusal | undefined,
    headers: Readonly<Record<string, string>> | undefined,
    end: RequestEnd,
  ) {
    this.identified = identified;
    this.context = ctx;
    this.refusal = refusal;
    this.headers = headers;
    this.#end = end;
    end.refused = refusal !== undefined;
  }

  finish(ending: Ending): void {
    this.#end.finish(ending);
  }
}

const HEALTH_ROUTES = ['/health', '/healthz', '/livez', '/readyz', '/metrics'];
const IDENTIFY_TIMEOUT_MS = 2_000;

export class RequestGate {
  readonly #options: GateOptions;
  readonly #exempt: ReadonlySet<string>;
  readonly #suspensions: SuspensionGate;
  readonly #count: Count;
  readonly #throttles: ThrottleGate;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#throttles = new ThrottleGate(options.tenantry, options.labels);
    this.#exempt = new Set(options.exemptRoutes ?? HEALTH_ROUTES);
    this.#suspensions = new SuspensionGate(options.tenantry, options.openWhenSuspended ?? []);
    this.#count = (name) => options.tenantry.count(name);
  }

  /**
   * Never throws and never rejects. Synchronous when the sources are.
   */
  enter(request: GateRequest): Passage | Promise<Passage> {
    const { sources, identifyTimeoutMs = IDENTIFY_TIMEOUT_MS } = this.#options;
    const ctx = context.active();
    const identified = identify(sources, request, identifyTimeoutMs, this.#count);
    return identified instanceof Promise
      ? identified.then((known) => this.#pass(request, ctx, known))
      : this.#pass(request, ctx, identified);
  }

  #pass(request: GateRequest, ctx: Context, identified: Identified): Passage | Promise<Passage> {
    const end = new RequestEnd(ctx, this.#count);
    let decision: Decision;
    try {
      decision = this.#decide(request, ctx, identified, end);
    } catch {
      countSafely(this.#count, 'hook_failed');
      decision = { inside: ctx, refusal: undefined, subject: undefined };
    }
    const { inside, subject } = decision;
    if (subject === undefined) return new EndingPassage(identified, inside, decision.refusal, undefined, end);
    const admission = this.#throttles.admit(ctx, subject, request, end);
    if (admission instanceof Promise) {
      return admission.then(({ refusal, headers }) => new EndingPassage(identified, inside, refusal, headers, end));
    }
    return new EndingPassage(identified, inside, admission.refusal, admission.headers, end);
  }

  #decide(request: GateRequest, ctx: Context, identified: Identified, end: RequestEnd): Decision {
    const tenant = 'tenant' in identified ? identified.tenant : undefined;
    end.tenant = tenant;
    end.route = request.route;
    const inside = contextOf(this.#withoutTenantBaggage(ctx), tenant);
    try {
      mark(ctx, tenant, request.route);
    } catch {
      countSafely(this.#count, 'span_stamp_failed');
    }
    if ('nobody' in identified && identified.nobody !== 'failed') this.#count('tenant_missing');
    if (this.#isExempt(request)) return { inside, refusal: undefined, subject: undefined };
    if (tenant === undefined) {
      const { requireTenant = false } = this.#options;
      return { inside, refusal: requireTenant ? refusalOf(identified) : undefined, subject: undefined };
    }
    const refusal = this.#suspensions.refusal(ctx, tenant, request);
    return { inside, refusal, subject: refusal === undefined ? tenant : undefined };
  }

  #withoutTenantBaggage(ctx: Context): Context {
    try {
      return withoutTenantBaggage(ctx);
    } catch {
      countSafely(this.#count, 'hook_failed');
      return ctx;
    }
  }

  #isExempt(request: GateRequest): boolean {
    // A CORS preflight carries no credentials, so it can name no tenant, and refusing it breaks the request behind it.
    if (request.method === 'OPTIONS') return true;
    return isOneOf(this.#exempt, request);
  }
}

/** Marks the request's server span and whatever was started below it before the tenant was known. */
function mark(ctx: Context, tenant: Tenant | undefined, route: string | undefined): void {
  if (route !== undefined) setRoute(ctx, route);
  const span = serverSpanIn(ctx);
  if (span !== undefined && tenant !== undefined) identifyTrace(span, tenant, processCounters);
}

/**
 * Runs `next` in `ctx`, exactly once even if the context manager fails. What `next` returns or throws is the app's and
 * goes on.
 */
export function enterContext<T>(ctx: Context, next: () => T, count: Count): T {
  let entered = false;
  try {
    return context.with(ctx, () => {
      entered = true;
      return next();
    });
  } catch (error) {
    if (entered) throw error;
    countSafely(count, 'hook_failed');
    return next();
  }
}
