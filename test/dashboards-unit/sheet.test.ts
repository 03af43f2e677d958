import { describe, expect, it } from 'vitest';
import {
  formatAvailability,
  formatChange,
  quotaLines,
  reliabilityOf,
  usageTrend,
  weekBars,
} from '../../dashboards/src/sales/sheet-model.ts';
import {
  daysPassed,
  monthsOf,
  quarterAt,
  quarterBefore,
  quarterFromQuery,
  quartersUpTo,
} from '../../dashboards/src/sales/sheet-quarter.ts';
import type { QuotaItem, UsageList } from '../../src/api/contract.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 12);
const QUARTER = quarterAt(NOW);

describe('quarters', () => {
  it('are those of the calendar in UTC', () => {
    expect(QUARTER).toEqual({
      ...{ id: '2026-Q4', name: 'October to December 2026' },
      ...{ from: Date.UTC(2026, 9), to: Date.UTC(2027, 0) },
    });
    expect(quarterBefore(quarterAt(Date.UTC(2026, 1, 28)))).toMatchObject({ id: '2025-Q4', to: Date.UTC(2026, 0) });
    expect(quartersUpTo(NOW, 3).map(({ id }) => id)).toEqual(['2026-Q4', '2026-Q3', '2026-Q2']);
  });

  it.each([
    ['2026-Q1', '2026-Q1'],
    ['2027-Q1', '2026-Q4'],
    ['2026-Q5', '2026-Q4'],
    ['nonsense', '2026-Q4'],
  ])('%s in an address means %s', (text, id) => {
    expect(quarterFromQuery(new URLSearchParams({ quarter: text }), NOW).id).toBe(id);
  });

  it('know the months that have begun, and a moment within each', () => {
    expect(monthsOf(QUARTER, NOW).map(({ id, name, isRunning }) => [id, name, isRunning])).toEqual([
      ['2026-10', 'Oct', false],
      ['2026-11', 'Nov', true],
    ]);
    expect(monthsOf(QUARTER, NOW).map(({ at }) => at)).toEqual([Date.UTC(2026, 10) - 1, NOW]);
    expect(daysPassed(QUARTER, NOW)).toBe(53.5);
    expect(daysPassed(quarterBefore(QUARTER), NOW)).toBe(92);
  });
});

type Item = UsageList['items'][number];
const usage = (requests: number | null, series: Item['series'] = null): Item => ({
  tenant_id: 'acme',
  values: { requests, ai_input_tokens: null, ai_output_tokens: null },
  ratios: { error_rate: null, cache_hit_rate: null, integration_error_rate: null, slow_db_call_rate: null },
  compute: null,
  series,
});
const day = (offset: number, requests: number | null) => ({
  at: new Date(QUARTER.from + offset * DAY_MS).toISOString(),
  values: { requests },
});

describe('usage of the quarter', () => {
  it('is put together by week; weeks without a measurement stay empty', () => {
    const bars = weekBars(usage(60, [day(0, 10), day(6, 20), day(7, 30), day(15, null)]), 'requests', QUARTER, NOW);
    expect(bars).toHaveLength(14);
    expect(bars.slice(0, 4).map(({ value }) => value)).toEqual([30, 30, null, null]);
    expect(bars.map(({ isRunning }) => isRunning).indexOf(true)).toBe(7);
    expect(weekBars(undefined, 'ai_tokens', QUARTER, NOW).every(({ value }) => value === null)).toBe(true);
  });

  it('compares days with days, so that a running quarter has not shrunk', () => {
    const question = {
      ...{ quarter: QUARTER, previous: quarterBefore(QUARTER), firstSeen: 0, now: NOW },
      ...{ item: usage(5_350), before: usage(4_600) },
    };
    expect(usageTrend('requests', question)).toMatchObject({ total: 5_350, perDay: 100, change: 1 });
    // It came within the quarter before: half a quarter is no measure.
    expect(usageTrend('requests', { ...question, firstSeen: Date.UTC(2026, 7) }).change).toBeNull();
    expect(usageTrend('ai_tokens', question)).toMatchObject({ total: null, perDay: null, change: null });
    expect(usageTrend('requests', { ...question, item: undefined }).total).toBeNull();
  });

  it('says changes in whole percent', () => {
    expect([0.124, -0.03, 0.004, null].map(formatChange)).toEqual([
      '+12%',
      '−3%',
      'no change',
      'nothing to compare with',
    ]);
  });
});

describe('reliability', () => {
  it('cuts off instead of rounding up: a failure never becomes a hundred', () => {
    expect([1, 0.99999, 0.9996, 0.98765, null].map(formatAvailability)).toEqual([
      '100%',
      '99.9990%',
      '99.96%',
      '98.76%',
      '–',
    ]);
  });

  it('is not known without requests', () => {
    expect(reliabilityOf({ requests: 0, errors: 0, p95_ms: null })).toEqual({
      ...{ p95Ms: null, errorRate: null, availability: null },
    });
    expect(reliabilityOf({ requests: 200, errors: 5, p95_ms: 80 })).toEqual({
      ...{ p95Ms: 80, errorRate: 0.025, availability: 0.975 },
    });
  });
});

describe('quotas by month', () => {
  const quota = (key: string, share: number | null, period: 'day' | 'month' = 'month') =>
    ({ key, period, share, limit: 10, used: 1 }) as QuotaItem;

  it('stand in one line each, the fullest first, with months that had no such quota empty', () => {
    const { lines, more } = quotaLines([[quota('a', 0.1)], [quota('a', 0.5), quota('b', 0.9), quota('c', 1, 'day')]]);
    expect(lines.map(({ quota: { key }, months }) => [key, months.map((month) => month?.share ?? null)])).toEqual([
      ['b', [null, 0.9]],
      ['a', [0.1, 0.5]],
    ]);
    expect(more).toBe(0);
  });

  it('leave out what the page has no room for, and say how many', () => {
    const many = Array.from({ length: 9 }, (_, index) => quota(`k${index}`, index / 10));
    const { lines, more } = quotaLines([many]);
    expect([lines.length, more, lines[0]?.quota.key]).toEqual([6, 3, 'k8']);
  });
});
