/**
 * Lines are put together before they are shared: what one rule does to charges of one service in one period is one
 * division, however many lines there are. 100,000 lines of a month become some hundred groups, and 10,000 tenants are
 * gone through once for each of those.
 */
import type { ChargeCategory, ChargeKind } from '../domain/bill.ts';
import { RATE_ONE } from '../domain/cost-amount.ts';
import type { AllocationRule } from '../domain/cost-rule.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { DAY_MS, floorTo, type Window } from '../domain/window.ts';
import type { LineVerdict, RuledLine } from './allocation-match.ts';

export interface LineGroup extends ChargeKind {
  /** Place of the rule; null: lines without a rule. */
  readonly rule: number | null;
  readonly chargeCategory: ChargeCategory;
  readonly billing: Window;
  /** Whose usage shares it. Charges within one day are shared by the whole day's usage. */
  readonly window: Window;
  /** Start of the UTC day on which the charges begin. */
  readonly day: number;
  /** Why it is nobody's; null: it is shared by the rule. */
  readonly reason: string | null;
  /** Sum of the lines, exact (`EXACT_PER_MICRO`). */
  readonly exact: bigint;
  /** In the order in which they came. */
  readonly lines: readonly number[];
  /** Of lines that say whose they are; empty for any other method. */
  readonly byTenant: ReadonlyMap<TenantId, bigint>;
}

interface OpenGroup extends Omit<LineGroup, 'lines' | 'byTenant' | 'exact'> {
  readonly key: string;
  exact: bigint;
  readonly lines: number[];
  readonly byTenant: Map<TenantId, bigint>;
}

/** The usage that a charge from `from` to `to` is shared by: its day where it lies within one, else its own period. */
function usageWindow(from: number, to: number): Window {
  const day = floorTo(from, DAY_MS);
  return to <= day + DAY_MS ? { from: day, to: day + DAY_MS } : { from, to };
}

const NO_PART = 'other';
/** FOCUS's service categories that have a shorter name here. */
const PART_NAMES: Readonly<Record<string, string>> = { 'AI and Machine Learning': 'ai' };

/** `Databases` -> `databases`, `Management and Governance` -> `management_and_governance`. */
function partOfCategory(category: string): string {
  const slug = category
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 64);
  return PART_NAMES[category] ?? (slug === '' ? NO_PART : slug);
}

/** Tax and credits that no rule is for go with what they belong to, by a rule that nobody has to write. */
const FOLLOWERS: readonly ChargeCategory[] = ['Tax', 'Credit'];

export class GroupBuilder {
  readonly #rules: readonly AllocationRule[];
  readonly #rates: ReadonlyMap<string, bigint>;
  readonly #groups = new Map<string, OpenGroup>();

  /** `rates`: currency -> multiples of 1e-12 of the bill's currency. */
  constructor(rules: readonly AllocationRule[], rates: ReadonlyMap<string, bigint>) {
    this.#rules = rules;
    this.#rates = rates;
  }

  add(line: RuledLine, verdict: LineVerdict): void {
    const exact = line.atto * (this.#rates.get(line.currency) ?? RATE_ONE);
    const window = usageWindow(line.from, line.to);
    const day = floorTo(line.from, DAY_MS);
    const rule = verdict.rule === null ? undefined : this.#rules[verdict.rule];
    const part = rule?.part ?? partOfCategory(line.category);
    const { provider, issuer, account, service, category, chargeCategory, correction } = line;
    const reason = verdict.rule === null && FOLLOWERS.includes(chargeCategory) ? null : verdict.reason;
    const key = JSON.stringify([
      verdict.rule ?? -1,
      ...[part, provider, issuer, account, service, category, chargeCategory, correction],
      ...[line.billingFrom, line.billingTo, window.from, window.to, day, reason],
    ]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        ...{ key, rule: verdict.rule, part, provider, issuer, account, service, category, chargeCategory, correction },
        billing: { from: line.billingFrom, to: line.billingTo },
        ...{ window, day, reason },
        ...{ exact: 0n, lines: [], byTenant: new Map() },
      };
      this.#groups.set(key, group);
    }
    group.exact += exact;
    group.lines.push(line.line);
    if (verdict.tenant !== null) group.byTenant.set(verdict.tenant, (group.byTenant.get(verdict.tenant) ?? 0n) + exact);
  }

  /** In an order that depends on the groups alone, not on that of the lines. */
  groups(): readonly LineGroup[] {
    return [...this.#groups.values()].toSorted((a, b) => a.day - b.day || compareText(a.key, b.key));
  }
}
