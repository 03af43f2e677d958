import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const ask = (query: string) =>
  api.app.inject({ url: `/v1/costs/trend${query}`, headers: bearer(ADMIN_TOKEN) }).then((answer) => answer.json());
const cost = (tenant: string, costMicro: bigint) => {
  return { tenantId: tenant as TenantId, costMicro, parts: new Map(), estimatedMicro: 0n, unpricedCalls: 0 };
};

test('a month of which nothing is known is null for everybody, one that a bill tells of is 0 for who had no share', async () => {
  const whole = api.ports.costs.answer;
  const bills = [
    { ...whole, billMicro: 30n, currency: 'EUR', items: [cost('acme', 20n), cost('bolt', 10n)] },
    { ...whole, billMicro: 7n, items: [cost('bolt', 7n)] },
    whole,
  ];
  api.ports.costs.costs = async (question) => {
    api.ports.costs.questions.push(question);
    const answer = bills[api.ports.costs.questions.length - 1] ?? whole;
    return { ...answer, window: question.window };
  };
  expect(await ask('?until=2026-02&months=3')).toEqual({
    currency: 'EUR',
    months: ['2025-12', '2026-01', '2026-02'],
    known: [false, true, true],
    items: [
      { tenant_id: 'acme', costs_micro: [null, 0, 20] },
      { tenant_id: 'bolt', costs_micro: [null, 7, 10] },
    ],
  });
  const asked = api.ports.costs.questions.map(({ window, currency }) => [
    new Date(window.from).toISOString().slice(0, 10),
    new Date(window.to).toISOString().slice(0, 10),
    currency,
  ]);
  expect(asked).toEqual([
    ['2026-02-01', '2026-03-01', undefined],
    ['2026-01-01', '2026-02-01', 'EUR'],
    ['2025-12-01', '2026-01-01', 'EUR'],
  ]);
});

test.each(['?months=1', '?months=14', '?until=2026-13', '?until=2026', '?currency=XXL', '?from=2026-01-01T00:00:00Z'])(
  '%s is refused',
  async (query) => {
    expect(await ask(query)).toMatchObject({ code: 'BAD_REQUEST' });
  },
);
