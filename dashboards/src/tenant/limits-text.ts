/** What holds a customer back, in words of the customer's: no rule, no other tenant, nobody's name. */
import type { DegradationItem, ThrottleItem } from '../../../src/api/contract.ts';
import type { CapItem } from '../../../src/api/spend-contract.ts';
import { formatShort } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';

/** Limits that really refuse something now; those that only count are no business of the customer's. */
export function limitsInForce(throttles: readonly ThrottleItem[], now: number): readonly ThrottleItem[] {
  return throttles
    .filter(({ mode, status, expires_at: end }) => mode === 'enforce' && status === 'active' && Date.parse(end) > now)
    .toSorted((a, b) => Date.parse(b.expires_at) - Date.parse(a.expires_at));
}

/** `At most 5 requests a second on GET /search`. */
export function limitText({ limit, scope }: Pick<ThrottleItem, 'limit' | 'scope'>): string {
  const where = scope.route ?? scope.service;
  const on = where === undefined ? '' : ` on ${where}`;
  if (limit.requests_per_second === 0) return `No requests are answered${on}`;
  const rate = formatShort(limit.requests_per_second);
  return `At most ${rate} ${rate === '1' ? 'request' : 'requests'} a second${on}`;
}

/** From how it came about, not from what was written about it. */
export function whyText({ anomaly_id: anomaly }: Pick<ThrottleItem, 'anomaly_id'>): string {
  return anomaly === null
    ? 'The operator has set this for a while, so that the service stays fast for everybody.'
    : 'You sent far more requests than usual. This keeps the service fast for everybody.';
}

const STEPS: Readonly<Record<CapItem['step'], string>> = {
  ok: 'Nothing changes',
  warn: 'A warning, nothing changes yet',
  cached_only: 'AI answers from stored results only',
  blocked: 'AI calls are refused until the period ends',
};

const TAKEN: Readonly<Record<DegradationItem['step'], string>> = {
  ok: 'AI is not limited',
  warn: 'You are asked to use less AI',
  cached_only: 'AI answers from stored results only',
  blocked: 'AI calls are refused',
};

/** `AI calls are refused for key bob`. */
export function degradationText({ step, feature }: Pick<DegradationItem, 'step' | 'feature'>): string {
  const part = feature.slice('ai'.length).replace('.key.', ' for key ').replace('.model.', ' for model ');
  return `${TAKEN[step]}${part}`;
}

export interface CapMark {
  readonly percent: number;
  readonly text: string;
  readonly isReached: boolean;
}

const PRESENT_STEPS: Readonly<Record<CapItem['step'], string>> = {
  ok: '',
  warn: 'You are close to your AI budget. Nothing has changed yet.',
  cached_only: 'AI is answered from stored results only, because most of your AI budget is used.',
  blocked: 'AI calls are refused until the period ends, because your AI budget is used up.',
};

/** Used part of the cap, from 0 up; null for a cap of nothing. */
export function capShare({ used_micro: used, amount_micro: amount }: CapItem): number | null {
  return amount > 0 ? used / amount : null;
}

/** What happens at each mark of the cap. */
export function capMarks(cap: CapItem): readonly CapMark[] {
  const share = capShare(cap) ?? 1;
  return cap.ladder.map(({ percent, step }) => ({
    ...{ percent, text: STEPS[step], isReached: share * 100 >= percent },
  }));
}

/** What holds now; empty while nothing does. */
export function capStanding({ step }: Pick<CapItem, 'step'>): string {
  return PRESENT_STEPS[step];
}

/** `AI spend this month`, and of what where the cap is about a part of it. */
export function capName({ period, key, model }: CapItem): string {
  const parts = [...(key === null ? [] : [`key ${key}`]), ...(model === null ? [] : [`model ${model}`])];
  return `AI spend ${period === 'day' ? 'today' : 'this month'}${parts.length === 0 ? '' : `, ${parts.join(', ')}`}`;
}

export function capAmounts(cap: CapItem): string {
  return `${formatAmount(cap.used_micro, cap.currency)} of ${formatAmount(cap.amount_micro, cap.currency)}`;
}
