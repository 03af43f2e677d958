import type { SpendScope } from '../domain/spend.ts';
import { type HeldCap, usedOf } from './spend-ledger.ts';

const MICRO = 1_000_000;

/** "12.34 USD"; small amounts with as many digits as it takes to tell them from nothing. */
function moneyText(micro: number, currency: string): string {
  const digits = micro === 0 || micro >= MICRO / 100 ? 2 : 6;
  return `${(micro / MICRO).toFixed(digits)} ${currency}`;
}

/** "for the key bob and the model gpt-4o"; '' for everything. */
function scopeText({ key, model }: SpendScope): string {
  const parts = [...(key === null ? [] : [`the key ${key}`]), ...(model === null ? [] : [`the model ${model}`])];
  return parts.length === 0 ? '' : ` for ${parts.join(' and ')}`;
}

/** How far a cap has got, in one sentence with its numbers. */
export function capSentence({ cap, account }: HeldCap): string {
  const used = usedOf(account);
  const share = cap.amountMicro === 0 ? 100 : Math.floor((used * 100) / cap.amountMicro);
  const whose = cap.plan === null ? '' : ` of the plan ${cap.plan}`;
  const period = cap.period === 'day' ? "today's" : "this month's";
  const amount = moneyText(cap.amountMicro, cap.currency);
  return `${cap.tenantId} has used ${share} % of ${period} AI cap${whose}${scopeText(cap)}: ${moneyText(used, cap.currency)} of ${amount}.`;
}
