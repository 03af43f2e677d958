/** Bills in words. */
import type { AllocationChange, BillDetail, BillItem } from '../../../src/api/bills-contract.ts';

export const BILL_TABS = [
  ['/bills', 'Bills'],
  ['/bills/rules', 'Allocation rules'],
] as const;

export const STATE_LABELS: Readonly<Record<BillItem['state'], string>> = {
  importing: 'Coming in',
  current: 'Counts',
  superseded: 'Replaced',
  removed: 'Removed',
};

export function formatText({ format, focus_version: version }: Pick<BillItem, 'format' | 'focus_version'>): string {
  if (format === 'aws-cur') return 'AWS CUR';
  if (format === 'simple') return 'Simple CSV';
  return version === null ? 'FOCUS' : `FOCUS ${version}`;
}

/** Half-open days in UTC: "2026-11-01 to 2026-11-30", both included. */
export function daysText(from: string, to: string): string {
  const first = from.slice(0, 10);
  const last = new Date(Date.parse(to) - 1).toISOString().slice(0, 10);
  return first === last ? first : `${first} to ${last}`;
}

/** Who bills: all issuers of a bill's parts. */
export function issuersText({ identities }: Pick<BillItem, 'identities'>): string {
  return [...new Set(identities.map(({ issuer }) => issuer))].join(', ');
}

type Shares = Pick<
  BillDetail['allocation'],
  'bill_micro' | 'tenants' | 'shared_micro' | 'idle_micro' | 'unallocated_micro' | 'residual_micro'
>;

export function tenantsSum({ tenants }: Pick<Shares, 'tenants'>): number {
  return tenants.reduce((sum, { cost_micro: micro }) => sum + micro, 0);
}

/** Part of the bill that tenants bear; null where the bill comes to nothing, or credits outweigh it. */
export function coverageOf(shares: Shares): number | null {
  const covered = tenantsSum(shares);
  return shares.bill_micro > 0 && covered >= 0 ? covered / shares.bill_micro : null;
}

export interface DifferenceRow {
  readonly tenantId: string;
  readonly before: number;
  readonly after: number;
  readonly difference: number;
}

export function differenceRows({ differences }: Pick<AllocationChange, 'differences'>): DifferenceRow[] {
  return differences.map(({ tenant_id: tenantId, before_micro: before, after_micro: after }) => ({
    ...{ tenantId, before, after, difference: after - before },
  }));
}
