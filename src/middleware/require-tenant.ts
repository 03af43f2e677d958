/** Routes that must have a tenant: the judgement that every adapter's `requireTenant` shares. */
import type { Identified } from './identify.ts';
import { type Refusal, tenantMissing, tenantNotAllowed, tenantUnknown } from './refusal.ts';
import type { Tenant } from './tenant.ts';
import { currentTenant } from './tenant-context.ts';

/** Options of each adapter's `requireTenant`. */
export interface RequireTenantOptions {
  /** Whether this tenant may: false answers 403. What it throws goes to the app's own error handling. */
  readonly allow?: (tenant: Tenant) => boolean | Promise<boolean>;
  /**
   * What becomes of requests whose tenant could not be found out because a source failed: `pass` them (the middleware
   * breaks nothing; the default) or `refuse` them with 503.
   */
  readonly whenUnknown?: 'pass' | 'refuse';
}

// On the server's own request object, which every layer of a framework shares. A WeakMap costs half a microsecond a request where
// this costs nothing. Symbol.for, so that two copies of this package in one app see the same.
const IDENTITY: unique symbol = Symbol.for('tenantry.identity') as never;

interface IdentifiedRequest {
  [IDENTITY]?: Identified;
}

/** Remembers how a request was identified, for `requireTenant` on its route. */
export function rememberIdentity(request: object, identified: Identified): void {
  (request as IdentifiedRequest)[IDENTITY] = identified;
}

/** How an adapter identified a request; undefined when none has seen it. */
export function identityOf(request: object): Identified | undefined {
  return (request as IdentifiedRequest)[IDENTITY];
}

/** The answer to a request without an acceptable tenant, or undefined when it may go on. */
export function refusalOf(identified: Identified, options: RequireTenantOptions = {}): Refusal | undefined {
  if ('tenant' in identified) return undefined;
  switch (identified.nobody) {
    case 'missing':
      return tenantMissing(false);
    case 'rejected':
      return tenantMissing(true);
    case 'refused':
      return tenantNotAllowed();
    case 'failed':
      return options.whenUnknown === 'refuse' ? tenantUnknown() : undefined;
  }
}

/**
 * Judges a request by what the adapter found. A request that no adapter has seen has the current tenant, if any.
 * Throws or rejects only with what `allow` threw. Synchronous when `allow` is.
 */
export function judgeTenant(
  request: object,
  options: RequireTenantOptions,
): Refusal | undefined | Promise<Refusal | undefined> {
  const current = currentTenant();
  const identified = identityOf(request) ?? (current ? { tenant: current } : { nobody: 'missing' });
  const refusal = refusalOf(identified, options);
  if (refusal !== undefined || !('tenant' in identified) || options.allow === undefined) return refusal;
  const verdict = (allowed: boolean) => (allowed === true ? undefined : tenantNotAllowed());
  const allowed = options.allow(identified.tenant);
  return allowed instanceof Promise ? allowed.then(verdict) : verdict(allowed);
}
