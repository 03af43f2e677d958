/** What a change would do to a customer, before it is made. */
import type { PlanItem, PlanVersionItem } from '../../../src/api/plans-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import { formatAmount } from '../shared/money.ts';
import { quotaName, quotaValue, wholePercent } from '../shared/quota-text.ts';

export interface Effect {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  /** `bad`: it would be beyond what is included from the first moment on. */
  readonly tone: 'plain' | 'bad';
}

const NONE = 'not limited';

function priceText(terms: PlanVersionItem | null): string {
  if (terms === null || terms.price === null) return 'not known';
  return `${formatAmount(terms.price.amount_micro, terms.price.currency)} a month`;
}

const rpsText = (rps: number | null | undefined) => (rps == null ? 'none' : `${rps} a second`);

function quotaEffects(
  before: PlanVersionItem | null,
  after: PlanVersionItem | null,
  standing: readonly QuotaItem[],
): Effect[] {
  const all = [...(before?.quotas ?? []), ...(after?.quotas ?? [])];
  const ids = [...new Set(all.map(({ key, period }) => `${key} ${period}`))];
  return ids.map((id) => {
    const of = (terms: PlanVersionItem | null) => terms?.quotas.find((one) => `${one.key} ${one.period}` === id);
    const [old, next] = [of(before), of(after)];
    const used = standing.find((one) => `${one.key} ${one.period}` === id)?.used ?? null;
    const shown = all.find((one) => `${one.key} ${one.period}` === id);
    const name = shown === undefined ? id : quotaName(shown);
    const text = (quota: typeof old) => (quota === undefined ? NONE : quotaValue(quota.limit, quota));
    const share = next !== undefined && used !== null && next.limit > 0 ? used / next.limit : null;
    const isOver = next !== undefined && used !== null && used >= next.limit;
    const after_ = share === null ? text(next) : `${text(next)}, of which ${wholePercent(share)} is used`;
    return { what: name, before: text(old), after: after_, tone: isOver ? 'bad' : 'plain' };
  });
}

/**
 * What moving from one plan to another changes: the running periods are judged by the new plan as a whole.
 * @param to null: off every plan
 */
export function planEffects(
  plans: readonly PlanItem[],
  from: string | null,
  to: string | null,
  standing: readonly QuotaItem[],
): readonly Effect[] {
  const termsOf = (plan: string | null) => plans.find((one) => one.plan === plan)?.terms ?? null;
  const [before, after] = [termsOf(from), termsOf(to)];
  const plain = (what: string, old: string, next: string): Effect => ({
    what,
    before: old,
    after: next,
    tone: 'plain',
  });
  const features = (terms: PlanVersionItem | null) => terms?.features?.join(', ') ?? 'not said';
  const effects = [
    plain('Price', priceText(before), priceText(after)),
    ...quotaEffects(before, after, standing),
    plain('Guaranteed requests', rpsText(before?.guarantee_rps), rpsText(after?.guarantee_rps)),
    plain('Most requests', rpsText(before?.ceiling_rps), rpsText(after?.ceiling_rps)),
    plain('Features', features(before), features(after)),
  ];
  return effects.filter((effect) => effect.before !== effect.after || effect.tone === 'bad');
}

/** A whole number that was typed, within bounds; undefined where it is none. */
export function wholeNumberOf(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,10}$/.test(text.trim())) return undefined;
  const value = Number(text.trim());
  return value >= min && value <= max ? value : undefined;
}

/** What the number of seats means for the quota on seats, where the plan has one. */
export function seatsEffect(seats: number | undefined, standing: readonly QuotaItem[]): string {
  const quota = standing.find(({ key }) => key === 'seats');
  if (quota === undefined) return 'The plan has no quota on seats: the number is kept, and nothing follows from it.';
  if (seats === undefined) return `The plan includes ${quota.limit} seats.`;
  if (seats <= quota.limit) return `${seats} of the ${quota.limit} seats that the plan includes.`;
  return `${seats - quota.limit} more than the ${quota.limit} seats that the plan includes: the quota counts as reached.`;
}

/** When the months of a customer begin with this day. */
export function billingDayEffect(day: number | null): string {
  const judged = 'Quotas and credits of the running month are judged by the new beginning from now on.';
  if (day === null || day === 1) return `Months begin on the first, as in the calendar. ${judged}`;
  return `Months begin on day ${day}${day > 28 ? ', in shorter months on the last day' : ''}. ${judged}`;
}
