/** A plan's terms as a form holds them: one quota a line. */
import type { NewPlanTerms, PlanQuotaItem, PlanVersionItem } from '../../../src/api/plans-contract.ts';
import { isPlanFeature } from '../../../src/domain/plan-features.ts';
import { formatExact } from '../shared/format.ts';
import { formatAmount, parseAmount } from '../shared/money.ts';

const PLAN_DRAFT = {
  plan: '',
  quotas: '',
  guarantee_rps: '',
  ceiling_rps: '',
  weight: '1',
  features: '',
  tenantry_features: '',
  price: '',
  currency: 'USD',
};
export type PlanDraft = typeof PLAN_DRAFT;
/** Nothing typed stands for all of them. */
const NONE = 'none';

/** "requests month 100000 hard" */
const QUOTA = /^(\S+)\s+(day|month)\s+(\d{1,15})(?:\s+(hard|soft))?$/;

/** Lines of quotas, or the first line that is none. Burst credits of a quota that stays are kept. */
function quotasOf(
  text: string,
  before: readonly PlanQuotaItem[],
): { readonly quotas: NonNullable<NewPlanTerms['quotas']>; readonly wrong: string | undefined } {
  const lines = linesOf(text);
  const wrong = lines.find((line) => !QUOTA.test(line));
  const quotas = lines.flatMap((line) => {
    const [, key = '', period = '', limit = '', kind = 'soft'] = QUOTA.exec(line) ?? [];
    if (key === '') return [];
    const known = before.find((quota) => quota.key === key && quota.period === period);
    return [
      {
        ...{ key, period: period as 'day' | 'month', limit: Number(limit), kind: kind as 'hard' | 'soft' },
        ...(known?.burst ? { burst: known.burst } : {}),
      },
    ];
  });
  return { quotas, wrong };
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

const numberText = (value: number | null | undefined) => (value === null || value === undefined ? '' : String(value));

export function planDraft(plan: string, terms: PlanVersionItem | null): PlanDraft {
  if (terms === null) return { ...PLAN_DRAFT, plan };
  return {
    plan,
    quotas: terms.quotas.map(({ key, period, limit, kind }) => `${key} ${period} ${limit} ${kind}`).join('\n'),
    guarantee_rps: numberText(terms.guarantee_rps),
    ceiling_rps: numberText(terms.ceiling_rps),
    weight: numberText(terms.weight),
    features: terms.features?.join('\n') ?? '',
    tenantry_features: terms.tenantry_features === null ? '' : terms.tenantry_features.join('\n') || NONE,
    price: terms.price === null ? '' : String(terms.price.amount_micro / 1e6),
    currency: terms.price?.currency ?? 'USD',
  };
}

export function checkPlan(draft: PlanDraft): Record<string, string> {
  const problems: Record<string, string> = {};
  const { wrong } = quotasOf(draft.quotas, []);
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/.test(draft.plan.trim()))
    problems['plan'] = 'Letters, digits, spaces and . _ -';
  if (wrong !== undefined) problems['quotas'] = `No quota: ${wrong}`;
  for (const name of ['guarantee_rps', 'ceiling_rps'] as const) {
    if (!/^\d*(\.\d+)?$/.test(draft[name].trim())) problems[name] = 'A number, or nothing.';
  }
  const unknown = linesOf(draft.tenantry_features).find((name) => name !== NONE && !isPlanFeature(name));
  if (unknown !== undefined) problems['tenantry_features'] = `No feature: ${unknown}`;
  if (!(Number(draft.weight) > 0)) problems['weight'] = 'A number above 0.';
  if (draft.price.trim() !== '' && parseAmount(draft.price) === undefined)
    problems['price'] = 'An amount such as 499.00.';
  return problems;
}

/** The body of PUT /v1/plans/{plan}. What is empty is nobody's word. */
export function planBody(draft: PlanDraft, before: PlanVersionItem | null): NewPlanTerms {
  const number = (text: string) => (text.trim() === '' ? null : Number(text));
  const features = linesOf(draft.features);
  const ours = linesOf(draft.tenantry_features);
  const amount = parseAmount(draft.price);
  return {
    quotas: quotasOf(draft.quotas, before?.quotas ?? []).quotas,
    guarantee_rps: number(draft.guarantee_rps),
    ceiling_rps: number(draft.ceiling_rps),
    weight: Number(draft.weight),
    features: features.length === 0 ? null : features,
    tenantry_features: ours.length === 0 ? null : ours.filter(isPlanFeature),
    price: amount === undefined ? null : { amount_micro: amount, currency: draft.currency.trim().toUpperCase() },
  };
}

/** "100,000 requests a month, hard" */
export function quotaText({ key, unit, period, limit, kind, burst }: PlanQuotaItem): string {
  const amount =
    key === 'ai_cost' ? `${formatAmount(limit, 'USD')} of AI` : `${formatExact(limit)} ${key.replaceAll('_', ' ')}`;
  const of = key === 'ai_cost' || key === unit ? '' : ` (${unit})`;
  return `${amount}${of} a ${period}${kind === 'hard' ? ', hard' : ''}${burst === null ? '' : ', with burst credits'}`;
}
