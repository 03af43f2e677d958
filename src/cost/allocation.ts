/**
 * Shares the groups of a bill out. Pure: usage and lists of tenants are passed in, so the same bill, rules and usage
 * give the same lines, whenever and in whatever order they come.
 *
 *   day of the bill (micro-units, from its lines) -> its groups -> tenants | shared | idle | unallocated
 *
 * Each arrow is a division by largest remainder, so nothing is lost on the way.
 */
import { EXACT_PER_MICRO } from '../domain/cost-amount.ts';
import type { AllocationRule, SplitKey } from '../domain/cost-rule.ts';
import { isReservedTenant, type TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { Window } from '../domain/window.ts';
import { fixedOutcomes } from './allocation-fixed.ts';
import { Followers } from './allocation-follow.ts';
import type { LineGroup } from './allocation-groups.ts';
import { type GroupOutcome, nobodys, outcomeOf, sharesOf } from './allocation-outcome.ts';
import { idleShare, mixedWeights, realTenants, type UsageBasis, type Weights } from './allocation-weights.ts';
import { roundTogether } from './share.ts';

export interface AllocationInput {
  readonly rules: readonly AllocationRule[];
  /** Of one bill, in the order that `GroupBuilder` gives. */
  readonly groups: readonly LineGroup[];
  /** What the bill comes to on each day on which charges begin (Unix ms), in micro-units. */
  readonly days: ReadonlyMap<number, bigint>;
  /** Usage of every need that `basisNeeds` names. */
  readonly basis: (key: SplitKey, window: Window) => UsageBasis;
  /** Ascending. */
  readonly tenantsOfPlans: (plans: readonly string[]) => readonly TenantId[];
}

export interface BasisNeed {
  readonly window: Window;
  readonly keys: readonly SplitKey[];
}

const REQUESTS: SplitKey = 'requests';

function keysOf({ method }: AllocationRule): readonly SplitKey[] {
  switch (method.kind) {
    case 'proportional':
    case 'weighted': {
      const keys = method.kind === 'weighted' ? method.keys.map(({ key }) => key) : [method.key];
      const { idle } = method;
      if (idle === null || idle.treatment === 'spread') return keys;
      return [...keys, idle.key, ...('key' in idle.capacity ? [idle.capacity.key] : [])];
    }
    case 'even':
      return method.plans === null ? [REQUESTS] : [];
    case 'direct':
    case 'fixed':
    case 'shared':
    case 'follow':
      return [];
  }
}

/** Which usage has to be read before these groups can be shared out: one need for each window. */
export function basisNeeds(rules: readonly AllocationRule[], groups: readonly LineGroup[]): readonly BasisNeed[] {
  const needs = new Map<string, { window: Window; keys: Set<SplitKey> }>();
  for (const { rule, reason, window } of groups) {
    const keys = rule === null || reason !== null ? [] : keysOf(ruleAt(rules, rule));
    if (keys.length === 0) continue;
    const id = `${window.from} ${window.to}`;
    const need = needs.get(id) ?? { window, keys: new Set() };
    needs.set(id, need);
    for (const key of keys) need.keys.add(key);
  }
  return [...needs.values()].map(({ window, keys }) => ({ window, keys: [...keys].toSorted() }));
}

function ruleAt(rules: readonly AllocationRule[], index: number): AllocationRule {
  const rule = rules[index];
  if (rule === undefined) throw new RangeError('A group names a rule that is not there');
  return rule;
}

/**
 * What each group comes to in micro-units. Groups of a day add up to the day.
 * @throws RangeError when the days are not those of the groups' lines
 */
function groupMicros(groups: readonly LineGroup[], days: ReadonlyMap<number, bigint>): readonly bigint[] {
  const micros: bigint[] = [];
  for (let start = 0; start < groups.length; ) {
    const day = groups[start]?.day ?? 0;
    let end = start;
    while (groups[end]?.day === day) end += 1;
    const exact = groups.slice(start, end).map((group) => group.exact);
    micros.push(...roundTogether(exact, EXACT_PER_MICRO, days.get(day) ?? 0n));
    start = end;
  }
  return micros;
}

/** One outcome for each group, in their order. Yields after every group so that a server can do something else. */
export function* allocate(input: AllocationInput): Generator<undefined, readonly GroupOutcome[]> {
  const { groups, rules } = input;
  const micros = groupMicros(groups, input.days);
  const outcomes: (GroupOutcome | undefined)[] = groups.map(() => undefined);
  const followers = new Followers();
  const later: number[] = [];
  const fixed = new Map<string, number[]>();
  for (const [index, group] of groups.entries()) {
    const method = group.rule === null ? undefined : ruleAt(rules, group.rule).method;
    if (group.reason === null && (method === undefined || method.kind === 'follow')) later.push(index);
    else if (group.reason === null && method?.kind === 'fixed') {
      const month = `${group.rule} ${new Date(group.day).toISOString().slice(0, 7)}`;
      fixed.set(month, [...(fixed.get(month) ?? []), index]);
    } else {
      outcomes[index] = shareGroup(group, micros[index] ?? 0n, input);
      followers.note(group, outcomes[index]);
    }
    yield;
  }
  for (const indexes of fixed.values()) {
    const month = indexes.map((index) => ({ group: groupAt(groups, index), micro: micros[index] ?? 0n }));
    const rule = ruleAt(rules, month[0]?.group.rule ?? -1);
    if (rule.method.kind !== 'fixed') continue;
    for (const [place, outcome] of fixedOutcomes(month, rule.method).entries()) {
      outcomes[indexes[place] ?? -1] = outcome;
      followers.note(outcome.group, outcome);
    }
    yield;
  }
  for (const index of later) {
    const group = groupAt(groups, index);
    const method = group.rule === null ? undefined : ruleAt(rules, group.rule).method;
    const scope = method?.kind === 'follow' ? method.scope : 'service';
    outcomes[index] = followers.outcome(group, micros[index] ?? 0n, scope);
    yield;
  }
  return outcomes.filter((outcome) => outcome !== undefined);
}

function groupAt(groups: readonly LineGroup[], index: number): LineGroup {
  const group = groups[index];
  if (group === undefined) throw new RangeError('There is no such group');
  return group;
}

function shareGroup(group: LineGroup, micro: bigint, input: AllocationInput): GroupOutcome {
  if (group.rule === null || group.reason !== null) return nobodys(group, micro, group.reason ?? 'no rule is for it');
  const { method } = ruleAt(input.rules, group.rule);
  switch (method.kind) {
    case 'shared':
      return outcomeOf(group, { micro, sharedMicro: micro });
    case 'direct':
      return direct(group, micro);
    case 'even': {
      const weights = method.plans === null ? active(group, input) : evenly(input.tenantsOfPlans(method.plans));
      const none = method.plans === null ? 'no tenant had a request' : `no tenant is on ${method.plans.join(', ')}`;
      return weights.tenants.length === 0 ? nobodys(group, micro, none) : sharesOf(group, micro, weights, []);
    }
    case 'proportional':
      return byUsage(group, micro, { ...method, keys: [{ key: method.key, weight: 1 }] }, input);
    case 'weighted':
      return byUsage(group, micro, method, input);
    case 'fixed':
    case 'follow':
      // Not by themselves: see `allocate`.
      return nobodys(group, micro, 'its rule needs the other charges');
  }
}

function direct(group: LineGroup, micro: bigint): GroupOutcome {
  const entries = [...group.byTenant].toSorted(([a], [b]) => compareText(a, b));
  const micros = roundTogether(
    entries.map(([, exact]) => exact),
    EXACT_PER_MICRO,
    micro,
  );
  return outcomeOf(group, { micro, tenants: entries.map(([tenant]) => tenant), shares: micros });
}

function evenly(tenants: readonly TenantId[]): Weights {
  return { tenants, weights: tenants.map(() => 1n) };
}

function active(group: LineGroup, { basis }: AllocationInput): Weights {
  return evenly(basis(REQUESTS, group.window).tenants.filter((tenant) => !isReservedTenant(tenant)));
}

type UsageMethod = Pick<Extract<AllocationRule['method'], { kind: 'weighted' }>, 'keys' | 'withoutTenant' | 'idle'>;

function byUsage(group: LineGroup, micro: bigint, method: UsageMethod, { basis }: AllocationInput): GroupOutcome {
  const parts = method.keys.map(({ key, weight }) => ({ basis: basis(key, group.window), weight }));
  const all = mixedWeights(parts);
  const weights = method.withoutTenant === 'spread' ? realTenants(all) : all;
  if (weights.tenants.length === 0) {
    return nobodys(group, micro, `no usage of ${method.keys.map(({ key }) => key).join(', ')} was measured`);
  }
  const { idle } = method;
  const idleMicro =
    idle === null || idle.treatment === 'spread'
      ? 0n
      : idleShare(micro, idle, basis(idle.key, group.window).total, group.window, capacityOf(idle, group, basis));
  return sharesOf(
    group,
    micro,
    weights,
    parts.map(({ basis: { key } }) => key),
    idleMicro,
  );
}

function capacityOf(
  { capacity }: NonNullable<UsageMethod['idle']>,
  { window }: LineGroup,
  basis: AllocationInput['basis'],
): bigint {
  return 'key' in capacity ? basis(capacity.key, window).total : 0n;
}
