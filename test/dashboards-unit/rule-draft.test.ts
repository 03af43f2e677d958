import { describe, expect, it } from 'vitest';
import { checkRule, draftOf, RULE_DRAFT, ruleOf } from '../../dashboards/src/operations/rule-draft.ts';
import { parseRules, ruleAt } from '../../dashboards/src/operations/rule-text.ts';
import type { AllocationRuleItem } from '../../src/api/bills-contract.ts';

const idle = { key: 'cpu_ns', capacity: { per_hour: '1000' }, treatment: 'spread' } as const;
const METHODS: readonly AllocationRuleItem['method'][] = [
  { kind: 'direct', from: { tag: 'tenant' }, tenants: { 'prod=acme': 'acme' } },
  { kind: 'direct', from: 'sub_account', tenants: {} },
  { kind: 'proportional', key: 'cpu_ns', without_tenant: 'spread', idle },
  { kind: 'proportional', key: 'meter:pages', without_tenant: 'unallocated', idle: null },
  {
    kind: 'weighted',
    keys: [
      { key: 'cpu_ns', weight: 3 },
      { key: 'db_ns', weight: 1 },
    ],
    without_tenant: 'unallocated',
    idle: { key: 'cpu_ns', capacity: { key: 'requests' }, treatment: 'own_line' },
  },
  { kind: 'even', plans: ['gold', 'tin'] },
  { kind: 'even', plans: null },
  { kind: 'fixed', shares: [{ tenant_id: 'acme', percent: 12.5 }], rest: 'shared' },
  { kind: 'fixed', shares: [{ tenant_id: 'acme', amount_micro: 100_250_000 }], rest: 'unallocated' },
  { kind: 'shared' },
  { kind: 'follow', scope: 'bill' },
];

describe('a rule in a form', () => {
  it.each(METHODS)('comes out as it went in: %j', (method) => {
    const rule: AllocationRuleItem = {
      id: 'one',
      part: 'databases',
      match: { service: ['Managed*', 'a = b'], charge_categories: ['Usage'], tags: { env: ['prod', 'test'] } },
      method,
    };
    expect(ruleOf(draftOf(rule))).toEqual(rule);
    expect(checkRule(draftOf(rule), [])).toEqual({});
  });

  it('says what cannot be read', () => {
    expect(checkRule({ ...RULE_DRAFT, id: 'one', match: 'colour = blue' }, ['one'])).toEqual({
      id: 'Another rule has this name.',
      match: 'No condition: colour = blue',
    });
    expect(checkRule({ ...RULE_DRAFT, id: 'one', kind: 'fixed', shares: 'acme = much' }, [])).toHaveProperty('shares');
  });
});

it('a refusal names its rule', () => {
  expect([ruleAt('/rules/3/method/key'), ruleAt('/comment'), ruleAt(undefined)]).toEqual([3, undefined, undefined]);
  expect(parseRules('[{]')).toBeTypeOf('string');
  expect(parseRules('{}')).toBe('A list of rules is wanted: [ … ].');
});
