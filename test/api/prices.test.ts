import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  ContractList,
  MonthCostList,
  MonthItem,
  MonthList,
  PriceImportPreview,
  PriceList,
  PriceVersionList,
  RepricingList,
  RepricingPreview,
} from '../../src/api/contract.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';
import { MemoryPrices } from '../support/api-memory-prices.ts';

let api: ApiUnderTest;
let book: MemoryPrices;
beforeEach(async () => {
  api = await startApi();
  const { prices } = api.ports;
  if (!(prices instanceof MemoryPrices)) throw new Error('another book');
  book = prices;
});
afterEach(() => api.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, url: string, payload?: object) =>
  api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), ...(payload === undefined ? {} : { payload }) });
const PRICE = { provider: ' OpenAI ', model: 'GPT-4o', kind: 'input', price_usd: '2.5' };

describe('prices', () => {
  test('are taken as text, kept exactly, and shown for the usual number of units', async () => {
    const prices = [
      { ...PRICE, steps: [{ input_over: 200_000, price_usd: '0.000001' }], effective_from: '2026-01-01T00:00:00Z' },
      { ...PRICE, kind: 'request', price_usd: '0.000000000001' },
      { ...PRICE, kind: 'output', price_usd: '0.01', per: 1_000 },
    ];
    expect((await ask('POST', '/v1/prices', { prices, reason: 'list' })).json()).toEqual({
      ...{ version: 2, added: 3, ended: 0 },
    });
    expect(book.entries.map(({ rate }) => rate)).toEqual([
      { base: 2_500_000n, steps: [{ over: 200_000, pico: 1n }] },
      { base: 1n, steps: [] },
      { base: 10_000_000n, steps: [] },
    ]);
    const { items, total, version } = (await ask('GET', '/v1/prices?q=gpt')).json<PriceList>();
    expect({ total, version }).toEqual({ total: 3, version: 2 });
    expect(items).toMatchObject([
      {
        ...{ layer: 'book', tenant_id: null, contract: null, provider: 'openai', model: 'gpt-4o', unit: 'token' },
        ...{ price_usd: '2.5', per: 1_000_000, steps: [{ input_over: 200_000, price_usd: '0.000001' }] },
        ...{ effective_from: '2026-01-01T00:00:00.000Z', effective_to: null },
      },
      { kind: 'request', unit: 'request', price_usd: '0.000000000001', per: 1 },
      { kind: 'output', price_usd: '10', per: 1_000_000 },
    ]);
  });

  test.each([
    ['a float', { price_usd: 2.5 }],
    ['no number', { price_usd: '2,5' }],
    ['a negative price', { price_usd: '-1' }],
    ['more places than can be kept', { price_usd: '0.0000001' }],
    ['a kind that is none', { kind: 'inputs' }],
    ['a tier that is none', { variant: 'cheap' }],
    ['a step where usage is not kept apart', { steps: [{ input_over: 1_000, price_usd: '1' }] }],
    ['a time within an hour', { effective_from: '2026-01-01T00:30:00Z' }],
    [
      'a period that ends before it begins',
      { effective_from: '2026-02-01T00:00:00Z', effective_to: '2026-01-01T00:00:00Z' },
    ],
    ['no model', { model: '  ' }],
    ['something more', { currency: 'EUR' }],
  ])('refuse %s', async (_what, wrong) => {
    const answer = await ask('POST', '/v1/prices', { prices: [{ ...PRICE, ...wrong }], reason: 'list' });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(book.entries).toEqual([]);
  });

  test('come in pages, whose cursor belongs to the question', async () => {
    const prices = ['a', 'b', 'c'].map((model) => ({ ...PRICE, model }));
    await ask('POST', '/v1/prices', { prices, reason: 'list' });
    const first = (await ask('GET', '/v1/prices?limit=2')).json<PriceList>();
    expect(first.items.map(({ model }) => model)).toEqual(['a', 'b']);
    const next = (await ask('GET', `/v1/prices?limit=2&cursor=${first.next_cursor}`)).json<PriceList>();
    expect(next).toMatchObject({ items: [{ model: 'c' }], next_cursor: null });
    expect((await ask('GET', `/v1/prices?limit=2&q=c&cursor=${first.next_cursor}`)).statusCode).toBe(400);
  });

  test('of a tenant are its own list', async () => {
    const payload = { tenant_id: OWN, prices: [PRICE], reason: 'promised' };
    expect((await ask('POST', '/v1/price-overrides', payload)).statusCode).toBe(201);
    const { items } = (await ask('GET', `/v1/price-overrides?tenant_id=${OWN}`)).json<PriceList>();
    expect(items).toMatchObject([{ layer: 'tenant', tenant_id: OWN }]);
    expect((await ask('GET', '/v1/price-overrides?tenant_id=other')).json<PriceList>().items).toEqual([]);
    const id = items[0]?.id ?? '';
    expect((await ask('DELETE', `/v1/prices/${id}`)).statusCode).toBe(404);
    expect((await ask('DELETE', `/v1/price-overrides/${id}?reason=over`)).json()).toMatchObject({ ended: 1 });
    expect(book.reasons).toEqual(['promised', 'over']);
  });
});

test('are told with who changed them, and why', async () => {
  const { items } = (await ask('GET', '/v1/prices/versions')).json<PriceVersionList>();
  expect(items).toMatchObject([{ version: 1, kind: 'seed', by: 'price-book', at: '1970-01-01T00:00:00.000Z' }]);
});

describe('imports', () => {
  test('take a file of megabytes, and apply only what was shown', async () => {
    const text = `{"a": ${' '.repeat(2_000_000)}1}`;
    const preview = await ask('POST', '/v1/prices/imports/preview', { format: 'litellm', text });
    expect(preview.json<PriceImportPreview>().counts).toMatchObject({ added: 0, errors: 0 });
    const apply = { format: 'litellm', text: '{}', file_name: 'x.json', expected_version: 7, reason: 'list' };
    expect((await ask('POST', '/v1/prices/imports', apply)).json()).toMatchObject({ code: 'CONFLICT' });
    expect((await ask('POST', '/v1/prices/imports', { ...apply, expected_version: 1 })).statusCode).toBe(201);
    expect(book.imports.at(-1)).toMatchObject({ format: 'litellm', sourceRef: 'x.json', removes: false });
  });

  test('hold from the next hour on unless said otherwise', async () => {
    await ask('POST', '/v1/prices/imports/preview', { format: 'csv', text: 'x' });
    const at = book.imports[0]?.at ?? 0;
    expect(at % 3_600_000).toBe(0);
    await ask('POST', '/v1/prices/imports/preview', {
      format: 'csv',
      text: 'x',
      effective_from: '2026-03-01T05:00:00Z',
    });
    expect(book.imports[1]?.at).toBe(Date.UTC(2026, 2, 1, 5));
  });
});

test('contracts have a discount to the hundredth, tenants and prices', async () => {
  const put = (percent: number) => ask('PUT', '/v1/contracts/gold', { discount_percent: percent, reason: 'signed' });
  expect((await put(33.33)).statusCode).toBe(200);
  expect(book.agreed.get('gold')?.discountBps).toBe(3_333);
  for (const wrong of [-1, 100.5, 33.333]) expect((await put(wrong)).statusCode).toBe(400);
  expect((await ask('PUT', '/v1/contracts/No%20Name', { discount_percent: 1, reason: 'x' })).statusCode).toBe(404);
  const member = { effective_from: '2026-01-01T00:00:00Z', reason: 'signed' };
  expect((await ask('PUT', `/v1/contracts/gold/tenants/${OWN}`, member)).statusCode).toBe(200);
  await ask('POST', '/v1/contracts/gold/prices', { prices: [PRICE], reason: 'signed' });
  expect((await ask('GET', '/v1/contracts')).json<ContractList>().items).toMatchObject([
    {
      ...{ name: 'gold', discount_percent: 33.33, effective_from: null },
      tenants: [{ tenant_id: OWN, effective_from: '2026-01-01T00:00:00.000Z', effective_to: null }],
      prices: [{ layer: 'contract', contract: 'gold' }],
    },
  ]);
});

describe('months', () => {
  test('are closed once, and told with their corrections', async () => {
    const closed = await ask('POST', '/v1/months/2026-05/close');
    expect([closed.statusCode, closed.json<MonthItem>()]).toMatchObject([201, { month: '2026-05', book_version: 1 }]);
    expect((await ask('GET', '/v1/months')).json<MonthList>()).toEqual({ items: [closed.json()] });
    expect((await ask('GET', '/v1/months/2026-05/ai-costs?tenant_id=globex')).json<MonthCostList>()).toEqual({
      month: '2026-05',
      items: [
        {
          ...{ tenant_id: 'globex', closed_micro: 1_000, cost_micro: 990, unpriced_calls: 0 },
          corrections: [{ repricing_id: 'r-1', micro: -10 }],
        },
      ],
    });
    expect((await ask('POST', '/v1/months/2026-13/close')).statusCode).toBe(404);
  });

  test('are repriced over half-open ranges, with exact amounts in text', async () => {
    const range = { from: '2025-12', to: '2026-02' };
    const preview = (await ask('POST', '/v1/repricings/preview', range)).json<RepricingPreview>();
    expect(preview).toMatchObject({
      ...{ version: 1, from_version: 0, correction_micro: -10, total: 1 },
      items: [
        {
          ...{ month: '2025-12', closed: true, before_usd: '0.000003000001', after_usd: '0.0000025' },
          difference_usd: '-0.000000500001',
        },
      ],
    });
    const applied = await ask('POST', '/v1/repricings', { ...range, expected_version: 1, reason: 'found out' });
    expect(applied.json()).toMatchObject({ from: '2025-12', to: '2026-02', reason: 'found out' });
    expect((await ask('GET', '/v1/repricings')).json<RepricingList>()).toEqual({ items: [applied.json()] });
    const empty = { from: '2026-02', to: '2026-02' };
    expect((await ask('POST', '/v1/repricings/preview', empty)).statusCode).toBe(400);
  });
});
