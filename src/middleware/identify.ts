/** Who a request is for, or why nobody knows. */
import type { CounterName } from './counters.ts';
import { type Count, countSafely, guarded } from './guard.ts';
import type { Tenant } from './tenant.ts';
import { findTenant, type SourceRequest, type TenantSource } from './tenant-source.ts';

/**
 * Why a request has no tenant: nothing named one (`missing`), a credential did not hold (`rejected`), a tenant was named
 * that is malformed or that the caller may not name (`refused`), or a source failed (`failed`), which must not be held
 * against the request.
 */
type Nobody = 'missing' | 'rejected' | 'refused' | 'failed';

export type Identified = { readonly tenant: Tenant } | { readonly nobody: Nobody };

const REASONS: Partial<Record<CounterName, Nobody>> = {
  tenant_source_failed: 'failed',
  tenant_malformed: 'refused',
  header_untrusted: 'refused',
  baggage_untrusted: 'refused',
  jwt_rejected: 'rejected',
  api_key_rejected: 'rejected',
};
const WEIGHT: Record<Nobody, number> = { missing: 0, rejected: 1, refused: 2, failed: 3 };
const FAILED: Identified = { nobody: 'failed' };

/** Asks the sources in order. Never throws and never rejects; synchronous when the sources are. */
export function identify(
  sources: readonly TenantSource[],
  request: SourceRequest,
  timeoutMs: number,
  count: Count,
): Identified | Promise<Identified> {
  let nobody: Nobody = 'missing';
  const find = () =>
    findTenant(sources, request, (name) => {
      const reason = REASONS[name] ?? 'missing';
      if (WEIGHT[reason] > WEIGHT[nobody]) nobody = reason;
      countSafely(count, name);
    });
  const conclude = (tenant: Tenant | undefined): Identified => (tenant === undefined ? { nobody } : { tenant });
  return guarded<Identified | Promise<Identified>>(
    count,
    'hook_failed',
    () => {
      const found = find();
      return found instanceof Promise ? inTime(found.then(conclude), timeoutMs, count) : conclude(found);
    },
    FAILED,
  );
}

async function inTime(identified: Promise<Identified>, timeoutMs: number, count: Count): Promise<Identified> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Identified>((resolve) => {
    timer = setTimeout(() => {
      countSafely(count, 'tenant_source_timeout');
      resolve(FAILED);
    }, timeoutMs);
  });
  try {
    return await Promise.race([identified, timeout]);
  } catch {
    countSafely(count, 'hook_failed');
    return FAILED;
  } finally {
    clearTimeout(timer);
  }
}
