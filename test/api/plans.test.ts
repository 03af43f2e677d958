import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.sales.plans.versions.length = 0;
});

const TERMS = { quotas: [{ key: 'requests', period: 'month', limit: 1_000 }] };
const put = (payload: object, plan = 'growth') =>
  api.app.inject({ method: 'PUT', url: `/v1/plans/${plan}`, headers: bearer(ADMIN_TOKEN), payload });
const get = async (path: string) => (await api.app.inject({ url: path, headers: bearer(ADMIN_TOKEN) })).json();

describe('a plan', () => {
  test('is set whole and comes back as it was set, with units and defaults', async () => {
    const whole = {
      quotas: [
        {
          key: 'requests',
          period: 'month',
          limit: 1_000_000,
          kind: 'hard',
          burst: { accrual_percent: 10, capacity: 500_000, expires_after_days: 90 },
        },
        { key: 'ai_cost', period: 'day', limit: 5_000_000 },
        { key: 'meter:exports', period: 'month', limit: 0, burst: null },
      ],
      guarantee_rps: 5,
      ceiling_rps: 50.5,
      weight: 2,
      features: ['search', 'export', 'search'],
      tenantry_features: ['scim', 'scim'],
      price: { amount_micro: 99_000_000, currency: 'EUR' },
    };
    const answer = await put(whole);
    expect([answer.statusCode, answer.json().plan]).toEqual([200, 'growth']);
    expect(answer.json().terms).toEqual({
      effective_from: new Date(START).toISOString(),
      effective_to: null,
      quotas: [
        { ...whole.quotas[0], unit: 'requests' },
        { ...whole.quotas[1], unit: 'micro-USD', kind: 'soft', burst: null },
        { ...whole.quotas[2], unit: 'units', kind: 'soft' },
      ],
      guarantee_rps: 5,
      ceiling_rps: 50.5,
      weight: 2,
      features: ['search', 'export'],
      tenantry_features: ['scim'],
      price: whole.price,
      set_by: expect.any(String),
      set_at: new Date(START).toISOString(),
    });
    expect(await get('/v1/plans')).toEqual({ items: [answer.json()] });
    expect(await get('/v1/plans/growth')).toEqual(answer.json());
  });

  test('may be said to hold nothing but its name', async () => {
    expect((await put({})).json().terms).toMatchObject({
      quotas: [],
      guarantee_rps: null,
      ceiling_rps: null,
      weight: 1,
      features: null,
      tenantry_features: null,
      price: null,
    });
  });

  test('holds version by version: the past keeps what it had, the future is not yet in force', async () => {
    await put({ ...TERMS, effective_from: '2026-01-01T00:00:00Z' });
    await put({ ceiling_rps: 5, effective_from: '2026-07-01T00:00:00Z' });
    const plan = await get('/v1/plans/growth');
    expect(plan.terms.quotas).toHaveLength(1);
    expect(plan.versions.map((one: Record<string, unknown>) => [one['effective_from'], one['effective_to']])).toEqual([
      ['2026-01-01T00:00:00.000Z', '2026-07-01T00:00:00.000Z'],
      ['2026-07-01T00:00:00.000Z', null],
    ]);
    await put({ ceiling_rps: 9, effective_from: '2026-07-01T00:00:00Z' }, 'later');
    expect((await get('/v1/plans/later')).terms).toBeNull();
  });

  const quota = (changes: object) => ({ quotas: [{ key: 'requests', period: 'month', limit: 1, ...changes }] });
  const burst = { accrual_percent: 10, capacity: 5, expires_after_days: 9 };
  test.each([
    ['a key that there is not', quota({ key: 'coffee' })],
    ['a meter without a name', quota({ key: 'meter:' })],
    ['a key out of the prototype', quota({ key: 'constructor' })],
    ['a limit below nothing', quota({ limit: -1 })],
    ['a limit that JSON cannot carry', quota({ limit: 2 ** 53 })],
    ['a fraction', quota({ limit: 0.5 })],
    ['another period', quota({ period: 'week' })],
    ['two quotas for one key and period', { quotas: [...quota({}).quotas, ...quota({ limit: 2 }).quotas] }],
    ['credits for a level', quota({ key: 'seats', burst })],
    [
      'two accounts of credits for one key',
      { quotas: [...quota({ burst }).quotas, ...quota({ burst, period: 'day' }).quotas] },
    ],
    ['a guarantee above the ceiling', { guarantee_rps: 10, ceiling_rps: 5 }],
    ['a ceiling of nothing', { ceiling_rps: 0 }],
    ['no weight', { weight: 0 }],
    ['a price in no currency', { price: { amount_micro: 1, currency: 'dollars' } }],
    ['a field that there is not', { quota: [] }],
    ['a time that is none', { effective_from: 'tomorrow' }],
  ])('is refused with %s', async (_what, payload) => {
    const answer = await put(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(api.ports.sales.plans.versions).toEqual([]);
  });
});
