import { describe, expect, it } from 'vitest';
import {
  capMarks,
  capName,
  capShare,
  capStanding,
  degradationText,
  limitsInForce,
  limitText,
  whyText,
} from '../../dashboards/src/tenant/limits-text.ts';
import { routeRows } from '../../dashboards/src/tenant/performance-model.ts';
import type { MetricSeries } from '../../src/api/contract.ts';
import type { CapItem } from '../../src/api/spend-contract.ts';
import { throttleOf } from '../support/dashboards-data.ts';

const NOW = Date.UTC(2026, 10, 23, 18);

describe('limits', () => {
  it('are those that refuse something now', () => {
    const inForce = throttleOf('a', { now: NOW });
    const others = [
      throttleOf('a', { now: NOW, mode: 'shadow' }),
      throttleOf('a', { now: NOW, status: 'lifted' }),
      throttleOf('a', { now: NOW, expires_at: new Date(NOW).toISOString() }),
    ];
    expect(limitsInForce([...others, inForce], NOW)).toEqual([inForce]);
  });

  it('say how much, where and why, and never what was written about them', () => {
    const limit = (requests: number, scope = {}) =>
      limitText({ limit: { requests_per_second: requests, burst: 1 }, scope });
    expect(limit(5, { route: '/search', service: 'shop' })).toBe('At most 5 requests a second on /search');
    expect(limit(1)).toBe('At most 1 request a second');
    expect(limit(0, { service: 'shop' })).toBe('No requests are answered on shop');
    const throttle = throttleOf('a', { now: NOW, reason: 'globex was hurt, rule 7' });
    for (const anomaly of [null, 'x']) expect(whyText({ ...throttle, anomaly_id: anomaly })).not.toMatch(/globex|rule/);
    expect(whyText({ anomaly_id: 'x' })).toContain('more requests than usual');
  });
});

it.each([
  ['ai', 'AI calls are refused'],
  ['ai.key.bob', 'AI calls are refused for key bob'],
  ['ai.model.gpt-4o', 'AI calls are refused for model gpt-4o'],
  ['ai.key.bob.model.gpt-4o', 'AI calls are refused for key bob for model gpt-4o'],
])('what is taken of %s is told as: %s', (feature, text) => {
  expect(degradationText({ step: 'blocked', feature })).toBe(text);
});

describe('AI budgets', () => {
  const cap = (changes: Partial<CapItem>): CapItem =>
    ({
      ...{ period: 'month', amount_micro: 100, used_micro: 0, currency: 'USD', key: null, model: null, step: 'ok' },
      ladder: [
        { percent: 70, step: 'warn' },
        { percent: 90, step: 'cached_only' },
        { percent: 100, step: 'blocked' },
      ],
      ...changes,
    }) as CapItem;

  it('mark what is reached, from the mark itself on', () => {
    const reached = (used: number) => capMarks(cap({ used_micro: used })).map(({ isReached }) => isReached);
    expect(reached(69)).toEqual([false, false, false]);
    expect(reached(70)).toEqual([true, false, false]);
    expect(reached(100)).toEqual([true, true, true]);
    expect(capShare(cap({ amount_micro: 0 }))).toBeNull();
    expect(capMarks(cap({ amount_micro: 0 })).every(({ isReached }) => isReached)).toBe(true);
  });

  it('say what happens at 100 %, and what holds now', () => {
    expect(capMarks(cap({})).at(-1)?.text).toBe('AI calls are refused until the period ends');
    expect(capStanding({ step: 'ok' })).toBe('');
    expect(capStanding({ step: 'blocked' })).toContain('refused');
    expect(capName(cap({ period: 'day', model: 'gpt-4o' }))).toBe('AI spend today, model gpt-4o');
  });
});

it('routes: requests and errors of all days, P95 of the last day on which they were called', () => {
  const series = (values: Record<string, (number | null)[]>): MetricSeries => ({
    ...{ metric: 'requests', unit: 'requests', step_seconds: 86_400 },
    series: Object.entries(values).map(([route, points]) => ({
      group: { route },
      points: points.map((value, day) => [day, value]),
    })),
  });
  const rows = routeRows({
    requests: series({ '/a': [10, 30, 0], '/b': [0, 0, 0] }),
    errors: series({ '/a': [1, 1, 0] }),
    p95: series({ '/a': [5, 7, null] }),
  });
  expect(rows).toEqual([{ route: '/a', requests: 40, errors: 2, errorRate: 0.05, p95Ms: 7 }]);
});
