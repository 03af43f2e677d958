import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charge, priceUsage, unitPrices, withCacheInside } from '../../src/cost/ai-price.ts';
import { CATALOGUE_VERSION, loadCatalogue } from '../../src/cost/price-catalogue.ts';
import { aiInputTierOf } from '../../src/domain/ai-usage.ts';
import { type PriceEntry, type PriceTerms, periodsOverlap, subjectKey } from '../../src/domain/price.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { callSizes, oneCall, summed } from '../support/cost-usage.ts';
import { priceEntry, seedPrice, testBook } from '../support/price-books.ts';

const AT = Date.UTC(2026, 10, 1, 12);
const catalogue = await loadCatalogue();

function inputOf(
  entries: readonly PriceEntry[],
  question: object = {},
  more: object = {},
): bigint | string | undefined {
  const book = testBook({ entries, ...more });
  const found = book.rates({ provider: 'openai', model: 'gpt-4o', serviceTier: '', at: AT, ...question });
  return 'rates' in found ? found.rates.input?.base : found.unpriced;
}

describe('the seed', () => {
  it('is that of the package that is installed', () => {
    const file = new URL('../../node_modules/@pydantic/genai-prices/package.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8')).version).toBe(CATALOGUE_VERSION);
  });

  it('has one price at most for anything at any time', () => {
    const bySubject = new Map<string, PriceTerms[]>();
    for (const one of catalogue.terms) bySubject.set(subjectKey(one), [...(bySubject.get(subjectKey(one)) ?? []), one]);
    for (const terms of bySubject.values()) {
      terms.forEach((one, index) => {
        for (const other of terms.slice(index + 1)) expect(periodsOverlap(one, other), subjectKey(one)).toBe(false);
      });
    }
    expect(catalogue.terms.length).toBeGreaterThan(3_000);
  });

  it('keeps the dates and hours of the day that the catalogue knows', () => {
    const price = (model: string, at: number) =>
      inputOf([], { provider: model.startsWith('o') ? 'openai' : 'deepseek', model, at });
    const cut = Date.UTC(2025, 5, 10);
    expect([price('o3', cut - 1), price('o3', cut)]).toEqual([10_000_000n, 2_000_000n]);
    const day = Date.UTC(2025, 2, 1);
    const hours = [0, 0.5, 16, 16.5, 23].map((hour) => price('deepseek-chat', day + hour * HOUR_MS));
    expect(hours).toEqual([135_000n, 270_000n, 270_000n, 135_000n, 135_000n]);
  });
});

describe('what holds for whom', () => {
  const contracts = [{ name: 'gold', discountBps: 1_250, effectiveFrom: null, effectiveTo: AT + DAY_MS }];
  const members = [{ contract: 'gold', tenantId: 'acme', effectiveFrom: AT - DAY_MS, effectiveTo: null }];
  const agreed = { contracts, members };
  const book = priceEntry();
  const contract = priceEntry({ layer: 'contract', owner: 'gold', rate: { base: 9n, steps: [] } });
  const tenant = priceEntry({ layer: 'tenant', owner: 'acme', rate: { base: 7n, steps: [] } });

  it('is the tenant’s, else the contract’s, else the book’s, else the seed’s', () => {
    const acme = { tenant: 'acme' };
    expect(inputOf([tenant, contract, book], acme, agreed)).toBe(7n);
    expect(inputOf([contract, book], acme, agreed)).toBe(9n);
    expect(inputOf([book], acme, agreed)).toBe(875_000n);
    expect(inputOf([], acme, agreed)).toBe(2_187_500n);
    expect(inputOf([tenant, contract, book], { tenant: 'globex' }, agreed)).toBe(1_000_000n);
    expect(inputOf([tenant, contract, book], {}, agreed)).toBe(1_000_000n);
  });

  it('does not depend on the order of the entries', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([tenant, contract, book, priceEntry({ model: 'gpt-*' })], { minLength: 4 }),
        (entries) => {
          expect(inputOf(entries, { tenant: 'acme' }, agreed)).toBe(7n);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('ends with the membership and with the contract, each to the millisecond', () => {
    const acme = (at: number) => inputOf([], { tenant: 'acme', at }, agreed);
    expect([acme(AT - DAY_MS - 1), acme(AT - DAY_MS)]).toEqual([2_500_000n, 2_187_500n]);
    expect([acme(AT + DAY_MS - 1), acme(AT + DAY_MS)]).toEqual([2_187_500n, 2_500_000n]);
  });

  it('is looked up one kind at a time', () => {
    const found = testBook({ entries: [tenant], ...agreed }).rates({
      ...{ provider: 'openai', model: 'gpt-4o', serviceTier: '', at: AT, tenant: 'acme' },
    });
    expect('rates' in found && [found.rates.input?.base, found.rates.output?.base]).toEqual([7n, 8_750_000n]);
  });

  it('rounds a discounted price once, to whole pico-units', () => {
    const odd = [{ name: 'gold', discountBps: 3_333, effectiveFrom: null, effectiveTo: null }];
    const price = priceEntry({ rate: { base: 37_501n, steps: [{ over: 200_000, pico: 3n }] } });
    const found = testBook({ entries: [price], contracts: odd, members }).rates({
      ...{ provider: 'openai', model: 'gpt-4o', serviceTier: '', at: AT, tenant: 'acme' },
    });
    // 37,501 x 0.6667 = 25,001.9; 3 x 0.6667 = 2.0001.
    expect('rates' in found && found.rates.input).toEqual({ base: 25_002n, steps: [{ over: 200_000, pico: 2n }] });
  });

  it('is that of the exact name before the longer pattern before the shorter one, of a seller before any', () => {
    const named = (model: string, base: bigint, provider = 'openai') =>
      priceEntry({ model, provider, rate: { base, steps: [] } });
    const all = [named('*', 1n, '*'), named('gpt-*', 2n), named('gpt-4*', 3n, '*'), named('gpt-4*', 4n)];
    expect(inputOf(all)).toBe(4n);
    expect(inputOf(all, { model: 'gpt-5-own' })).toBe(2n);
    expect(inputOf(all, { provider: 'my-gateway', model: 'gpt-4-own' })).toBe(3n);
    expect(inputOf(all, { provider: 'nobody', model: 'x' })).toBe(1n);
    // A dated name is priced by the model that it is of, unless it has a price of its own.
    const dated = { model: 'gpt-4o-2024-08-06' };
    expect(inputOf([named('gpt-4o', 5n)], dated)).toBe(5n);
    expect(inputOf([named('gpt-4o', 5n), named('gpt-4o-2024-08-06', 6n)], dated)).toBe(6n);
  });

  it('is not that of another seller of the same model', () => {
    expect(
      inputOf([priceEntry({ provider: 'openai', rate: { base: 1n, steps: [] } })], { provider: 'azure.ai.openai' }),
    ).not.toBe(1n);
    expect(
      inputOf([priceEntry({ provider: 'azure', rate: { base: 1n, steps: [] } })], { provider: 'azure.ai.openai' }),
    ).toBe(1n);
    expect(
      inputOf([priceEntry({ provider: 'ollama', model: 'llama3' })], { provider: 'ollama', model: 'llama3' }),
    ).toBe(1_000_000n);
  });

  it('says why nothing holds', () => {
    const then = priceEntry({ model: 'own', effectiveFrom: AT + HOUR_MS });
    expect(inputOf([then], { model: 'own' })).toBe('no-price-then');
    expect(inputOf([then], { model: 'own', serviceTier: 'batch' })).toBe('no-price-for-tier');
    expect(inputOf([then], { model: 'other' })).toBe('unknown-model');
    expect(inputOf([then], { model: ' ' })).toBe('no-model');
  });
});

describe('cached tokens', () => {
  it('cost the same whether they are told inside the input or beside it', () => {
    const models = fc.constantFrom(
      { provider: 'anthropic', model: 'claude-sonnet-4-5' },
      { provider: 'openai', model: 'gpt-4o' },
      { provider: 'gcp.gemini', model: 'gemini-2.5-pro' },
    );
    fc.assert(
      fc.property(models, callSizes, (model, sizes) => {
        const inside = oneCall({ ...model, ...sizes });
        const { cacheReadTokens, cacheWriteTokens } = inside;
        const told = { ...inside, inputTokens: inside.inputTokens - cacheReadTokens - cacheWriteTokens };
        const beside = withCacheInside(told, 'beside');
        expect(beside).toEqual(inside);
        expect(withCacheInside(inside, 'inside')).toBe(inside);
        const again = { ...beside, inputTier: aiInputTierOf(beside.inputTokens) };
        expect(seedPrice(again, new Date(AT))).toEqual(seedPrice(inside, new Date(AT)));
      }),
    );
  });
});

describe('a row of calls', () => {
  it('costs what any split of it costs', () => {
    const rates = testBook().rates({ provider: 'anthropic', model: 'claude-sonnet-4-5', serviceTier: '', at: AT });
    fc.assert(
      fc.property(fc.array(callSizes, { minLength: 1, maxLength: 12 }), fc.nat(), (sizes, seed) => {
        const calls = sizes.map((size) => oneCall({ ...size, provider: 'anthropic', inputTier: 0 }));
        const prices = unitPrices(rates, { operation: 'chat', inputTier: 0 });
        if ('unpriced' in prices) throw new Error(prices.unpriced);
        const cost = (rows: typeof calls) =>
          rows.reduce((sum, row) => {
            const price = charge(prices, row);
            return sum + ('costPico' in price ? price.costPico : 0n);
          }, 0n);
        const add = (rows: typeof calls) => rows.reduce(summed);
        const at = seed % calls.length;
        const [left, right] = [calls.slice(0, at), calls.slice(at)];
        const split = [left, right].filter((part) => part.length > 0).map(add);
        expect(cost(split)).toBe(cost(calls));
        expect(cost([add(calls)])).toBe(cost(calls));
      }),
    );
  });

  it('is never cheaper at a tier whose price is unknown: it has none', () => {
    expect(seedPrice(oneCall({ serviceTier: 'flex' }), new Date(AT))).toEqual({ unpriced: 'no-price-for-tier' });
    const flex = priceEntry({ variant: 'flex', rate: { base: 5n, steps: [] } });
    const usage = oneCall({ serviceTier: 'flex', outputTokens: 0 });
    const book = testBook({ entries: [flex] });
    expect(priceUsage(usage, book.rates({ ...usage, at: AT }))).toEqual({ costPico: 5_000n });
  });
});
