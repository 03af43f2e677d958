import { describe, expect, it } from 'vitest';
import {
  billingDayEffect,
  planEffects,
  seatsEffect,
  wholeNumberOf,
} from '../../dashboards/src/operations/lifecycle-effects.ts';
import {
  lastSeenText,
  lifecycleFilters,
  lifecycleRows,
  matchesLifecycle,
  newcomers,
  stageOf,
} from '../../dashboards/src/operations/lifecycle-model.ts';
import type { CapItem, DirectoryItem, PlanItem, QuotaItem, ThrottleItem } from '../../src/api/contract.ts';
import type { DeletionRequestItem } from '../../src/api/deletions-contract.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const tenant = (tenant_id: string, changes: Partial<DirectoryItem> = {}): DirectoryItem => ({
  ...{ tenant_id, display_name: null, status: 'active', plan: 'team', plan_since: ago(DAY_MS) },
  ...{ first_seen_at: ago(100 * DAY_MS), last_seen: { at: ago(60_000), step_seconds: 60 }, placement: 'pooled' },
  ...{ placement_reason: null, billing_day: null, seats: null, trial_ends_at: null },
  ...{ scheduled_plan: null, onboarded_at: null, state: null },
  ...changes,
});

describe('the stage of a customer', () => {
  const hour = (at: number) => ({ last_seen: { at: ago(at), step_seconds: 3_600 } });
  it.each([
    ['active', tenant('a'), false],
    ['new', tenant('a', { plan: null, first_seen_at: ago(DAY_MS) }), false],
    ['active', tenant('a', { plan: null }), false],
    ['quiet', tenant('a', hour(9 * DAY_MS)), false],
    // The step that was seen last may have had its span at its very end.
    ['active', tenant('a', hour(7 * DAY_MS + HOUR_MS)), false],
    ['silent', tenant('a', { last_seen: null }), false],
    ['suspended', tenant('a', { status: 'suspended', plan: null, first_seen_at: ago(1) }), false],
    ['closed', tenant('a', { status: 'closed' }), false],
    ['deletion', tenant('a', { status: 'closed' }), true],
  ] as const)('is %s', (stage, item, isToBeDeleted) => {
    expect(stageOf(item, isToBeDeleted, true, NOW)).toBe(stage);
  });

  it('is never quiet while telemetry cannot be read', () => {
    expect(stageOf(tenant('a', { last_seen: null }), false, false, NOW)).toBe('active');
  });
});

describe('rows', () => {
  const cap = (tenant_id: string, key: string | null, amount_micro: number) =>
    ({ tenant_id, key, model: null, amount_micro }) as CapItem;
  const throttle = (tenant_id: string, mode: 'enforce' | 'shadow') => ({ tenant_id, mode }) as ThrottleItem;
  const deletion = (tenant_id: string, state: 'requested' | 'cancelled') =>
    ({ tenant_id, state }) as DeletionRequestItem;
  const rows = lifecycleRows(
    {
      tenants: [tenant('a'), tenant('b'), tenant('c', { plan: null, first_seen_at: ago(DAY_MS) }), tenant('d')],
      lastSeenKnown: true,
      caps: [cap('a', 'chat', 1), cap('a', null, 2)],
      throttles: [throttle('a', 'shadow'), throttle('a', 'enforce'), throttle('a', 'shadow')],
      deletions: [deletion('b', 'requested'), deletion('d', 'cancelled')],
    },
    NOW,
  );

  it('take the cap on everything and the throttle that is felt', () => {
    expect(rows[0]).toMatchObject({ cap: { amount_micro: 2 }, throttle: { mode: 'enforce' }, stage: 'active' });
    expect(rows.map(({ stage }) => stage)).toEqual(['active', 'deletion', 'new', 'active']);
    expect(newcomers(rows).map((row) => row.tenant.tenant_id)).toEqual(['c']);
  });

  it('are filtered by everything in the address', () => {
    const ids = (search: string) =>
      rows
        .filter((row) => matchesLifecycle(row, lifecycleFilters(new URLSearchParams(search))))
        .map((row) => row.tenant.tenant_id);
    expect(ids('stage=new')).toEqual(['c']);
    expect(ids('plan=(none)')).toEqual(['c']);
    expect(ids('plan=team&q=B')).toEqual(['b']);
    expect(ids('placement=dedicated')).toEqual([]);
    expect(ids('')).toHaveLength(4);
  });
});

describe('last seen', () => {
  const words = {
    ago: (ms: number) => `${ms / 60_000} min`,
    day: (ms: number) => new Date(ms).toISOString().slice(0, 10),
  };
  const seen = (at: string, step_seconds: number) => lastSeenText({ last_seen: { at, step_seconds } }, NOW, words);
  it('is no finer than it is known', () => {
    expect(seen(ago(30_000), 60)).toBe('now');
    expect(seen(ago(3 * 60_000), 60)).toBe('2 min ago');
    expect(seen(ago(3 * HOUR_MS), 3_600)).toBe('120 min ago');
    expect(seen('2026-11-20T00:00:00Z', 86_400)).toBe('2026-11-20');
    expect(lastSeenText({ last_seen: null }, NOW, words)).toBe('–');
  });
});

describe('effects of a change', () => {
  const plans = [planOf('team', 1_000, 49_000_000, 50), planOf('business', 5_000, 199_000_000, null)];
  function planOf(plan: string, limit: number, micro: number, ceiling: number | null): PlanItem {
    return {
      ...{ plan, tenants: 1, versions: [] },
      terms: {
        ...{ effective_from: '', effective_to: null, guarantee_rps: null, ceiling_rps: ceiling, weight: 1 },
        quotas: [{ key: 'requests', unit: 'requests', period: 'month', limit, kind: 'soft', burst: null }],
        ...{
          features: null,
          tenantry_features: null,
          price: { amount_micro: micro, currency: 'USD' },
          set_by: '',
          set_at: '',
        },
      },
    };
  }
  const standing = (used: number | null) => [{ key: 'requests', period: 'month', used, limit: 1_000 } as QuotaItem];

  it('say price, quotas with what is used of them, and limits; what stays the same is left out', () => {
    expect(planEffects(plans, 'team', 'business', standing(950))).toEqual([
      { what: 'Price', before: '$49.00 a month', after: '$199.00 a month', tone: 'plain' },
      { what: 'API calls a month', before: '1,000', after: '5,000, of which 19% is used', tone: 'plain' },
      { what: 'Most requests', before: '50 a second', after: 'none', tone: 'plain' },
    ]);
    expect(planEffects(plans, 'team', 'team', [])).toEqual([]);
  });

  it('warn when the new quota is used up from the first moment on', () => {
    const [, quota] = planEffects(plans, 'business', 'team', standing(1_200));
    expect(quota).toEqual({
      ...{ what: 'API calls a month', before: '5,000', after: '1,000, of which 120% is used', tone: 'bad' },
    });
    expect(planEffects(plans, 'team', null, standing(5))).toContainEqual({
      ...{ what: 'API calls a month', before: '1,000', after: 'not limited', tone: 'plain' },
    });
  });

  it('say what seats and billing days mean', () => {
    const seats = [{ key: 'seats', period: 'month', used: 1, limit: 10 } as QuotaItem];
    expect(seatsEffect(8, seats)).toBe('8 of the 10 seats that the plan includes.');
    expect(seatsEffect(12, seats)).toMatch(/^2 more than the 10 seats/);
    expect(seatsEffect(12, [])).toMatch(/no quota on seats/);
    expect(billingDayEffect(31)).toMatch(/day 31, in shorter months on the last day/);
    expect(billingDayEffect(null)).toMatch(/on the first/);
    expect(['7', ' 7 ', '0', '32', '1.5', '', '1e1'].map((text) => wholeNumberOf(text, 1, 31))).toEqual([
      ...[7, 7, undefined, undefined, undefined, undefined, undefined],
    ]);
  });
});
