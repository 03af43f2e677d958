import type { Anomaly } from '../domain/anomaly.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Window } from '../domain/window.ts';

/**
 * AI spend against the pace that a monthly budget allows, over several windows at once: the way site reliability engineers
 * watch error budgets. A long window says that it matters, a short one that it still goes on. It needs no baseline, so it
 * holds for tenants whose usage is too wild for one.
 */
export const BUDGET_BURN_RULE = 'budget-burn/1';
const BUDGET_BURN_METRIC = 'ai_budget_burn';

interface BurnPair {
  readonly longMs: number;
  readonly shortMs: number;
  /** Times the even pace, in both windows. 14.4 over an hour is 2 % of a month's budget, 6 over six hours 5 %. */
  readonly factor: number;
}

const PAIRS: readonly BurnPair[] = [
  { longMs: HOUR_MS, shortMs: 5 * MINUTE_MS, factor: 14.4 },
  { longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS, factor: 6 },
  { longMs: 3 * DAY_MS, shortMs: 6 * HOUR_MS, factor: 1.5 },
];

/** Windows that spend is asked for, each once, ms. */
export const BURN_WINDOWS: readonly number[] = [
  ...new Set(PAIRS.flatMap(({ longMs, shortMs }) => [longMs, shortMs])),
].toSorted((a, b) => a - b);

export interface BurnQuestion {
  readonly tenantId: TenantId;
  /** Micro-units of `currency`, for the whole of `period`. */
  readonly budgetMicro: number;
  readonly currency: string;
  readonly period: Window;
  /** Micro-units spent in the last so many ms, for each of `BURN_WINDOWS`. */
  readonly spentMicro: ReadonlyMap<number, number>;
  readonly now: number;
  /** The finding that is open. */
  readonly open: Anomaly | undefined;
  readonly newId: () => string;
}

interface Burn {
  readonly pair: BurnPair;
  /** Times the even pace, over the long window. */
  readonly rate: number;
}

/**
 * The finding about one tenant as it is now: opened or brought up to date while any pair of windows burns, undefined
 * while none does. Pure.
 */
export function budgetBurn(question: BurnQuestion): Anomaly | undefined {
  const burn = fastest(question);
  if (burn === undefined) return undefined;
  const { tenantId, now, open, newId } = question;
  return {
    ...{ id: open?.id ?? newId(), tenantId, metric: BUDGET_BURN_METRIC, rule: BUDGET_BURN_RULE },
    ...{ startedAt: open?.startedAt ?? now - burn.pair.shortMs, detectedAt: open?.detectedAt ?? now, endedAt: null },
    ...{ value: burn.rate, baseline: 1, ratio: burn.rate, reason: reasonOf(question, burn) },
  };
}

/** Of the pairs that burn, the one with the highest factor: it is the most urgent. */
function fastest({ budgetMicro, period, spentMicro }: BurnQuestion): Burn | undefined {
  if (!(budgetMicro > 0)) return undefined;
  const rate = (windowMs: number) =>
    (spentMicro.get(windowMs) ?? 0) / budgetMicro / (windowMs / (period.to - period.from));
  const pair = PAIRS.find(({ longMs, shortMs, factor }) => rate(longMs) >= factor && rate(shortMs) >= factor);
  return pair && { pair, rate: rate(pair.longMs) };
}

function reasonOf({ tenantId, budgetMicro, currency, period, spentMicro }: BurnQuestion, { pair, rate }: Burn): string {
  const amount = (micro: number) => `${(micro / 1e6).toFixed(2)} ${currency}`;
  const hours = pair.longMs / HOUR_MS;
  const last = hours === 1 ? 'hour' : hours > 24 ? `${hours / 24} days` : `${hours} hours`;
  const wholeHours = (period.to - period.from) / rate / HOUR_MS;
  const gone = wholeHours > 48 ? `${Math.round(wholeHours / 24)} days` : `${Math.max(1, Math.round(wholeHours))} hours`;
  return (
    `${tenantId} spent ${amount(spentMicro.get(pair.longMs) ?? 0)} on AI in the last ${last}, ${rate.toFixed(1)}x the pace ` +
    `that its monthly budget of ${amount(budgetMicro)} allows; at this pace a whole budget lasts ${gone}`
  );
}
