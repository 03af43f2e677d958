/** Wire types of quotas and burst credits; times are RFC 3339. Part of `contract.ts`. */
import type { CapItem } from './spend-contract.ts';

export interface QuotaItem {
  tenant_id: string;
  plan: string;
  key: string;
  unit: string;
  period: 'day' | 'month';
  kind: 'hard' | 'soft';
  limit: number;
  /** null: not measured, which is not zero. */
  used: number | null;
  share: number | null;
  state: 'unknown' | 'ok' | 'reached_70' | 'reached_90' | 'reached_100';
  burst_spent: number;
  period_start: string;
  period_end: string;
  forecast: CapItem['forecast'];
}

export interface QuotaList {
  items: QuotaItem[];
  next_cursor: string | null;
}

export interface BurstAccountItem {
  tenant_id: string;
  key: string;
  unit: string;
  balance: number;
  earned: number;
  spent: number;
  expired: number;
  lots: { period_start: string; period_end: string; earned: number; remaining: number; expires_at: string }[];
}

export interface BurstAccountList {
  items: BurstAccountItem[];
  next_cursor: string | null;
}

export interface BurstEntryItem {
  tenant_id: string;
  key: string;
  kind: 'earned' | 'spent' | 'expired';
  debit: string;
  credit: string;
  amount: number;
  lot_start: string;
  at: string;
  reference: string;
  reason: string;
  booked_by: string;
}

export interface BurstEntryList {
  items: BurstEntryItem[];
  next_cursor: string | null;
}

export interface BurstReceipt {
  outcome: 'spent' | 'refused';
  spent: number;
  balance: number;
}
