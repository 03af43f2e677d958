import { describe, expect, it } from 'vitest';
import {
  billingPeriod,
  daysOf,
  elapsed,
  isUnused,
  measuresOf,
  niceTop,
  paceText,
  quotaLabel,
  quotaMeaning,
  statementMonths,
  totalOf,
} from '../../dashboards/src/tenant/usage-model.ts';
import type { MeterItem } from '../../src/api/meters-contract.ts';
import type { QuotaItem } from '../../src/api/quotas-contract.ts';
import type { UsageList } from '../../src/api/usage-contract.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 18, 30);

const quota = (changes: Partial<QuotaItem> = {}): QuotaItem => ({
  ...{ tenant_id: 'acme', plan: 'team', key: 'requests', unit: 'requests', period: 'month', kind: 'soft' },
  ...{ limit: 100, used: 10, share: 0.1, state: 'ok', burst_spent: 0, forecast: null },
  ...{ period_start: '2026-11-15T00:00:00Z', period_end: '2026-12-15T00:00:00Z' },
  ...changes,
});

function usage(values: Record<string, number | null>, series: [string, Record<string, number>][] = []): UsageList {
  return {
    ...{ from: '', to: '', step: 'day', units: {}, next_cursor: null, total: 1, services: [] },
    items: [
      {
        ...{ tenant_id: 'acme', values, compute: null },
        ratios: { error_rate: null, cache_hit_rate: null, integration_error_rate: null, slow_db_call_rate: null },
        series: series.map(([at, dayValues]) => ({ at, values: dayValues })),
      },
    ],
  };
}

const [REQUESTS, , TOKENS] = measuresOf([]);
if (REQUESTS === undefined || TOKENS === undefined) throw new Error('there are measures');

describe('the billing period', () => {
  it('is that of the quotas a month, else the month of the calendar in UTC', () => {
    const daily = quota({ period: 'day', period_start: '2026-11-23T00:00:00Z', period_end: '2026-11-24T00:00:00Z' });
    expect(billingPeriod([daily, quota()], NOW)).toEqual({ from: Date.UTC(2026, 10, 15), to: Date.UTC(2026, 11, 15) });
    expect(billingPeriod([daily], NOW)).toEqual({ from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) });
    expect(billingPeriod([], Date.UTC(2026, 11, 31))).toEqual({
      from: Date.UTC(2026, 11, 1),
      to: Date.UTC(2027, 0, 1),
    });
  });

  it('is asked for up to now, and never empty', () => {
    const period = { from: 0, to: 10 * DAY };
    expect(elapsed(period, DAY)).toEqual({ from: 0, to: DAY });
    expect(elapsed(period, 11 * DAY)).toEqual(period);
    expect(elapsed(period, 0)).toEqual({ from: 0, to: 60_000 });
  });
});

describe('values by day', () => {
  const period = { from: Date.UTC(2026, 10, 22), to: Date.UTC(2026, 10, 26) };
  const days = (list: UsageList) => daysOf(list, REQUESTS, period, NOW).map(({ value }) => value);

  it('are 0 on days without traffic, and nothing on days to come', () => {
    const list = usage({ requests: 5 }, [['2026-11-23T00:00:00Z', { requests: 5 }]]);
    expect(days(list)).toEqual([0, 5, null, null]);
    expect(daysOf(list, REQUESTS, period, NOW).map(({ isFuture }) => isFuture)).toEqual([false, false, true, true]);
  });

  it('are unknown where the measure was not measured at all', () => {
    expect(days(usage({ requests: null }))).toEqual([null, null, null, null]);
    expect(days({ ...usage({}), items: [] })).toEqual([null, null, null, null]);
  });

  it('touch every day of a period that begins in the middle of one', () => {
    expect(daysOf(usage({}), REQUESTS, { from: 0.5 * DAY, to: 2.5 * DAY }, NOW)).toHaveLength(3);
  });
});

describe('measures', () => {
  it('add up metrics, of which one may be missing', () => {
    expect(totalOf(usage({ ai_input_tokens: 7, ai_output_tokens: 5 }), TOKENS)).toBe(12);
    expect(totalOf(usage({ ai_input_tokens: 7, ai_output_tokens: null }), TOKENS)).toBe(7);
    expect(totalOf(usage({ ai_input_tokens: null }), TOKENS)).toBeNull();
  });

  it('read meters that add up in their own unit: sums come in billionths, counts as they are', () => {
    const meter = (slug: string, aggregation: MeterItem['aggregation']): MeterItem => ({
      ...{ slug, aggregation, event_type: 'x', value_property: null, group_by: {}, unit: 'pages', description: '' },
      ...{ created_by: '', created_at: '' },
    });
    const own = measuresOf([meter('pdf_pages', 'sum'), meter('exports', 'count'), meter('peak', 'max')]).slice(-2);
    expect(own.map(({ id, label }) => [id, label])).toEqual([
      ['meter:pdf_pages', 'Pdf pages'],
      ['meter:exports', 'Exports'],
    ]);
    const list = usage({ 'meter:pdf_pages': 2_500_000_000, 'meter:exports': 3 });
    expect(own.map((measure) => measure.format(totalOf(list, measure)))).toEqual(['2.5 pages', '3 pages']);
  });

  it('say that nothing was used only if no quota says otherwise', () => {
    const nothing = usage({ requests: 0, errors: null });
    expect(isUnused(nothing, measuresOf([]), [])).toBe(true);
    expect(isUnused(nothing, measuresOf([]), [quota({ used: 0 }), quota({ used: null })])).toBe(true);
    expect(isUnused(nothing, measuresOf([]), [quota({ key: 'seats', used: 3 })])).toBe(false);
    expect(isUnused(usage({ requests: 1 }), measuresOf([]), [])).toBe(false);
  });
});

it('the axis ends at a round number that holds the highest bar', () => {
  expect([0, 1, 3, 300, 501, 1_000, 1_001, 0.03].map(niceTop)).toEqual([1, 1, 5, 500, 1_000, 1_000, 2_000, 0.05]);
});

describe('words of quotas', () => {
  it('say what reaching a mark means, harder for hard limits', () => {
    expect(quotaMeaning(quota())).toBe('');
    expect(quotaMeaning(quota({ state: 'reached_90' }))).toBe('More than 90 % is used.');
    expect(quotaMeaning(quota({ state: 'reached_100' }))).toContain('You can go on');
    expect(quotaMeaning(quota({ state: 'reached_100', kind: 'hard' }))).toContain('may be held back');
    expect(quotaMeaning(quota({ state: 'unknown', used: null }))).toBe('Not measured yet.');
  });

  it('tell the pace where it is known', () => {
    const forecast = (kind: NonNullable<QuotaItem['forecast']>['kind'], at: string | null = null) =>
      quota({ forecast: { kind, at, earliest: null, latest: null, basis_hours: 24 } });
    const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    expect(paceText(forecast('met', '2026-11-27T00:00:00Z'), date)).toBe('At this pace it is used up on 2026-11-27.');
    expect(paceText(forecast('not_before_period_end'), date)).toBe('At this pace it lasts for the period.');
    expect(paceText(forecast('unknown'), date)).toBe('');
    expect(paceText(quota(), date)).toBe('');
  });

  it('name keys as customers do', () => {
    expect(['requests', 'storage_bytes', 'meter:api_exports'].map(quotaLabel)).toEqual([
      'Requests',
      'Storage',
      'Api exports',
    ]);
  });
});

it('statements go back eleven months, over the turn of the year', () => {
  const months = statementMonths(Date.UTC(2026, 1, 28));
  expect([months.length, months[0], months[1], months[2], months.at(-1)]).toEqual([
    12,
    '2026-02',
    '2026-01',
    '2025-12',
    '2025-03',
  ]);
});
