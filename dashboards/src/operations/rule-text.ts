/** Allocation rules in words. */
import type { AllocationRuleItem } from '../../../src/api/bills-contract.ts';

type Method = AllocationRuleItem['method'];

function idleText(method: Extract<Method, { kind: 'proportional' | 'weighted' }>): string {
  const without =
    method.without_tenant === 'spread' ? '; usage of nobody is spread' : '; usage of nobody is unallocated';
  if (method.idle === null) return without;
  const { key, capacity, treatment } = method.idle;
  const of = 'key' in capacity ? `by ${capacity.key}` : `${capacity.per_hour} ${key} an hour`;
  return `${without}; capacity ${of}, idle ${treatment === 'spread' ? 'is spread' : 'on a line of its own'}`;
}

/** "by cpu_ns; usage of nobody is unallocated" */
export function methodText(method: Method): string {
  switch (method.kind) {
    case 'direct': {
      const from = typeof method.from === 'string' ? method.from.replace('_', ' ') : `tag ${method.from.tag}`;
      const named = Object.keys(method.tenants).length;
      return `to the tenant in ${from}${named === 0 ? '' : `, of which ${named} are translated`}`;
    }
    case 'proportional':
      return `by ${method.key}${idleText(method)}`;
    case 'weighted': {
      const keys = method.keys.map(({ key, weight }) => `${weight} of ${key}`).join(' and ');
      return `by ${keys}${idleText(method)}`;
    }
    case 'even':
      return method.plans === null ? 'evenly to every active tenant' : `evenly to plans ${method.plans.join(', ')}`;
    case 'fixed':
      return `by fixed shares of ${method.shares.length} tenants, the rest ${method.rest}`;
    case 'shared':
      return 'to nobody: shared';
    case 'follow':
      return `as the other charges of the ${method.scope === 'bill' ? 'whole bill' : 'same service'} came out`;
  }
}

/** "service Managed*, tag env is prod"; every line where there is no condition. */
export function conditionsText({ match }: Pick<AllocationRuleItem, 'match'>): string {
  const { charge_categories: categories, tags = {}, ...fields } = match;
  const parts = [
    ...Object.entries(fields).map(([field, patterns]) => `${field.replace('_', ' ')} ${patterns.join(' or ')}`),
    ...(categories === undefined ? [] : [`charges of category ${categories.join(' or ')}`]),
    ...Object.entries(tags).map(([key, patterns]) => `tag ${key} is ${patterns.join(' or ')}`),
  ];
  return parts.length === 0 ? 'every line' : parts.join(', ');
}

/** Which rule a refusal is about: `/rules/3/method/key`. */
export function ruleAt(pointer: string | undefined): number | undefined {
  const match = /^\/rules\/(\d+)(?:\/|$)/.exec(pointer ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** The rules that JSON text holds, or what is wrong with it; the server checks the rest. */
export function parseRules(text: string): readonly AllocationRuleItem[] | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : 'This is no JSON.';
  }
  return Array.isArray(value) ? (value as AllocationRuleItem[]) : 'A list of rules is wanted: [ … ].';
}
