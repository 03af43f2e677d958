import { isReservedTenant } from '../domain/tenant-id.ts';
import type { TenantUsage, UsageKey } from '../domain/usage.ts';
import type { TenantUsageItem, UsageValue } from './usage-contract.ts';
import type { TenantCompute } from './usage-ports.ts';

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MILLION = 1_000_000n;

/** Exact in either form: readers that take JSON numbers for doubles lose nothing. */
export function valueToWire(value: bigint | null | undefined): UsageValue {
  if (value === undefined || value === null) return null;
  return value <= MAX_SAFE && value >= -MAX_SAFE ? Number(value) : String(value);
}

export function valuesToWire(metrics: readonly UsageKey[], values: TenantUsage['values']): Record<string, UsageValue> {
  return Object.fromEntries(metrics.map((metric) => [metric, valueToWire(values.get(metric))]));
}

/** Rounded down to a millionth. */
function share(part: bigint | null | undefined, whole: bigint | null | undefined): number | null {
  if (part === undefined || part === null || whole === undefined || whole === null || whole <= 0n) return null;
  return Number((part * MILLION) / whole) / Number(MILLION);
}

export function ratiosOf(values: TenantUsage['values']): TenantUsageItem['ratios'] {
  const hits = values.get('cache_hits');
  const misses = values.get('cache_misses');
  return {
    error_rate: share(values.get('errors'), values.get('requests')),
    cache_hit_rate: hits === undefined || misses === undefined ? null : share(hits, hits + misses),
    integration_error_rate: share(values.get('integration_errors'), values.get('integration_calls')),
    slow_db_call_rate: share(values.get('db_slow_calls'), values.get('db_calls')),
  };
}

/** Sums over everybody who is a tenant, which shares are of. */
export function computeOfAll(tenants: readonly TenantCompute[]): ComputeSums {
  const sums = { cpuNs: 0n, requestNs: 0n };
  for (const { tenantId, cpuNs, requestNs } of tenants) {
    if (isReservedTenant(tenantId)) continue;
    sums.cpuNs += cpuNs ?? 0n;
    sums.requestNs += requestNs ?? 0n;
  }
  return sums;
}

type ComputeSums = Readonly<Record<'cpuNs' | 'requestNs', bigint>>;

/** @param all absent: no shares are told */
export function computeToWire(
  compute: TenantCompute | undefined,
  all: ComputeSums | undefined,
): NonNullable<TenantUsageItem['compute']> {
  const { cpuNs = null, requestNs = null } = compute ?? {};
  const sums = compute === undefined || isReservedTenant(compute.tenantId) ? undefined : all;
  return {
    cpu_ns: valueToWire(cpuNs),
    request_ns: valueToWire(requestNs),
    cpu_share: share(cpuNs, sums?.cpuNs),
    request_time_share: share(requestNs, sums?.requestNs),
  };
}
