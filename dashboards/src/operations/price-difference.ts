/** Differences of a repricing, added up by tenant. */
import type { RepricingPreview } from '../../../src/api/prices-contract.ts';

export interface TenantDifference {
  readonly tenantId: string;
  /** Micro-US-dollars. */
  readonly before: number;
  readonly after: number;
  readonly difference: number;
  readonly models: readonly string[];
  readonly calls: number;
}

const PICO_DIGITS = 12;
const PICO_PER_MICRO = 1_000_000n;

/** Decimal dollars as pico-dollars, exactly. */
function picoOf(dollars: string): bigint {
  const [whole = '0', decimals = ''] = dollars.replace('-', '').split('.');
  const pico = BigInt(whole + decimals.slice(0, PICO_DIGITS).padEnd(PICO_DIGITS, '0'));
  return dollars.startsWith('-') ? -pico : pico;
}

/** Rounded to the nearest micro-dollar, halves away from zero, once for each sum. */
function microOf(pico: bigint): number {
  const half = PICO_PER_MICRO / 2n;
  return Number((pico < 0n ? pico - half : pico + half) / PICO_PER_MICRO);
}

/** One row a tenant, the largest change first. */
export function tenantDifferences(items: RepricingPreview['items']): TenantDifference[] {
  const sums = new Map<string, { before: bigint; after: bigint; models: Set<string>; calls: number }>();
  for (const { tenant_id: tenantId, before_usd, after_usd, model, calls } of items) {
    const sum = sums.get(tenantId) ?? { before: 0n, after: 0n, models: new Set<string>(), calls: 0 };
    sum.before += picoOf(before_usd);
    sum.after += picoOf(after_usd);
    sum.models.add(model);
    sum.calls += calls;
    sums.set(tenantId, sum);
  }
  return [...sums]
    .map(([tenantId, { before, after, models, calls }]) => ({
      tenantId,
      ...{ before: microOf(before), after: microOf(after), difference: microOf(after - before) },
      ...{ models: [...models].toSorted(), calls },
    }))
    .toSorted((a, b) => Math.abs(b.difference) - Math.abs(a.difference) || a.tenantId.localeCompare(b.tenantId));
}
