/** Suspensions' part of the gate: whether a request of a tenant that is suspended or closed may go on. */
import type { Context } from '@opentelemetry/api';
import { SUSPENDED_ATTRIBUTE } from '../domain/attributes.ts';
import type { Suspension } from './flags.ts';
import { type Count, countSafely, guarded } from './guard.ts';
import { type Refusal, tenantHeld } from './refusal.ts';
import { serverSpanIn } from './server-span.ts';
import type { Tenant } from './tenant.ts';
import type { Tenantry } from './tenantry.ts';

interface GatedRequest {
  readonly method: string | undefined;
  /** Path and query as received. */
  readonly url: string;
  /** The router's template, if it is known by now. */
  readonly route: string | undefined;
}

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Whether the request is for one of these routes or, while its route is not known, paths. */
export function isOneOf(routes: ReadonlySet<string>, { route, url }: GatedRequest): boolean {
  return routes.has(route ?? url.replace(/[?#].*$/s, ''));
}

export class SuspensionGate {
  readonly #tenantry: Tenantry;
  readonly #count: Count;
  readonly #open: ReadonlySet<string>;

  /** @param open routes or paths that tenants may use while they are suspended */
  constructor(tenantry: Tenantry, open: readonly string[]) {
    this.#tenantry = tenantry;
    this.#count = (name) => tenantry.count(name);
    this.#open = new Set(open);
  }

  /** The answer to a request that may not go on; undefined: it may. Never throws. */
  refusal(ctx: Context, { tenantId }: Tenant, request: GatedRequest): Refusal | undefined {
    // No closure for `guarded`: this runs for every request, and nearly always finds nothing.
    try {
      const suspension = this.#tenantry.suspension(tenantId);
      if (suspension === undefined || !this.#refuses(suspension, request)) return undefined;
      const refusal = tenantHeld(suspension);
      countSafely(this.#count, 'suspended_refused');
      guarded(
        this.#count,
        'span_stamp_failed',
        () => serverSpanIn(ctx)?.setAttribute(SUSPENDED_ATTRIBUTE, true),
        undefined,
      );
      return refusal;
    } catch {
      countSafely(this.#count, 'suspension_failed');
      return undefined;
    }
  }

  #refuses({ status, effect }: Suspension, request: GatedRequest): boolean {
    if (status === 'closed') return true;
    if (effect === 'read_only' && SAFE_METHODS.has(request.method)) return false;
    return !isOneOf(this.#open, request);
  }
}
