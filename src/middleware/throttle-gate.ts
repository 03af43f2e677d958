/** The throttles' part of the gate: what a request is labelled as, whether it may go on, what its answer says of it. */
import type { Context } from '@opentelemetry/api';
import { THROTTLE_MODE_ATTRIBUTE, THROTTLED_ATTRIBUTE } from '../domain/attributes.ts';
import { type Count, countSafely, guarded } from './guard.ts';
import { type Refusal, throttleRefusal } from './refusal.ts';
import type { RequestEnd } from './request-end.ts';
import { serverSpanIn } from './server-span.ts';
import type { Tenant } from './tenant.ts';
import type { SourceRequest } from './tenant-source.ts';
import type { Tenantry } from './tenantry.ts';
import type { ThrottleDecision } from './throttle.ts';
import { rateLimitFields } from './throttle-fields.ts';
import type { Priority } from './throttle-meter.ts';

/** What the app knows of a request that throttles take into account. */
export interface RequestLabel {
  /** Names a kind of expensive request (`report`), so that a throttle can hold back that kind alone. */
  readonly costClass?: string;
  /** Tokens that the request takes from a bucket; default 1. */
  readonly weight?: number;
  /** `batch` is refused first when a limit runs low. Default `interactive`. */
  readonly priority?: Priority;
}

export interface LabelledRequest extends SourceRequest {
  readonly method: string | undefined;
  readonly route: string | undefined;
}

/** By route (`/reports/:id`, or `GET /reports/:id`, which wins), or a function of the request. */
export type RequestLabels =
  | Readonly<Record<string, RequestLabel>>
  | ((request: LabelledRequest) => RequestLabel | undefined);

/** How a request goes on, as far as throttles are concerned. */
export interface Admission {
  readonly refusal: Refusal | undefined;
  /** For the app's answer, where a throttle lets the request through. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

const ADMITTED: Admission = { refusal: undefined, headers: undefined };
const NO_LABEL: RequestLabel = {};

function labelFinder(labels: RequestLabels | undefined): (request: LabelledRequest) => RequestLabel {
  if (labels === undefined) return () => NO_LABEL;
  if (typeof labels === 'function') return (request) => labels(request) ?? NO_LABEL;
  const byRoute = new Map(Object.entries(labels));
  return ({ method, route = '' }) =>
    byRoute.get(`${method === 'HEAD' ? 'GET' : method} ${route}`) ?? byRoute.get(route) ?? NO_LABEL;
}

export class ThrottleGate {
  readonly #tenantry: Tenantry;
  readonly #count: Count;
  readonly #labelOf: (request: LabelledRequest) => RequestLabel;

  constructor(tenantry: Tenantry, labels: RequestLabels | undefined) {
    this.#tenantry = tenantry;
    this.#count = (name) => tenantry.count(name);
    this.#labelOf = labelFinder(labels);
  }

  /**
   * Asks the throttles for one request; slots that it holds are given back at its `end`. Never throws or rejects.
   * Synchronous unless the app counts exactly (`exactLimits`) and the tenant is under a throttle.
   */
  admit(ctx: Context, tenant: Tenant, request: LabelledRequest, end: RequestEnd): Admission | Promise<Admission> {
    let decision: ThrottleDecision | Promise<ThrottleDecision>;
    try {
      decision = this.#ask(tenant, request);
    } catch {
      countSafely(this.#count, 'throttle_failed');
      return ADMITTED;
    }
    if (!(decision instanceof Promise)) return this.#admission(ctx, decision, end);
    return decision.then(
      (known) => this.#admission(ctx, known, end),
      () => {
        countSafely(this.#count, 'throttle_failed');
        return ADMITTED;
      },
    );
  }

  #admission(ctx: Context, decision: ThrottleDecision, end: RequestEnd): Admission {
    try {
      return this.#conclude(ctx, decision, end);
    } catch {
      countSafely(this.#count, 'throttle_failed');
      return ADMITTED;
    }
  }

  #label(request: LabelledRequest): RequestLabel {
    try {
      return this.#labelOf(request);
    } catch {
      countSafely(this.#count, 'label_failed');
      return NO_LABEL;
    }
  }

  #ask(tenant: Tenant, request: LabelledRequest): ThrottleDecision | Promise<ThrottleDecision> {
    const label = this.#label(request);
    return this.#tenantry.admit({
      tenantId: tenant.tenantId,
      service: undefined,
      route: request.route,
      method: request.method,
      costClass: label.costClass,
      weight: label.weight,
      priority: label.priority,
      holdsSlot: true,
    });
  }

  #conclude(ctx: Context, decision: ThrottleDecision, end: RequestEnd): Admission {
    if (decision.release !== undefined) end.add(decision.release);
    if (decision.flagId === undefined) {
      return decision.quota === undefined ? ADMITTED : { refusal: undefined, headers: rateLimitFields(decision.quota) };
    }
    countSafely(this.#count, decision.allowed ? 'throttle_shadow_refused' : 'throttle_refused');
    if (!decision.allowed && decision.exceeded === 'concurrency')
      countSafely(this.#count, 'throttle_refused_concurrency');
    const marks = { [THROTTLED_ATTRIBUTE]: true, [THROTTLE_MODE_ATTRIBUTE]: decision.mode ?? 'enforce' };
    guarded(this.#count, 'span_stamp_failed', () => serverSpanIn(ctx)?.setAttributes(marks), undefined);
    if (!decision.allowed) return { refusal: throttleRefusal(decision), headers: undefined };
    return { refusal: undefined, headers: decision.quota && rateLimitFields(decision.quota) };
  }
}
