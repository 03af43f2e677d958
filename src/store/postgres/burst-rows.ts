import type { BurstLot } from '../../domain/burst.ts';
import type { QuotaPeriod } from '../../domain/plan.ts';
import { unixMs } from './sql-time.ts';

/** Whole numbers of any size come as text. */
export interface LotRow {
  readonly period: QuotaPeriod;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly quota: string;
  readonly used: string;
  readonly earned: string;
  readonly remaining: string;
  readonly expires_ms: number;
}

export const LOT_COLUMNS = `period, ${unixMs('period_start')} as from_ms, ${unixMs('period_end')} as to_ms,
  quota::text, used::text, earned::text, remaining::text, ${unixMs('expires_at')} as expires_ms`;

export function lotOf(row: LotRow): BurstLot {
  return {
    period: row.period,
    window: { from: row.from_ms, to: row.to_ms },
    quota: BigInt(row.quota),
    used: BigInt(row.used),
    earned: BigInt(row.earned),
    remaining: BigInt(row.remaining),
    expiresAt: row.expires_ms,
  };
}
