import { isTenantId, type TenantId, UNATTRIBUTED_TENANT, UNKNOWN_TENANT } from '../../../domain/tenant-id.ts';
import { compareText } from '../../../domain/text-order.ts';
import type { TableEstimate } from './table-sampler.ts';
import type { TableFacts } from './table-source.ts';

/** Shares of a whole number by weights, which add up to it exactly. */
export type ShareOut = (amount: bigint, weights: readonly bigint[]) => bigint[];

/** What one tenant has in one table. `(unattributed)` has the free space, `(unknown)` the rows without a tenant. */
export interface TableSize {
  readonly tenantId: TenantId;
  readonly bytes: bigint;
  readonly errorBytes: bigint;
  readonly rows: bigint;
  readonly method: string;
}

/** Weights are whole numbers of 1/1024 byte. */
const FINENESS = 1_024;

export function totalBytesOf(facts: TableFacts): bigint {
  return (
    facts.heapBytes + facts.toastBytes + facts.plainIndexBytes + facts.partialIndexBytes.reduce((a, b) => a + b, 0n)
  );
}

/** The whole size of the table, to the byte, shared out by what was estimated. */
export function tableSizes(facts: TableFacts, estimate: TableEstimate, shareOut: ShareOut): TableSize[] {
  const total = totalBytesOf(facts);
  if (total === 0n) return [];
  const known = merged(estimate);
  const estimated = known.reduce((sum, { bytes }) => sum + bytes, 0);
  const attributed = Math.min(estimate.attributedBytes, Number(total));
  const scale = estimated === 0 ? 0 : attributed / estimated;
  const weights = known.map(({ bytes }) => BigInt(Math.round(bytes * scale * FINENESS)));
  const free = BigInt(Math.round(Math.max(0, Number(total) - (estimated === 0 ? 0 : attributed)) * FINENESS));
  const shares = shareOut(total, [...weights, free === 0n && weights.every((weight) => weight === 0n) ? 1n : free]);
  const sizes = known.map(({ tenantId, error, rows, method }, index) => ({
    tenantId,
    bytes: shares[index] ?? 0n,
    errorBytes: BigInt(Math.ceil(error * scale)),
    rows: BigInt(Math.round(rows)),
    method,
  }));
  const unattributed = { tenantId: UNATTRIBUTED_TENANT, bytes: shares.at(-1) ?? 0n, errorBytes: 0n, rows: 0n };
  return [...sizes, { ...unattributed, method: 'free space' }];
}

interface Known {
  readonly tenantId: TenantId;
  readonly bytes: number;
  readonly error: number;
  readonly rows: number;
  readonly method: string;
}

/** In the order of ids. What is no tenant's name goes together with the rows that have none. */
function merged({ tenants }: TableEstimate): Known[] {
  const known = new Map<TenantId, Known>();
  for (const { tenant, bytes, error, rows, method } of tenants) {
    const tenantId = isTenantId(tenant) ? tenant : UNKNOWN_TENANT;
    const before = known.get(tenantId);
    known.set(tenantId, {
      tenantId,
      bytes: bytes + (before?.bytes ?? 0),
      error: Math.hypot(error, before?.error ?? 0),
      rows: rows + (before?.rows ?? 0),
      method,
    });
  }
  return [...known.values()].toSorted((left, right) => compareText(left.tenantId, right.tenantId));
}
