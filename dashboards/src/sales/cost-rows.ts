/** What is known of every tenant in one row: costs, revenue, margin, who they are, and the months before. */
import type { CostList, CostTrend, MarginAnswerBody, TenantProfileItem } from '../../../src/api/contract.ts';
import type { Micro } from '../shared/money.ts';
import { differenceOf, sumMicro } from './money-sum.ts';

type TenantMarginItem = MarginAnswerBody['tenants'][number];
export type MarginGap = NonNullable<TenantMarginItem['gap']>;

export interface CostRow {
  readonly tenantId: string;
  readonly name: string | null;
  readonly plan: string | null;
  readonly segment: string | null;
  readonly owner: string | null;
  /** Null: not known, which is not zero. */
  readonly costMicro: Micro | null;
  readonly parts: Readonly<Record<string, number>>;
  readonly estimatedMicro: number;
  readonly unpricedCalls: number;
  readonly revenueMicro: Micro | null;
  readonly marginMicro: Micro | null;
  readonly marginPercent: number | null;
  /** Why there is no margin; undefined: margins were not asked for. */
  readonly gap: MarginGap | null | undefined;
}

export interface RowSources {
  readonly costs: CostList;
  /** Absent for those who may not see what tenants pay. */
  readonly margins: MarginAnswerBody | undefined;
  readonly profiles: readonly TenantProfileItem[];
}

/** Calls were made whose price nobody knows, and nothing else: the cost is not known. */
function isUnknown(item: CostList['items'][number]): boolean {
  return item.cost_micro === 0 && item.unpriced_calls > 0;
}

/** Every tenant with costs or revenue, by id. */
export function costRows({ costs, margins, profiles }: RowSources): readonly CostRow[] {
  const profileOf = new Map(profiles.map((profile) => [profile.tenant_id, profile]));
  const costOf = new Map(costs.items.map((item) => [item.tenant_id, item]));
  // Amounts in another currency are no answer to this one's.
  const usable = margins?.currency === costs.currency ? margins.tenants : undefined;
  const marginOf = new Map(usable?.map((margin) => [margin.tenant_id, margin]));
  const ids = [...new Set([...costOf.keys(), ...marginOf.keys()])].sort();
  return ids.map((tenantId) => {
    const [cost, margin, profile] = [costOf.get(tenantId), marginOf.get(tenantId), profileOf.get(tenantId)];
    const known = cost === undefined ? (margin?.cost_micro ?? null) : isUnknown(cost) ? null : cost.cost_micro;
    return {
      tenantId,
      name: profile?.display_name ?? null,
      plan: profile?.plan ?? margin?.plan ?? null,
      segment: profile?.segment ?? null,
      owner: profile?.owner ?? null,
      costMicro: known,
      parts: cost?.parts ?? {},
      estimatedMicro: cost?.estimated_micro ?? 0,
      unpricedCalls: cost?.unpriced_calls ?? 0,
      revenueMicro: margin?.revenue_micro ?? null,
      marginMicro: margin?.margin_micro ?? null,
      marginPercent: margin?.margin_percent ?? null,
      gap: usable === undefined ? undefined : (margin?.gap ?? null),
    };
  });
}

/** Null: any; '': those of whom it is not said. */
export interface CostFilter {
  readonly plan: string | null;
  readonly segment: string | null;
  readonly owner: string | null;
  readonly search: string;
}

export const FILTER_NAMES = ['plan', 'segment', 'owner'] as const;

export function filterOf(query: URLSearchParams): CostFilter {
  const [plan = null, segment = null, owner = null] = FILTER_NAMES.map((name) => query.get(name));
  return { plan, segment, owner, search: query.get('q') ?? '' };
}

export function isFiltered({ plan, segment, owner, search }: CostFilter): boolean {
  return plan !== null || segment !== null || owner !== null || search !== '';
}

export function filterRows(rows: readonly CostRow[], filter: CostFilter): readonly CostRow[] {
  const text = filter.search.toLowerCase();
  return rows.filter(
    (row) =>
      FILTER_NAMES.every((name) => filter[name] === null || (row[name] ?? '') === filter[name]) &&
      (text === '' || row.tenantId.toLowerCase().includes(text) || (row.name ?? '').toLowerCase().includes(text)),
  );
}

/** What there is to choose from, in order; '' last, where some have none. */
export function choicesOf(rows: readonly CostRow[], name: (typeof FILTER_NAMES)[number]): readonly string[] {
  const found = [...new Set(rows.map((row) => row[name] ?? ''))];
  return found.sort((a, b) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b, 'en')));
}

export interface CostTotals {
  readonly tenants: number;
  readonly costMicro: Micro;
  /** Tenants whose cost is not known at all. */
  readonly unknownCost: number;
  readonly unpricedCalls: number;
  /** Over those whose margin is known, as the API does it; null: of nobody. */
  readonly margin: {
    readonly revenueMicro: Micro;
    readonly costMicro: Micro;
    readonly marginMicro: Micro;
    readonly percent: number | null;
  } | null;
  readonly unknownMargins: number;
}

/** Sums of what is shown. Who is not known is counted and in none of the sums. */
export function totalsOf(rows: readonly CostRow[]): CostTotals {
  const known = rows.filter((row) => row.gap === null);
  const revenueMicro = sumMicro(known.map((row) => row.revenueMicro ?? 0));
  const costMicro = sumMicro(known.map((row) => row.costMicro ?? 0));
  const marginMicro = differenceOf(revenueMicro, costMicro);
  const percent = Number(revenueMicro) > 0 ? (Number(marginMicro) / Number(revenueMicro)) * 100 : null;
  return {
    tenants: rows.length,
    costMicro: sumMicro(rows.map((row) => row.costMicro ?? 0)),
    unknownCost: rows.filter((row) => row.costMicro === null).length,
    unpricedCalls: rows.reduce((sum, row) => sum + row.unpricedCalls, 0),
    margin: known.length === 0 ? null : { revenueMicro, costMicro, marginMicro, percent },
    unknownMargins: rows.filter((row) => row.gap !== null && row.gap !== undefined).length,
  };
}

export interface PartTotal {
  readonly part: string;
  readonly micro: number;
}

/** Parts by what they come to, the largest first. */
export function partTotals(
  rows: readonly { readonly parts: Readonly<Record<string, number>> }[],
): readonly PartTotal[] {
  const totals = new Map<string, number>();
  for (const { parts } of rows) {
    for (const [part, micro] of Object.entries(parts)) totals.set(part, (totals.get(part) ?? 0) + micro);
  }
  return [...totals]
    .map(([part, micro]) => ({ part, micro }))
    .sort((a, b) => b.micro - a.micro || (a.part < b.part ? -1 : 1));
}

/** As many parts as there are colours that the eye tells apart; the rest shares the last. */
const COLOURED = 7;

/** Class of a part's colour, the same in every picture of a page. */
export function partColours(totals: readonly PartTotal[]): ReadonlyMap<string, number> {
  return new Map(totals.map(({ part }, index) => [part, Math.min(index, COLOURED) + 1]));
}

export interface BarPiece {
  readonly part: string;
  readonly micro: number;
  /** Of the whole bar's track, in percent. */
  readonly width: number;
}

/** A row's parts as pieces of a bar that is as long as the row's cost is of `longest`. Credits (below zero) take no room. */
export function barPieces(
  parts: Readonly<Record<string, number>>,
  longest: number,
  colours: ReadonlyMap<string, number>,
): readonly BarPiece[] {
  const order = (part: string) => colours.get(part) ?? 0;
  return Object.entries(parts)
    .filter(([, micro]) => micro > 0 && longest > 0)
    .sort(([a], [b]) => order(a) - order(b) || (a < b ? -1 : 1))
    .map(([part, micro]) => ({ part, micro, width: (micro / longest) * 100 }));
}

/** By tenant, from the answer about months. */
export function trendOf(trend: CostTrend | undefined): ReadonlyMap<string, readonly (number | null)[]> {
  return new Map(trend?.items.map((item) => [item.tenant_id, item.costs_micro]));
}

const GAPS: Readonly<Record<MarginGap, string>> = {
  no_revenue: 'No revenue is known of this tenant',
  no_costs: 'No bill covers these days',
  unpriced_ai: 'Some AI calls have no known price',
  currency: 'Revenue or bills are in another currency',
};

/** Why a margin is unknown, in words. */
export const gapText = (gap: MarginGap) => GAPS[gap];
