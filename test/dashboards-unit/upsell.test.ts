import { describe, expect, it } from 'vitest';
import { breakEvenText, poolText } from '../../dashboards/src/sales/placement-text.ts';
import { evidenceOf } from '../../dashboards/src/sales/upsell-evidence.ts';
import {
  type Customer,
  choicesOf,
  customersOf,
  filtersOf,
  leadRows,
  leadsOf,
  type UpsellFacts,
} from '../../dashboards/src/sales/upsell-model.ts';
import { needsOf, planThatFits } from '../../dashboards/src/sales/upsell-plans.ts';
import { nearQuotas, quotaName, quotaValue, reachedText } from '../../dashboards/src/shared/quota-text.ts';
import type { PlacementAdviceItem, PlanItem, PlanVersionItem, QuotaItem, SignalItem } from '../../src/api/contract.ts';

const signal = (changes: Partial<SignalItem> = {}): SignalItem => ({
  ...{ id: 's-1', tenant_id: 'acme', kind: 'near_quota', subject: 'requests/month', status: 'open' },
  ...{ since: '2026-11-01T00:00:00Z', seen_at: '2026-11-20T00:00:00Z', ended_at: null, strength: 40 },
  sentence: 'acme has used 95.0 % of its 1,000 requests this month (950)',
  evidence: {
    figures: {
      key: 'requests',
      period: 'month',
      limit: 1_000,
      share: 0.95,
      used: 950,
      share_now: 0.95,
      share_before: 0.6,
    },
    links: [],
  },
  dismissed: null,
  ...changes,
});
const quota = (changes: Partial<QuotaItem> = {}): QuotaItem => ({
  ...{ tenant_id: 'acme', plan: 'team', key: 'requests', unit: 'requests', period: 'month', kind: 'soft' },
  ...{ limit: 1_000, used: 950, share: 0.95, state: 'reached_90', burst_spent: 0, forecast: null },
  ...{ period_start: '2026-11-01T00:00:00Z', period_end: '2026-12-01T00:00:00Z' },
  ...changes,
});
const terms = (limit: number, micro: number | null, changes: Partial<PlanVersionItem> = {}): PlanVersionItem => ({
  ...{ effective_from: '2026-01-01T00:00:00Z', effective_to: null, guarantee_rps: null, ceiling_rps: null, weight: 1 },
  quotas: [{ key: 'requests', unit: 'requests', period: 'month', limit, kind: 'soft', burst: null }],
  ...{
    features: null,
    tenantry_features: null,
    price: micro === null ? null : { amount_micro: micro, currency: 'USD' },
  },
  ...{ set_by: 'test', set_at: '2026-01-01T00:00:00Z' },
  ...changes,
});
const plan = (name: string, version: PlanVersionItem | null): PlanItem => ({
  plan: name,
  ...{ tenants: 0, terms: version, versions: [] },
});
const PLANS = [
  plan('team', terms(1_000, 49_000_000)),
  plan('business', terms(5_000, 199_000_000)),
  plan('scale', terms(50_000, 999_000_000)),
  plan('legacy', null),
];
const fitting = (signals: SignalItem[], quotas = [quota()], plans = PLANS, paid: Customer['paid'] = null) =>
  planThatFits(plans, 'team', { signals, quotas, paid });

describe('the plan that fits', () => {
  it('is the cheapest that leaves a tenth of every quota free', () => {
    expect(fitting([signal()])).toEqual({
      kind: 'larger',
      plan: 'business',
      worth: { micro: 150_000_000, currency: 'USD' },
    });
    // 4,500 of 5,000 is the last that fits, one more is near a quota again.
    expect(fitting([signal()], [quota({ used: 4_500 })]).plan).toBe('business');
    expect(fitting([signal()], [quota({ used: 4_501 })]).plan).toBe('scale');
    expect(fitting([signal()], [quota({ used: 50_000 })])).toEqual({ kind: 'none', plan: null, worth: null });
  });

  it('counts the period before when the running one is young', () => {
    expect(needsOf([quota({ used: 10 })], [signal()])).toEqual([{ key: 'requests', period: 'month', used: 950 }]);
    expect(fitting([signal()], [quota({ used: 10 })]).plan).toBe('business');
  });

  it('adds growth to what is used, and says when the plan now is large enough', () => {
    const growth = signal({
      ...{ kind: 'growth', subject: 'requests' },
      evidence: { figures: { metric: 'requests', per_four_weeks: 0.5 }, links: [] },
    });
    expect(fitting([growth], [quota({ used: 500 })])).toEqual({ kind: 'fits', plan: null, worth: null });
    expect(fitting([growth], [quota({ used: 700 })]).plan).toBe('business');
  });

  it('asks for the features that are used beyond the plan', () => {
    const beyond = signal({ kind: 'beyond_plan', subject: 'sso', evidence: { figures: { requests: 90 }, links: [] } });
    const plans = [
      plan('team', terms(1_000, 49_000_000, { features: ['search'] })),
      plan('business', terms(5_000, 199_000_000, { features: ['search'] })),
      plan('scale', terms(50_000, 999_000_000, { features: ['search', 'sso'] })),
    ];
    expect(fitting([beyond], [quota({ used: 10 })], plans).plan).toBe('scale');
  });

  it('knows no worth across currencies, and prefers what is paid over what is listed', () => {
    const euro = [
      PLANS[0] ?? plan('team', null),
      plan('business', terms(5_000, 9, { price: { amount_micro: 9, currency: 'EUR' } })),
    ];
    expect(fitting([signal()], [quota()], euro)).toEqual({ kind: 'larger', plan: 'business', worth: null });
    const paid = { micro: 40_000_000, currency: 'USD' };
    expect(fitting([signal()], [quota()], PLANS, paid).worth).toEqual({ micro: 159_000_000, currency: 'USD' });
  });

  it('proposes nothing for who shrinks or costs more than it pays', () => {
    expect(fitting([signal({ kind: 'shrinking' }), signal({ kind: 'negative_margin' })]).kind).toBe('fits');
  });
});

describe('leads', () => {
  const tenant = (tenant_id: string, name: string | null = null) => ({
    ...{ tenant_id, display_name: name, status: 'active' as const, plan: 'team', plan_since: null },
    ...{ first_seen_at: '2026-01-01T00:00:00Z', last_seen: null, placement: 'pooled' as const },
    ...{ placement_reason: null, billing_day: null, seats: null, trial_ends_at: null },
    ...{ scheduled_plan: null, onboarded_at: null, state: null },
  });
  const facts: UpsellFacts = {
    signals: [
      signal({ id: 's-1' }),
      signal({ id: 's-2', kind: 'growth', strength: 90, evidence: { figures: {}, links: [] } }),
      signal({
        ...{ id: 's-3', tenant_id: 'bolt', kind: 'negative_margin', strength: 60 },
        evidence: { figures: { currency: 'EUR', revenue_micro: 10, cost_micro: 35 }, links: [] },
      }),
    ],
    ...{ plans: PLANS, quotas: [quota()], tenants: [tenant('acme', 'Acme Inc.'), tenant('bolt')], revenue: [] },
    profiles: [
      { tenant_id: 'acme', segment: 'retail', owner: 'kim', display_name: null, tags: [], plan: 'team', revision: 1 },
    ],
  };
  const leads = (search = '') => leadsOf(facts, customersOf(facts), filtersOf(new URLSearchParams(search)));

  it('bring the signals of a customer together, the strongest first', () => {
    expect(leads().map(({ tenantId, signals }) => [tenantId, signals.map(({ id }) => id)])).toEqual([
      ['acme', ['s-2', 's-1']],
      ['bolt', ['s-3']],
    ]);
    // A loss is what the talk could end.
    expect(leads()[1]?.worth).toEqual({ micro: 25, currency: 'EUR' });
  });

  it('are filtered by everything in the address', () => {
    const ids = (search: string) => leads(search).map(({ tenantId }) => tenantId);
    expect(ids('signal=growth')).toEqual(['acme']);
    expect(leads('signal=near_quota')[0]?.signals.map(({ id }) => id)).toEqual(['s-1']);
    expect(ids('segment=retail')).toEqual(['acme']);
    expect(ids('segment=(none)')).toEqual(['bolt']);
    expect(ids('owner=kim&plan=team')).toEqual(['acme']);
    expect(ids('plan=business')).toEqual([]);
    expect(ids('q=ACME inc')).toEqual(['acme']);
  });

  it('are a line a signal in the file', () => {
    const rows = leadRows(leads());
    expect(rows).toHaveLength(3);
    expect(rows[1]).toEqual([
      ...['acme', 'Acme Inc.', 'retail', 'kim', 'team', 'business', 150_000_000, 'USD'],
      ...['Near a quota', '2026-11-01T00:00:00Z', 40, 'open', signal().sentence],
    ]);
  });

  it('offer every value there is, and nothing said last', () => {
    expect(choicesOf(['b', null, 'a', 'b'])).toEqual(['a', 'b', '(none)']);
    expect(choicesOf(['a'])).toEqual(['a']);
  });
});

describe('evidence', () => {
  it('draws a quota with its marks, on a longer scale once it is passed', () => {
    expect(evidenceOf(signal())).toEqual({
      bars: [
        { label: 'Now', text: '95% of 1,000', ratio: 0.95, tone: 'warn' },
        { label: 'Period before', text: '60% of 1,000', ratio: 0.6, tone: 'plain' },
      ],
      marks: [0.7, 0.9, 1],
    });
    const over = evidenceOf(signal({ evidence: { figures: { share_now: 2, share_before: null }, links: [] } }));
    expect(over).toEqual({ bars: [{ label: 'Now', text: '200%', ratio: 1, tone: 'bad' }], marks: [0.35, 0.45, 0.5] });
  });

  it('keeps what is not known apart from nothing', () => {
    const shrinking = signal({
      kind: 'shrinking',
      evidence: { figures: { median_week: 1_000, last_week: null }, links: [] },
    });
    expect(evidenceOf(shrinking).bars.map(({ ratio }) => ratio)).toEqual([1, null]);
    const gone = signal({ kind: 'shrinking', evidence: { figures: { median_week: 1_000, last_week: 0 }, links: [] } });
    expect(evidenceOf(gone).bars.map(({ ratio }) => ratio)).toEqual([1, 0]);
  });
});

describe('near a quota', () => {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const forecast = (changes: Partial<NonNullable<QuotaItem['forecast']>>): QuotaItem =>
    quota({
      forecast: { kind: 'met', at: '2026-11-25T00:00:00Z', earliest: null, latest: null, basis_hours: 90, ...changes },
    });

  it.each([
    ['a day', forecast({}), '2026-11-25'],
    [
      'a range',
      forecast({ earliest: '2026-11-24T00:00:00Z', latest: '2026-11-28T00:00:00Z' }),
      '2026-11-25 (2026-11-24 to 2026-11-28)',
    ],
    [
      'an open range',
      forecast({ earliest: '2026-11-24T00:00:00Z' }),
      '2026-11-25 (2026-11-24 to the end of the period or later)',
    ],
    ['never in this period', forecast({ kind: 'not_before_period_end', at: null }), 'Not in this period'],
    [
      'too little history',
      forecast({ kind: 'unknown', at: null, basis_hours: 3 }),
      'Not known: too little history (3 h)',
    ],
    ['no forecast', quota(), 'Not known: a level, or no use by the hour'],
    ['reached', quota({ state: 'reached_100' }), 'Reached'],
  ])('says %s', (_what, item, text) => {
    expect(reachedText(item, date)).toBe(text);
  });

  it('lists from 70 % on, the fullest first, with what allows nothing in front', () => {
    const items = [
      quota({ key: 'a', share: 0.7, state: 'reached_70' }),
      quota({ key: 'b', share: 1.2, state: 'reached_100' }),
      quota({ key: 'c', share: 0.69, state: 'ok' }),
      quota({ key: 'd', share: null, limit: 0, state: 'reached_100' }),
      quota({ key: 'e', share: null, used: null, state: 'unknown' }),
    ];
    expect(nearQuotas(items).map(({ key }) => key)).toEqual(['d', 'b', 'a']);
  });

  it('writes values in their units', () => {
    expect(quotaName(quota())).toBe('API calls a month');
    expect(quotaName(quota({ key: 'seats' }))).toBe('Seats');
    expect(quotaName(quota({ key: 'meter:pdf_exports', period: 'day' }))).toBe('pdf exports a day');
    expect(quotaValue(2_500_000_000, quota({ unit: 'bytes' }))).toBe('2.50 GB');
    expect(quotaValue(12_340_000, quota({ unit: 'micro-USD' }))).toBe('$12.34');
    expect(quotaValue(null, quota())).toBe('–');
  });
});

describe('advice on own instances', () => {
  const advice = (changes: Partial<PlacementAdviceItem> = {}): PlacementAdviceItem => ({
    ...{ tenant_id: 'acme', verdict: 'worth_it', sentence: '', days: 14, currency: 'USD', pooled_cost_micro: null },
    pools: [
      { pool: 'db:postgresql', large_days: 10, share: 0.26, mean_rate: 1, peak_rate: 2, freed_units: null },
      { pool: 'cpu:web', large_days: 12, share: 0.4, mean_rate: 1, peak_rate: 2, freed_units: 2 },
    ],
    offer: { name: 'm', price_micro: 1, migration_micro: 0, cpu_cores: null, storage_bytes: null },
    ...{ pool_saves_micro: 5, monthly_saving_micro: 4, break_even_months: 7 },
    ...changes,
  });

  it('says in which pool, and when it pays back', () => {
    expect(poolText(advice())).toBe('40.0% of CPU of web, 12 of 14 days');
    expect(breakEvenText(advice())).toBe('after 7 months');
    expect(breakEvenText(advice({ break_even_months: 1 }))).toBe('after 1 month');
    expect(breakEvenText(advice({ break_even_months: null, offer: null }))).toBe('Not known: no offer is large enough');
    expect(breakEvenText(advice({ break_even_months: null, monthly_saving_micro: null }))).toMatch(/^Not known/);
    expect(breakEvenText(advice({ break_even_months: null, monthly_saving_micro: -3 }))).toMatch(/^never/);
  });
});
