import { DEFAULT_SPEND_LADDER, type SpendCap } from '../../src/domain/spend.ts';
import type { SpendReport } from '../../src/domain/spend-wire.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

export const TENANT = 'acme' as TenantId;

/** A day's cap of one dollar on everything; tests change what they are about. */
export function spendCap(changes: Partial<SpendCap> = {}): SpendCap {
  return {
    tenantId: TENANT,
    plan: null,
    period: 'day',
    key: null,
    model: null,
    amountMicro: 1_000_000,
    currency: 'USD',
    timeZone: 'UTC',
    ladder: DEFAULT_SPEND_LADDER,
    onUnavailable: 'open',
    onUnpriced: 'allow',
    updatedBy: 'ada',
    updatedAt: 0,
    ...changes,
  };
}

/** A report of an open reservation of `TENANT` on which nothing happened. */
export function spendReport(id: string, changes: Partial<SpendReport> = {}): SpendReport {
  return {
    id,
    tenant_id: TENANT,
    spent_micro: 0,
    calls: 0,
    unpriced_calls: 0,
    excess_calls: 0,
    excess_micro: 0,
    largest_excess_micro: 0,
    in_flight: 0,
    closed: false,
    ...changes,
  };
}

export function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}
