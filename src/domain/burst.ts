/** Words of burst credits: what a tenant left over of its quotas and may use later on. */
import type { QuotaKey, QuotaPeriod } from './plan.ts';
import type { TenantId } from './tenant-id.ts';
import type { Window } from './window.ts';

/** What one closed period earned, and what is left of it. In the key's unit; times are Unix ms. */
export interface BurstLot {
  readonly period: QuotaPeriod;
  readonly window: Window;
  readonly quota: bigint;
  readonly used: bigint;
  readonly earned: bigint;
  readonly remaining: bigint;
  readonly expiresAt: number;
}

/** An account with what has gone through it; `earned` = `balance` + `spent` + `expired`. */
export interface BurstAccount {
  readonly tenantId: TenantId;
  readonly key: QuotaKey;
  /** What can be spent now. */
  readonly balance: bigint;
  readonly earned: bigint;
  readonly spent: bigint;
  /** With what has ended and is not booked yet. */
  readonly expired: bigint;
  /** Those that hold something and have not ended, those that end first before others. */
  readonly lots: readonly BurstLot[];
}

export const BURST_KINDS = ['earned', 'spent', 'expired'] as const;
export type BurstKind = (typeof BURST_KINDS)[number];

/** One line of the ledger: so much from one account (debit) to the other (credit). */
export interface BurstEntry {
  readonly tenantId: TenantId;
  readonly seq: number;
  readonly key: QuotaKey;
  readonly kind: BurstKind;
  readonly debit: string;
  readonly credit: string;
  readonly amount: bigint;
  /** Start of the period that earned the credits. Unix ms, as `at`. */
  readonly lotStart: number;
  readonly at: number;
  readonly reference: string;
  readonly reason: string;
  readonly bookedBy: string;
}

/** Somebody wants to use more than the quota, and pay with credits. */
export interface BurstSpend {
  readonly tenantId: TenantId;
  readonly key: QuotaKey;
  readonly amount: bigint;
  /** Made up by the caller, so that a repeated request is booked once. */
  readonly id: string;
  readonly reason: string;
}

/** `refused`: there is less than asked for, and nothing was taken. */
export interface BurstSpendAnswer {
  readonly outcome: 'spent' | 'refused';
  readonly spent: bigint;
  readonly balance: bigint;
}
