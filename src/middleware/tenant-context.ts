import { type Context, context, createContextKey, trace } from '@opentelemetry/api';
import { processCounters } from './counters.ts';
import { tenantOfSpan } from './span-records.ts';
import { makeTenant, type Tenant } from './tenant.ts';

// Never propagated: unlike baggage, a value under this key does not leave the process and no caller can set it.
const TENANT_KEY = createContextKey('tenantry tenant');

/** `parent` with the tenant set. `undefined` clears it: nothing of an outer tenant is inherited. */
export function contextOf(parent: Context, tenant: Tenant | undefined): Context {
  // null and not undefined: "certainly nobody" must not fall back to the active span's tenant.
  return parent.setValue(TENANT_KEY, tenant ?? null);
}

/** The tenant of a context: its own, else that of the active span in it. */
export function tenantIn(ctx: Context): Tenant | undefined {
  const own = ctx.getValue(TENANT_KEY) as Tenant | null | undefined;
  if (own !== undefined) return own ?? undefined;
  const span = trace.getSpan(ctx);
  return span === undefined ? undefined : tenantOfSpan(span);
}

/** The tenant for whom the running code works, or undefined. */
export function currentTenant(): Tenant | undefined {
  return tenantIn(context.active());
}

/**
 * Runs `fn` on behalf of a tenant: for queue workers, schedules and scripts. Every span started inside carries it,
 * also after `await`. A malformed id runs `fn` without any tenant (counted as `tenant_malformed`).
 * @returns what `fn` returns
 */
export function runAsTenant<T>(
  tenant: string | { readonly tenantId: string; readonly plan?: string; readonly userId?: string },
  fn: () => T,
): T {
  const details = typeof tenant === 'string' ? { tenantId: tenant } : tenant;
  const made = makeTenant(details.tenantId, 'explicit', details);
  if (made === undefined) processCounters.add('tenant_malformed');
  return context.with(contextOf(context.active(), made), fn);
}
