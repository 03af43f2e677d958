import { describe, expect, it } from 'vitest';
import { costIdentity } from '../../dashboards/src/sales/cost-identity.ts';
import { costRangeOf, rangeName, withDays, withMonth } from '../../dashboards/src/sales/cost-range.ts';
import {
  barPieces,
  choicesOf,
  costRows,
  filterOf,
  filterRows,
  partColours,
  partTotals,
  totalsOf,
} from '../../dashboards/src/sales/cost-rows.ts';
import { forecastWords } from '../../dashboards/src/sales/forecast-text.ts';
import { bridgeOf } from '../../dashboards/src/sales/margin-bridge.ts';
import { differenceOf, percentText, roughAmount, sumMicro } from '../../dashboards/src/sales/money-sum.ts';
import type { CostList, ForecastBody, MarginAnswerBody, TenantProfileItem } from '../../src/api/contract.ts';

const NOW = Date.UTC(2026, 10, 23, 18, 30);
const query = (text: string) => new URLSearchParams(text);
const days = ({ from, to }: { from: number; to: number }) =>
  [from, to].map((at) => new Date(at).toISOString().slice(0, 16));

function list(changes: Partial<CostList> = {}): CostList {
  return {
    ...{ currency: 'USD', from: '', to: '', group_by: 'tenant', bill_micro: 0, estimated_micro: 0, items: [] },
    ...{ more_tenants: 0, more_micro: 0, groups: [], shared_micro: 0, idle_micro: 0, unallocated_micro: 0 },
    ...{ residual_micro: 0, other_currencies: [], notes: [] },
    ...changes,
  };
}
const item = (tenant_id: string, parts: Record<string, number>, unpriced_calls = 0): CostList['items'][number] => {
  const cost_micro = Object.values(parts).reduce((sum, micro) => sum + micro, 0);
  return { tenant_id, cost_micro, estimated_micro: 0, unpriced_calls, parts };
};
const sums = { revenue_micro: null, cost_micro: null, margin_micro: null, margin_percent: null, gap: null } as const;
const margins = (tenants: MarginAnswerBody['tenants'], currency = 'USD'): MarginAnswerBody => ({
  ...{ from: '', to: '', currency, group_by: 'tenant', plans: [], features: [], tenants },
  total: { ...sums, tenants: 0, unknown_tenants: 0, unknown_revenue_micro: 0, unknown_cost_micro: 0 },
});
const margin = (tenant_id: string, revenue: number | null, cost: number, gap: 'no_revenue' | null = null) => ({
  ...{ tenant_id, plan: 'p', revenue_micro: revenue, cost_micro: cost, gap },
  margin_micro: revenue === null ? null : revenue - cost,
  margin_percent: revenue === null ? null : ((revenue - cost) / revenue) * 100,
});
const profile = (tenant_id: string, parts: Partial<TenantProfileItem> = {}): TenantProfileItem => {
  return { tenant_id, plan: null, segment: null, owner: null, display_name: null, tags: [], revision: 1, ...parts };
};

describe('the days that are asked for', () => {
  it.each([
    ['', ['2026-11-01T00:00', '2026-11-24T00:00'], 'November 2026, to date'],
    ['month=2026-10', ['2026-10-01T00:00', '2026-11-01T00:00'], 'October 2026'],
    ['month=2026-12', ['2026-11-01T00:00', '2026-11-24T00:00'], 'November 2026, to date'],
    ['month=2026-13', ['2026-11-01T00:00', '2026-11-24T00:00'], 'November 2026, to date'],
    [
      'from=2026-10-03T04:00:00Z&to=2026-10-05T00:00:01Z',
      ['2026-10-03T00:00', '2026-10-06T00:00'],
      '3 Oct 2026 – 5 Oct 2026',
    ],
    ['from=2026-10-03T04:00:00Z&to=2026-10-03T05:00:00Z', ['2026-10-03T00:00', '2026-10-04T00:00'], '3 Oct 2026'],
    ['from=2026-10-03&to=2026-10-01', ['2026-11-01T00:00', '2026-11-24T00:00'], 'November 2026, to date'],
  ])('%j', (text, window, name) => {
    const range = costRangeOf(query(text), NOW);
    expect([days(range.window), rangeName(range)]).toEqual([window, name]);
  });

  it('go into the URL as they come out of it, and take each other’s place', () => {
    expect(withMonth(query('from=a&to=b&plan=x'), '2026-09', NOW).toString()).toBe('plan=x&month=2026-09');
    expect(withMonth(query('month=2026-09'), '2026-11', NOW).toString()).toBe('');
    const own = costRangeOf(withDays(query('month=2026-09'), '2026-08-30', '2026-09-02'), NOW);
    expect(days(own.window)).toEqual(['2026-08-30T00:00', '2026-09-03T00:00']);
    expect(own.month).toBe('2026-09');
  });
});

describe('rows of tenants', () => {
  const rows = costRows({
    costs: list({ items: [item('a', { compute: 70, ai: 30 }), item('b', {}, 4), item('c', { compute: 5 }, 1)] }),
    margins: margins([margin('a', 400, 100), margin('c', null, 5, 'no_revenue'), margin('paying', 50, 0)]),
    profiles: [profile('a', { plan: 'gold', owner: 'Ada', display_name: 'Älpha' }), profile('idle')],
  });

  it('join costs, margins and profiles; only calls without a price are unknown and not 0', () => {
    expect(rows.map((row) => [row.tenantId, row.costMicro, row.revenueMicro, row.gap, row.plan])).toEqual([
      ['a', 100, 400, null, 'gold'],
      ['b', null, null, null, null],
      ['c', 5, null, 'no_revenue', 'p'],
      ['paying', 0, 50, null, 'p'],
    ]);
  });

  it('add up as the API does: who is not known is counted and in no sum', () => {
    expect(totalsOf(rows.filter(({ tenantId }) => tenantId !== 'b'))).toEqual({
      ...{ tenants: 3, costMicro: 105, unknownCost: 0, unpricedCalls: 1, unknownMargins: 1 },
      margin: { revenueMicro: 450, costMicro: 100, marginMicro: 350, percent: (350 / 450) * 100 },
    });
    expect(totalsOf([]).margin).toBeNull();
  });

  it('have no revenue in another currency than their costs', () => {
    const [row] = costRows({
      costs: list({ currency: 'EUR', items: [item('a', { compute: 1 })] }),
      margins: margins([margin('a', 400, 100)]),
      profiles: [],
    });
    expect(row).toMatchObject({ revenueMicro: null, marginMicro: null, gap: undefined });
  });

  it('are filtered by exact names, by having none, and by parts of id and name', () => {
    const ids = (text: string) => filterRows(rows, filterOf(query(text))).map(({ tenantId }) => tenantId);
    expect(ids('owner=Ada')).toEqual(['a']);
    expect(ids('owner=')).toEqual(['b', 'c', 'paying']);
    expect(ids('plan=p&q=AY')).toEqual(['paying']);
    expect(ids('q=älp')).toEqual(['a']);
    expect(choicesOf(rows, 'plan')).toEqual(['gold', 'p', '']);
  });

  it('have bars as long as their cost beside the largest, without room for credits', () => {
    const totals = partTotals(rows);
    expect(totals).toEqual([
      { part: 'compute', micro: 75 },
      { part: 'ai', micro: 30 },
    ]);
    const pieces = barPieces({ ai: 30, compute: 50, credit: -20 }, 160, partColours(totals));
    expect(pieces.map(({ part, width }) => [part, width])).toEqual([
      ['compute', 31.25],
      ['ai', 18.75],
    ]);
    expect(barPieces({ compute: 1 }, 0, new Map())).toEqual([]);
  });
});

describe('where the bill went', () => {
  const costs = list({
    ...{ bill_micro: 100, estimated_micro: 20, items: [item('a', { compute: 60 })], more_micro: 10 },
    ...{ shared_micro: 25, idle_micro: 15, unallocated_micro: 10 },
  });

  it('adds up', () => {
    expect(costIdentity(costs)).toMatchObject({ wholeMicro: 120, residualMicro: 0, isWhole: true });
  });

  it('is checked here as well as by the server', () => {
    expect(costIdentity({ ...costs, idle_micro: 14 })).toMatchObject({ residualMicro: 1, isWhole: false });
    expect(costIdentity({ ...costs, residual_micro: 3 })).toMatchObject({ residualMicro: 0, isWhole: false });
  });
});

describe('amounts', () => {
  it('are added without losing a micro-unit, however large', () => {
    expect(sumMicro(['9007199254740993', 1, -2])).toBe('9007199254740992');
    expect(sumMicro([1, 2, '3'])).toBe(6);
    expect(differenceOf(5, '7')).toBe(-2);
  });

  it.each([
    [12.345, '12.3%'],
    [-0.04, '0.0%'],
    [-12, '-12.0%'],
  ])('%d percent is %s', (percent, text) => expect(percentText(percent)).toBe(text));

  it.each([
    [99_990_000, '$99.99'],
    [976_964_683, '$977'],
    [13_663_500_000, '$13.7K'],
    [-13_663_500_000, '-$13.7K'],
  ])('%d is roughly %s', (micro, text) => expect(roughAmount(micro, 'USD')).toBe(text));
});

describe('a forecast in words', () => {
  const forecast: ForecastBody = {
    ...{ of: 'cost', tenant_id: null, currency: 'USD', month_from: '', month_to: '', to_date_micro: 0 },
    ...{ known_until: '2026-11-23T00:00:00Z', expected_micro: 120_000_000, low_micro: 90_000_000 },
    ...{ high_micro: 150_000_000, coverage: 0.8, basis_days: 42, gap: null },
  };

  it('says its range, how often it holds and what it is made from', () => {
    expect(forecastWords(forecast)).toEqual({
      expected: '$120.00',
      range: '$90.00 to $150.00 in 80% of months',
      basis: 'From 42 days, known to 22 Nov 2026',
    });
  });

  it('says why there is none, and is never 0', () => {
    const few = { ...forecast, low_micro: null, high_micro: null, gap: 'too few days' };
    expect(forecastWords(few)).toMatchObject({ expected: '$120.00', range: 'No range: too few days' });
    const none = { ...forecast, expected_micro: null, currency: null, gap: 'no days', basis_days: 0 };
    expect(forecastWords(none)).toEqual({ expected: null, range: 'no days', basis: 'No day is known yet' });
  });
});

describe('movements of recurring revenue', () => {
  const movement = {
    ...{ currency: 'USD', before_micro: 100, new_micro: 50, reactivation_micro: 0, expansion_micro: 10 },
    ...{ contraction_micro: 20, churn_micro: 40, after_micro: 100, unknown_tenants: 0 },
  };

  it('walk from the start to the end, each bar where the one before ended', () => {
    const { steps, residualMicro } = bridgeOf(movement);
    expect(residualMicro).toBe(0);
    expect(steps.map(({ id, micro, kind }) => [id, micro, kind])).toEqual([
      ['before', 100, 'stand'],
      ['new', 50, 'up'],
      ['reactivation', 0, 'up'],
      ['expansion', 10, 'up'],
      ['contraction', -20, 'down'],
      ['churn', -40, 'down'],
      ['after', 100, 'stand'],
    ]);
    const churn = steps.find(({ id }) => id === 'churn');
    expect([churn?.from, churn?.width]).toEqual([(100 / 160) * 100, (40 / 160) * 100]);
  });

  it('say by how much they do not add up', () => {
    expect(bridgeOf({ ...movement, after_micro: 101 }).residualMicro).toBe(1);
  });
});
