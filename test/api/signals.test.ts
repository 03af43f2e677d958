import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_DEDICATED_TERMS } from '../../src/domain/dedicated.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { Signal } from '../../src/domain/signal.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.sales.signals.items = [];
  api.ports.sales.placements.placed.clear();
});

const signal = (changes: Partial<Signal> = {}): Signal => ({
  ...{ id: 's-1', tenantId: OWN, kind: 'growth', subject: 'requests', since: START - 1_000, seenAt: START },
  ...{ strength: 40, sentence: 'it grows', endedAt: null, dismissal: null },
  evidence: { figures: { weeks: 8 }, links: ['/v1/quotas'] },
  ...changes,
});
const get = async (path: string) => (await api.app.inject({ url: path, headers: bearer(ADMIN_TOKEN) })).json();
const send = (method: 'PUT' | 'POST', url: string, payload: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), payload });

describe('signals', () => {
  test('are told with their evidence, the strongest first, those that are open unless asked otherwise', async () => {
    api.ports.sales.signals.items = [
      signal(),
      signal({ id: 's-2', tenantId: OTHER, kind: 'shrinking', strength: 90 }),
      signal({ id: 's-3', endedAt: START }),
    ];
    const { items } = await get('/v1/signals');
    expect(items.map((one: { id: string }) => one.id)).toEqual(['s-2', 's-1']);
    expect(items[1]).toEqual({
      ...{ id: 's-1', tenant_id: OWN, kind: 'growth', subject: 'requests', status: 'open', strength: 40 },
      ...{ since: new Date(START - 1_000).toISOString(), seen_at: new Date(START).toISOString(), ended_at: null },
      ...{ sentence: 'it grows', evidence: { figures: { weeks: 8 }, links: ['/v1/quotas'] }, dismissed: null },
    });
    expect((await get('/v1/signals?status=all')).items).toHaveLength(3);
    expect((await get('/v1/signals?status=ended')).items).toMatchObject([{ id: 's-3', status: 'ended' }]);
    expect((await get(`/v1/signals?tenant_id=${OTHER}&kind=shrinking`)).items).toMatchObject([{ id: 's-2' }]);
    const first = await get('/v1/signals?limit=1');
    expect((await get(`/v1/signals?limit=1&cursor=${first.next_cursor}`)).items).toMatchObject([{ id: 's-1' }]);
  });

  test('are put aside by a person, and come back when that was only for a while', async () => {
    api.ports.sales.signals.items = [signal()];
    const until = new Date(START + 60_000).toISOString();
    const answer = await send('POST', '/v1/signals/s-1/dismiss', { reason: 'we are talking', until });
    expect(answer.json()).toMatchObject({ status: 'dismissed', dismissed: { reason: 'we are talking', until } });
    expect((await get('/v1/signals')).items).toEqual([]);
    api.clock.now = START + 60_000;
    expect((await get('/v1/signals')).items).toMatchObject([{ id: 's-1', status: 'open' }]);
    api.clock.now = START;
    const past = await send('POST', '/v1/signals/s-1/dismiss', { reason: 'x', until: '2026-01-01T00:00:00Z' });
    expect(past.json().code).toBe('BAD_REQUEST');
    expect((await send('POST', '/v1/signals/s-9/dismiss', { reason: 'x' })).statusCode).toBe(404);
    expect((await send('POST', '/v1/signals/s-1/dismiss', { reason: '' })).statusCode).toBe(400);
  });
});

describe('dedicated offers', () => {
  const OFFERS = {
    currency: 'USD',
    share_percent: 20,
    days: 7,
    at_least_days: 5,
    headroom_percent: 30,
    horizon_months: 12,
    offers: [{ name: 'm', price_micro: 500_000_000, migration_micro: 0, cpu_cores: 4, storage_bytes: null }],
    pools: [{ pool: 'cpu:web', units: 4, unit_capacity: 2, unit_price_micro: 300_000_000 }],
  };

  test('come back as they were set, with defaults where nothing was said', async () => {
    expect((await send('PUT', '/v1/dedicated-offers', OFFERS)).json()).toEqual(OFFERS);
    expect(await get('/v1/dedicated-offers')).toEqual(OFFERS);
    const plain = await send('PUT', '/v1/dedicated-offers', { currency: 'EUR', offers: [], pools: [] });
    expect(plain.json()).toMatchObject({ share_percent: DEFAULT_DEDICATED_TERMS.sharePercent, days: 14 });
  });

  test.each([
    ['more days than are looked at', { at_least_days: 8 }],
    ['a pool twice', { pools: [...OFFERS.pools, ...OFFERS.pools] }],
    ['an offer twice', { offers: [...OFFERS.offers, ...OFFERS.offers] }],
    ['a pool of nothing known', { pools: [{ ...OFFERS.pools[0], pool: 'web' }] }],
    ['units that carry nothing', { pools: [{ ...OFFERS.pools[0], unit_capacity: 0 }] }],
    ['a share of nothing', { share_percent: 0 }],
  ])('are refused with %s', async (_what, changes) => {
    expect((await send('PUT', '/v1/dedicated-offers', { ...OFFERS, ...changes })).statusCode).toBe(400);
  });

  test('make advice that says what it is made of', async () => {
    api.ports.sales.placements.items = [
      {
        ...{ tenantId: OWN, verdict: 'not_worth_it', sentence: 's', days: 14, currency: 'USD', offer: null },
        ...{ pooledCostMicro: 5n, poolSavesMicro: null, monthlySavingMicro: -7n, breakEvenMonths: null },
        pools: [{ pool: 'cpu:web', largeDays: 12, share: 0.4, meanRate: 1.5, peakRate: 2, freedUnits: null }],
      },
    ];
    expect((await get('/v1/placement-advice')).items).toEqual([
      {
        ...{ tenant_id: OWN, verdict: 'not_worth_it', sentence: 's', days: 14, currency: 'USD', offer: null },
        ...{ pooled_cost_micro: 5, pool_saves_micro: null, monthly_saving_micro: -7, break_even_months: null },
        pools: [{ pool: 'cpu:web', large_days: 12, share: 0.4, mean_rate: 1.5, peak_rate: 2, freed_units: null }],
      },
    ]);
  });
});

describe('where a tenant is placed', () => {
  const flag = async (path = '/placement') =>
    (
      await api.app.inject({
        method: 'POST',
        url: `/ofrep/v1/evaluate/flags${path}`,
        headers: bearer(ADMIN_TOKEN),
        payload: { context: { targetingKey: OWN } },
      })
    ).json();

  test('is what a person said, and what apps are told', async () => {
    expect(await flag()).toMatchObject({ value: 'pooled', reason: 'STATIC' });
    const moved = await send('PUT', `/v1/tenants/${OWN}/placement`, {
      placement: 'dedicated',
      reason: 'moved on Sunday',
    });
    expect(moved.json()).toEqual({ tenant_id: OWN, placement: 'dedicated' });
    expect(await flag()).toMatchObject({ value: 'dedicated', reason: 'TARGETING_MATCH', variant: 'dedicated' });
    const bulk: { flags: { key: string; value?: unknown }[] } = await flag('');
    expect(bulk.flags.find(({ key }) => key === 'placement')?.value).toBe('dedicated');
    expect((await send('PUT', `/v1/tenants/${OWN}/placement`, { placement: 'moon', reason: 'x' })).statusCode).toBe(
      400,
    );
    expect((await send('PUT', '/v1/tenants/-odd/placement', { placement: 'pooled', reason: 'x' })).statusCode).toBe(
      404,
    );
  });

  test('is not guessed while the store is down, and takes no other flag with it', async () => {
    api.ports.sales.placements.failure = new TenantryError('STORE_UNAVAILABLE', 'down');
    try {
      expect((await flag()).errorCode).toBe('GENERAL');
      const bulk: { flags: { key: string; value?: unknown; errorCode?: string }[] } = await flag('');
      expect(bulk.flags.find(({ key }) => key === 'placement')).toMatchObject({ errorCode: 'GENERAL' });
      expect(bulk.flags.find(({ key }) => key === 'plan')?.value).toBe('growth');
    } finally {
      api.ports.sales.placements.failure = undefined;
    }
  });
});
