/** A tenant's monthly statement: what it used, against what its plan includes, and what its AI calls come to. */
import type { QuotaStanding } from '../domain/quota.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { USAGE_UNITS, UsageMetric } from '../domain/usage.ts';
import type { Window } from '../domain/window.ts';

/** `customer` shows nothing of what the operator pays or earns. */
const STATEMENT_AUDIENCES = ['customer', 'internal'] as const;
export type StatementAudience = (typeof STATEMENT_AUDIENCES)[number];

export interface StatementUsage {
  readonly metric: UsageMetric;
  /** null: not measured, which is not zero. */
  readonly used: bigint | null;
  readonly usedBefore: bigint | null;
  /** Of the month before; null where that is unknown or zero. 0.25 is a quarter more. */
  readonly change: number | null;
}

interface StatementModel {
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  /** Micro-US-dollars; null: no price is known. */
  readonly costMicro: bigint | null;
}

/** What the month cost the operator, and brought in; `internal` statements only. */
export interface StatementMoney {
  readonly currency: string;
  readonly costMicro: bigint | null;
  readonly revenueMicro: bigint | null;
  readonly parts: ReadonlyMap<string, bigint>;
}

export interface Statement {
  readonly tenantId: TenantId;
  readonly plan: string | null;
  readonly window: Window;
  /** The month is still running: figures are those so far. */
  readonly isRunning: boolean;
  readonly madeAt: number;
  readonly usage: readonly StatementUsage[];
  /** Requests of each day, in order; null: nothing was measured. */
  readonly days: readonly { readonly at: number; readonly requests: bigint | null }[];
  readonly quotas: readonly QuotaStanding[];
  readonly models: readonly StatementModel[];
  /** The sum of what has a price; null: nothing has. */
  readonly aiCostMicro: bigint | null;
  readonly aiUnpricedCalls: number;
  /** Absent on a customer's statement. */
  readonly money?: StatementMoney;
}

/** What a statement lists, in this order; parts of other lines (reasoning tokens, cache hits) are left to the API. */
export const STATEMENT_METRICS = [
  'requests',
  'errors',
  'db_calls',
  'request_bytes',
  'response_bytes',
  'storage_byte_hours',
  'ai_calls',
  'ai_input_tokens',
  'ai_output_tokens',
  'ai_search_units',
  'integration_calls',
] as const satisfies readonly (keyof typeof USAGE_UNITS)[];

/** Lines of a month beside the month before; a metric that neither month measured is left out. */
export function statementUsage(
  used: ReadonlyMap<string, bigint>,
  before: ReadonlyMap<string, bigint>,
): readonly StatementUsage[] {
  return STATEMENT_METRICS.flatMap((metric) => {
    const now = used.get(metric) ?? null;
    const then = before.get(metric) ?? null;
    if (now === null && then === null) return [];
    return [{ metric, used: now, usedBefore: then, change: changeOf(now, then) }];
  });
}

function changeOf(now: bigint | null, before: bigint | null): number | null {
  if (now === null || before === null || before === 0n) return null;
  // In thousandths and whole numbers first: both sums may lie beyond what a float holds exactly.
  return Number(((now - before) * 1_000n) / before) / 1_000;
}
