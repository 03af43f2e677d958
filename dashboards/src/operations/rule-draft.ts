/** An allocation rule as a form holds it: lists are lines of text, one thing a line. */
import type { AllocationRuleItem } from '../../../src/api/bills-contract.ts';
import type { FieldProblems } from '../shared/form-problems.ts';
import { parseAmount } from '../shared/money.ts';

type Method = AllocationRuleItem['method'];
type Match = AllocationRuleItem['match'];
export type MethodKind = Method['kind'];
type IdleTerms = Extract<Method, { kind: 'proportional' }>['idle'];

export const METHODS: readonly (readonly [MethodKind, string])[] = [
  ['direct', 'To the tenant that the line names'],
  ['proportional', 'By one usage metric'],
  ['weighted', 'By several usage metrics, weighted'],
  ['even', 'Evenly'],
  ['fixed', 'By fixed shares'],
  ['shared', 'To nobody: shared'],
  ['follow', 'As other charges came out'],
];

const MATCH_FIELDS = [
  'provider',
  'issuer',
  'account',
  'sub_account',
  'service',
  'category',
  'region',
  'resource',
  'sku',
  'description',
] as const;
const CATEGORY = 'charge_category';
const TAG = 'tag.';

export const RULE_DRAFT = {
  id: '',
  part: '',
  match: '',
  kind: 'proportional' as string,
  from: 'tag',
  tag: 'tenant_id',
  tenants: '',
  key: 'cpu_ns',
  keys: 'cpu_ns = 3\ndb_ns = 1',
  without_tenant: 'unallocated',
  idle: 'none',
  idle_key: '',
  idle_capacity: '',
  idle_treatment: 'own_line',
  plans: '',
  shares: '',
  rest: 'unallocated',
  scope: 'service',
};
export type RuleDraft = typeof RULE_DRAFT;

/** "left = right", at the last " = " or "=", so that the left may hold one. */
function pairsOf(text: string): { left: string; right: string }[] {
  return linesOf(text).map((line) => {
    const at = line.lastIndexOf('=');
    return at < 0 ? { left: line, right: '' } : { left: line.slice(0, at).trim(), right: line.slice(at + 1).trim() };
  });
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Conditions as lines: `service = Managed*`. Here the first = divides: patterns may hold one, names of fields do not. */
function matchText(match: Match): string {
  const { charge_categories: categories = [], tags = {}, ...fields } = match;
  return [
    ...Object.entries(fields).flatMap(([field, patterns]) => patterns.map((pattern) => `${field} = ${pattern}`)),
    ...categories.map((category) => `${CATEGORY} = ${category}`),
    ...Object.entries(tags).flatMap(([key, patterns]) => patterns.map((pattern) => `${TAG}${key} = ${pattern}`)),
  ].join('\n');
}

interface Conditions {
  readonly match: Match;
  /** Lines that are no condition. */
  readonly unread: readonly string[];
}

function matchOf(text: string): Conditions {
  const lists: Record<string, string[]> = {};
  const tags: Record<string, string[]> = {};
  const unread: string[] = [];
  for (const line of linesOf(text)) {
    const [, field = '', pattern = ''] = /^([^=]+?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (field.startsWith(TAG) && field.length > TAG.length) {
      const key = field.slice(TAG.length);
      tags[key] = [...(tags[key] ?? []), pattern];
    } else if (field === CATEGORY) {
      lists['charge_categories'] = [...(lists['charge_categories'] ?? []), pattern];
    } else if (MATCH_FIELDS.some((known) => known === field)) {
      lists[field] = [...(lists[field] ?? []), pattern];
    } else {
      unread.push(line);
    }
  }
  const match = { ...lists, ...(Object.keys(tags).length > 0 ? { tags } : {}) } as Match;
  return { match, unread };
}

function idleDraft(idle: IdleTerms): Partial<RuleDraft> {
  if (idle === null) return { idle: 'none' };
  const { key, capacity, treatment } = idle;
  const isKey = 'key' in capacity;
  return {
    idle: isKey ? 'key' : 'per_hour',
    ...{ idle_key: key, idle_capacity: isKey ? capacity.key : capacity.per_hour, idle_treatment: treatment },
  };
}

function idleOf(draft: RuleDraft): IdleTerms {
  if (draft.idle === 'none') return null;
  const capacity = draft.idle_capacity.trim();
  return {
    key: draft.idle_key.trim(),
    capacity: draft.idle === 'key' ? { key: capacity } : { per_hour: capacity },
    treatment: draft.idle_treatment === 'spread' ? 'spread' : 'own_line',
  };
}

/** Micro-units as they are typed: 1250000 is 1.25. */
function amountText(micro: number): string {
  const text = String(micro).padStart(7, '0');
  return `${text.slice(0, -6)}.${text.slice(-6)}`.replace(/\.?0+$/, '');
}

function methodDraft(method: Method): Partial<RuleDraft> {
  switch (method.kind) {
    case 'direct': {
      const tenants = Object.entries(method.tenants).map(([value, tenant]) => `${value} = ${tenant}`);
      const from = typeof method.from === 'string' ? { from: method.from } : { from: 'tag', tag: method.from.tag };
      return { ...from, tenants: tenants.join('\n') };
    }
    case 'proportional':
      return { key: method.key, without_tenant: method.without_tenant, ...idleDraft(method.idle) };
    case 'weighted': {
      const keys = method.keys.map(({ key, weight }) => `${key} = ${weight}`).join('\n');
      return { keys, without_tenant: method.without_tenant, ...idleDraft(method.idle) };
    }
    case 'even':
      return { plans: method.plans?.join('\n') ?? '' };
    case 'fixed': {
      const shares = method.shares.map((share) =>
        'percent' in share
          ? `${share.tenant_id} = ${share.percent} %`
          : `${share.tenant_id} = ${amountText(share.amount_micro)}`,
      );
      return { shares: shares.join('\n'), rest: method.rest };
    }
    case 'follow':
      return { scope: method.scope };
    case 'shared':
      return {};
  }
}

export function draftOf(rule: AllocationRuleItem): RuleDraft {
  const { id, part, match, method } = rule;
  return { ...RULE_DRAFT, id, part: part ?? '', match: matchText(match), kind: method.kind, ...methodDraft(method) };
}

function fixedShares(text: string): Extract<Method, { kind: 'fixed' }>['shares'] {
  return pairsOf(text).map(({ left, right }) =>
    right.endsWith('%')
      ? { tenant_id: left, percent: Number(right.slice(0, -1).trim()) }
      : { tenant_id: left, amount_micro: parseAmount(right) ?? Number.NaN },
  );
}

function methodOf(draft: RuleDraft): Method {
  const without = draft.without_tenant === 'spread' ? 'spread' : 'unallocated';
  switch (draft.kind as MethodKind) {
    case 'direct':
      return {
        kind: 'direct',
        from: draft.from === 'sub_account' || draft.from === 'resource' ? draft.from : { tag: draft.tag.trim() },
        tenants: Object.fromEntries(pairsOf(draft.tenants).map(({ left, right }) => [left, right])),
      };
    case 'weighted': {
      const keys = pairsOf(draft.keys).map(({ left, right }) => ({ key: left, weight: Number(right) }));
      return { kind: 'weighted', keys, without_tenant: without, idle: idleOf(draft) };
    }
    case 'even': {
      const plans = linesOf(draft.plans);
      return { kind: 'even', plans: plans.length === 0 ? null : plans };
    }
    case 'fixed':
      return {
        kind: 'fixed',
        shares: fixedShares(draft.shares),
        rest: draft.rest === 'shared' ? 'shared' : 'unallocated',
      };
    case 'shared':
      return { kind: 'shared' };
    case 'follow':
      return { kind: 'follow', scope: draft.scope === 'bill' ? 'bill' : 'service' };
    case 'proportional':
      return { kind: 'proportional', key: draft.key.trim(), without_tenant: without, idle: idleOf(draft) };
  }
}

export function ruleOf(draft: RuleDraft): AllocationRuleItem {
  return {
    id: draft.id.trim(),
    part: draft.part.trim() === '' ? null : draft.part.trim(),
    match: matchOf(draft.match).match,
    method: methodOf(draft),
  };
}

/** What can be seen without the server. `others`: ids of the other rules. */
export function checkRule(draft: RuleDraft, others: readonly string[]): FieldProblems {
  const problems: Record<string, string> = {};
  const want = (name: keyof RuleDraft, isRight: boolean, problem: string) => {
    if (!isRight) problems[name] = problem;
  };
  const { unread } = matchOf(draft.match);
  want('id', /^[a-z0-9]+(?:[-_][a-z0-9]+)*$/.test(draft.id.trim()), 'A slug such as shared-postgres.');
  if (others.includes(draft.id.trim())) problems['id'] = 'Another rule has this name.';
  want('match', unread.length === 0, `No condition: ${unread[0] ?? ''}`);
  if (draft.kind === 'weighted') {
    const pairs = pairsOf(draft.keys);
    const isRight = pairs.length > 0 && pairs.every(({ left, right }) => left !== '' && /^[1-9]\d{0,6}$/.test(right));
    want('keys', isRight, 'Lines such as cpu_ns = 3, with whole weights.');
  }
  if (draft.kind === 'fixed') {
    const shares = fixedShares(draft.shares);
    const figures = shares.map((share) => ('percent' in share ? share.percent : share.amount_micro));
    want('shares', shares.length > 0 && figures.every(Number.isFinite), 'Lines such as acme = 25 % or acme = 100.00.');
  }
  if (draft.kind === 'direct') {
    want(
      'tenants',
      pairsOf(draft.tenants).every(({ left, right }) => left !== '' && right !== ''),
      'Lines such as prod-acme = acme.',
    );
  }
  if (draft.idle !== 'none' && (draft.kind === 'proportional' || draft.kind === 'weighted')) {
    want('idle_key', draft.idle_key.trim() !== '', 'Of what it is a capacity.');
    want('idle_capacity', draft.idle_capacity.trim() !== '', 'How much there is.');
  }
  return problems;
}
