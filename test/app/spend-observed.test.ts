import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { observedSpend, spendHours } from '../../src/app/spend-observed.ts';
import { zoneOffset } from '../../src/app/spend-zones.ts';
import { periodAt } from '../../src/domain/calendar-period.ts';
import { emptyAccount, type SpendPeriod } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { testBook, testCosts } from '../support/price-books.ts';
import { otlpRequest, otlpSpan, segmentOf } from '../support/spans.ts';

/** Half past noon of yesterday: rollups by minute are kept for a month only. */
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2;
const NOW = NOON + 30 * MINUTE_MS;
const [ACME, OTHER] = ['acme', 'globex'] as TenantId[];
/** 100 input and 10 output tokens. gpt-4o: 2.5 and 10 micro-dollars a token, gpt-4o-mini: 0.15 and 0.6. */
const COST = 100 * 2.5 + 10 * 10;
const MINI = 100 * 0.15 + 10 * 0.6;
const CALLS = [
  { tenant: ACME, at: NOW - 10 * MINUTE_MS, model: 'gpt-4o', cost: COST },
  { tenant: ACME, at: NOW - 3 * HOUR_MS, model: 'gpt-4o-2024-08-06', cost: COST },
  { tenant: ACME, at: NOW - 3 * HOUR_MS, model: 'gpt-4o-mini-2024-07-18', cost: MINI },
  // Of the same day in Berlin, and of the day before in UTC.
  { tenant: ACME, at: NOON - 13 * HOUR_MS, model: 'gpt-4o', cost: COST },
  { tenant: OTHER, at: NOW - HOUR_MS, model: 'gpt-4o', cost: COST },
  { tenant: OTHER, at: NOW - HOUR_MS, model: 'no-such-model', cost: 0 },
  { tenant: ACME, at: NOW - 1.9 * DAY_MS, model: 'gpt-4o', cost: COST },
];

let store: TestClickHouse;

const spanOf = ({ tenant = '' as TenantId, at, model }: (typeof CALLS)[number]) =>
  otlpSpan({
    name: `chat ${model}`,
    start: at,
    attributes: {
      tenant_id: tenant,
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.response.model': model,
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 10,
    },
  });

beforeAll(async () => {
  store = await startTestClickHouse();
  const request = otlpRequest(CALLS.map(spanOf));
  await store.insert(segmentOf([request], { receivedAt: NOW }), 'spend');
});
afterAll(() => store.stop());

function account(tenantId: TenantId | undefined, period: SpendPeriod, zone = 'UTC', scope = {}) {
  if (tenantId === undefined) throw new Error('no tenant');
  const window = periodAt(period, NOW, zoneOffset(zone));
  return emptyAccount({ tenantId, period, key: null, model: null, window, ...scope });
}

describe('what spans say was spent', () => {
  it('is of the period, the zone and the model of each account', async () => {
    const accounts = [
      account(ACME, 'day'),
      account(ACME, 'day', 'Europe/Berlin'),
      account(ACME, 'month'),
      account(ACME, 'day', 'UTC', { model: 'gpt-4o' }),
      account(OTHER, 'day'),
    ];
    const observed = await observedSpend(testCosts(store.clickhouse), accounts, NOW);
    const micro = accounts.map((one) => observed.find(({ account: of }) => of === one)?.micro);
    const expected = accounts.map(({ tenantId, window, model }) =>
      CALLS.filter(({ tenant, at }) => tenant === tenantId && at >= window.from && at < window.to)
        .filter((call) => model === null || (call.model.startsWith(model) && call.cost === COST))
        .reduce((sum, { cost }) => sum + cost, 0),
    );
    expect(micro).toEqual(expected);
    // The accounts differ, or one filter would do for all.
    expect(micro.slice(0, 2)).toEqual([2 * COST + MINI, 3 * COST + MINI]);
    expect(micro.slice(3)).toEqual([2 * COST, COST]);
  });

  it('is not known for a key', async () => {
    expect(
      await observedSpend(testCosts(store.clickhouse), [account(ACME, 'day', 'UTC', { key: 'bob' })], NOW),
    ).toEqual([]);
  });

  it('by hour is priced alike, up to the hour that runs', async () => {
    const all = account(ACME, 'month');
    const hours = (await spendHours(store.clickhouse, testBook(), [all], NOW)).get(all) ?? [];
    const hour = (at: number) => Math.floor(at / HOUR_MS) * HOUR_MS;
    expect(hours.toSorted((a, b) => a.at - b.at)).toEqual([
      { at: hour(NOW - 1.9 * DAY_MS), amount: COST },
      { at: NOON - 13 * HOUR_MS, amount: COST },
      { at: hour(NOW - 3 * HOUR_MS), amount: COST + MINI },
    ]);
  });
});
