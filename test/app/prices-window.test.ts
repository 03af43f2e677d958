/** What windows cost, against plain arithmetic over single calls, on the real engine. */
import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AiCosts } from '../../src/app/prices-costs.ts';
import type { ContractMember, ContractTerms, PriceEntry } from '../../src/domain/price.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { priceEntry, testBook, testCosts } from '../support/price-books.ts';
import { aiUsageRows, type UsageSample } from '../support/price-usage.ts';

const MONTH = Date.UTC(2026, 9);
const END = Date.UTC(2026, 10);
const TENANTS = ['t-0', 't-1', 't-2', 't-3'] as TenantId[];
const MODELS = ['own-a', 'own-b', 'own-free'] as const;
/** Azure LLM inference trace 2023, "conv" (CC-BY 4.0; Patel et al., Splitwise, ISCA 2024). */
const TRACE = new URL('../../../shared/data/llm-trace/AzureLLMInferenceTrace_conv.csv', import.meta.url);
const TRACE_TENANTS = Array.from({ length: 11 }, (_, index) => `trace-${index}` as TenantId);

let store: TestClickHouse;
beforeAll(async () => {
  store = await startTestClickHouse();
  await insert('samples', samples);
});
afterAll(async () => store.stop());

async function insert(token: string, rows: readonly UsageSample[]): Promise<void> {
  await store.clickhouse.insertRows({ table: 'ai_usage_by_minute', token, rows: aiUsageRows(rows) });
}

/** Calls of a month, many of them at the very hours at which prices may change. */
const samples: UsageSample[] = Array.from({ length: 400 }, (_, index) => ({
  tenant: TENANTS[index % TENANTS.length] ?? '',
  at: MONTH + ((index * 7_919) % (31 * 24)) * HOUR_MS + (index % 3) * 29 * MINUTE_MS,
  model: MODELS[index % MODELS.length] ?? '',
  provider: 'openai',
  inputTokens: 1 + ((index * 7_907) % 300_000),
  outputTokens: (index * 31) % 997,
  serviceTier: index % 11 === 0 ? 'batch' : '',
}));

interface World {
  readonly entries: readonly PriceEntry[];
  readonly contracts: readonly ContractTerms[];
  readonly members: readonly ContractMember[];
}

/** What one call costs, by looking through everything: nothing of this is the program's. */
function picoOf(call: UsageSample, { entries, contracts, members }: World): bigint | undefined {
  const holds = (one: { effectiveFrom: number | null; effectiveTo: number | null }, at: number) =>
    (one.effectiveFrom === null || one.effectiveFrom <= at) && (one.effectiveTo === null || at < one.effectiveTo);
  const at = Math.floor(call.at / HOUR_MS) * HOUR_MS;
  const member = members.find((one) => one.tenantId === call.tenant && holds(one, at));
  const contract = contracts.find((one) => one.name === member?.contract && holds(one, at));
  const rate = (kind: string): bigint | undefined => {
    for (const [layer, owner] of [
      ['tenant', call.tenant],
      ['contract', contract?.name ?? '-'],
      ['book', ''],
    ]) {
      const entry = entries.find(
        (one) =>
          one.layer === layer &&
          one.owner === owner &&
          one.model === call.model &&
          one.kind === kind &&
          holds(one, at) &&
          one.variant === (call.serviceTier === '' ? 'standard' : call.serviceTier),
      );
      if (entry === undefined) continue;
      const step = entry.rate.steps.findLast(({ over }) => call.inputTokens > over);
      const pico = step?.pico ?? entry.rate.base;
      const off = layer === 'book' ? BigInt(contract?.discountBps ?? 0) : 0n;
      return (2n * pico * (10_000n - off) + 10_000n) / 20_000n;
    }
    return undefined;
  };
  const [input, output] = [rate('input'), rate('output')];
  if (input === undefined && output === undefined) return undefined;
  if ((call.inputTokens > 0 && input === undefined) || (call.outputTokens > 0 && output === undefined))
    return undefined;
  return BigInt(call.inputTokens) * (input ?? 0n) + BigInt(call.outputTokens) * (output ?? 0n);
}

function expectedOf(world: World, calls: readonly UsageSample[]) {
  const expected = new Map<string, { costPico: bigint; calls: number; unpricedCalls: number }>();
  for (const call of calls) {
    const sum = expected.get(call.tenant) ?? { costPico: 0n, calls: 0, unpricedCalls: 0 };
    const pico = picoOf(call, world);
    sum.calls += 1;
    if (pico === undefined) sum.unpricedCalls += 1;
    else sum.costPico += pico;
    expected.set(call.tenant, sum);
  }
  return expected;
}

const hour = fc.integer({ min: -10, max: 31 * 24 + 10 }).map((hours) => MONTH + hours * HOUR_MS);
const period = fc.tuple(hour, hour).map(([a, b]) => ({
  effectiveFrom: Math.min(a, b) < MONTH ? null : Math.min(a, b),
  effectiveTo: Math.max(a, b) > END ? null : Math.max(a, b, Math.min(a, b) + HOUR_MS),
}));
const entry = fc
  .record({
    period,
    model: fc.constantFrom(...MODELS),
    kind: fc.constantFrom('input' as const, 'output' as const),
    layer: fc.constantFrom('book' as const, 'book' as const, 'contract' as const, 'tenant' as const),
    tenant: fc.constantFrom(...TENANTS),
    variant: fc.constantFrom('standard' as const, 'standard' as const, 'batch' as const),
    base: fc.bigInt({ min: 0n, max: 10_000_000n }),
    over: fc.constantFrom(undefined, 128_000, 200_000),
  })
  .map(({ period: when, layer, tenant, base, over, ...rest }) => {
    const owner = { book: '', contract: 'gold', tenant }[layer];
    const steps = over === undefined ? [] : [{ over, pico: base * 2n + 1n }];
    return priceEntry({ ...rest, ...when, layer, owner, rate: { base, steps } });
  });
const world: fc.Arbitrary<World> = fc
  .record({
    entries: fc.array(entry, { maxLength: 14 }),
    discountBps: fc.integer({ min: 0, max: 10_000 }),
    contract: period,
    member: period,
  })
  .map(({ entries, discountBps, contract, member }) => ({
    // The first of two that overlap: the book itself refuses the second.
    entries: entries.filter((one, index) => !entries.slice(0, index).some((other) => clash(one, other))),
    contracts: [{ name: 'gold', discountBps, ...contract }],
    members: [{ contract: 'gold', tenantId: TENANTS[1] ?? '', ...member }],
  }));

function clash(a: PriceEntry, b: PriceEntry): boolean {
  const same = (['layer', 'owner', 'model', 'kind', 'variant'] as const).every((key) => a[key] === b[key]);
  const from = Math.max(a.effectiveFrom ?? 0, b.effectiveFrom ?? 0);
  return same && from < Math.min(a.effectiveTo ?? END * 2, b.effectiveTo ?? END * 2);
}

describe('a window', () => {
  it('costs what its calls cost one by one, whatever changes in it, for whom and when', async () => {
    await fc.assert(
      fc.asyncProperty(world, hour, hour, async (prices, a, b) => {
        const window = { from: Math.min(a, b), to: Math.max(a, b) };
        const costs = await testCosts(store.clickhouse, testBook(prices)).byTenant(window);
        const calls = samples.filter(({ at }) => at >= window.from && at < window.to);
        const expected = expectedOf(prices, calls);
        expect([...costs.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [tenant, cost] of costs) {
          expect({ tenant, ...pick(cost) }).toEqual({ tenant, ...expected.get(tenant) });
        }
      }),
      { numRuns: 12 },
    );
  });

  it('costs one tenant the same in its own scope and among some', async () => {
    const cut = MONTH + 11 * DAY_MS + 5 * HOUR_MS;
    const prices = {
      entries: [
        priceEntry({ model: 'own-*', effectiveTo: cut }),
        priceEntry({ model: 'own-*', effectiveFrom: cut, rate: { base: 3n, steps: [] } }),
        priceEntry({ model: 'own-*', kind: 'output' }),
      ],
      contracts: [{ name: 'gold', discountBps: 500, effectiveFrom: null, effectiveTo: null }],
      members: [{ contract: 'gold', tenantId: 't-1', effectiveFrom: cut + DAY_MS, effectiveTo: null }],
    };
    const costs = testCosts(store.clickhouse, testBook(prices));
    const window = { from: MONTH, to: END };
    const all = await costs.byTenant(window);
    const some = await costs.byTenant(window, TENANTS.slice(0, 2));
    expect([...some.keys()].sort()).toEqual(['t-0', 't-1']);
    for (const tenant of TENANTS) {
      expect(pick(await costs.ofTenant(window, tenant))).toEqual(pick(all.get(tenant)));
      if (some.has(tenant)) expect(pick(some.get(tenant))).toEqual(pick(all.get(tenant)));
    }
  });

  it('tells the hours of the day apart where a price depends on them', async () => {
    const daily = { model: 'own-a', variant: 'standard' as const };
    const prices = testBook({
      entries: [
        priceEntry({ ...daily, rate: { base: 1n, steps: [] } }),
        priceEntry({ ...daily, rate: { base: 1_000n, steps: [] }, daily: { from: 22 * 60, to: 6 * 60 } }),
        priceEntry({
          ...daily,
          kind: 'output',
          rate: { base: 0n, steps: [] },
          effectiveFrom: MONTH + 9 * DAY_MS + 23 * HOUR_MS,
        }),
      ],
    });
    const window = { from: MONTH + 90 * MINUTE_MS, to: END - 45 * MINUTE_MS };
    const costs = await testCosts(store.clickhouse, prices).byTenant(window);
    for (const tenant of TENANTS) {
      const calls = samples.filter(
        (one) =>
          one.tenant === tenant &&
          one.model === 'own-a' &&
          one.serviceTier === '' &&
          one.at >= window.from &&
          one.at < window.to,
      );
      const expected = calls.reduce((sum, { at, inputTokens, outputTokens }) => {
        const hourOfDay = Math.floor((at % DAY_MS) / HOUR_MS);
        const priced = outputTokens === 0 || Math.floor(at / HOUR_MS) * HOUR_MS >= MONTH + 9 * DAY_MS + 23 * HOUR_MS;
        return priced ? sum + BigInt(inputTokens) * (hourOfDay >= 22 || hourOfDay < 6 ? 1_000n : 1n) : sum;
      }, 0n);
      expect(costs.get(tenant)?.costPico ?? 0n).toBe(expected);
    }
  });
});

describe('a worked month on real calls', () => {
  it('costs line by line what an independent calculation says', async (context) => {
    if (!existsSync(TRACE)) return context.skip('the trace ../shared/data/llm-trace is not at hand');
    const calls = traceCalls();
    expect(calls.length).toBeGreaterThan(19_000);
    await insert('trace', calls);
    const middle = MONTH + 14 * DAY_MS + 9 * HOUR_MS;
    const prices: World = {
      entries: [
        // 1.25 USD a million until the 15th, 9 o'clock; 0.8 from then on; twice as much for large inputs; half in batches.
        priceEntry({ model: 'trace-large', rate: { base: 1_250_000n, steps: [] }, effectiveTo: middle }),
        priceEntry({
          model: 'trace-large',
          rate: { base: 800_000n, steps: [{ over: 128_000, pico: 1_600_000n }] },
          effectiveFrom: middle,
        }),
        priceEntry({ model: 'trace-large', kind: 'output', rate: { base: 10_000_000n, steps: [] } }),
        priceEntry({ model: 'trace-large', variant: 'batch', rate: { base: 625_000n, steps: [] } }),
        priceEntry({ model: 'trace-large', variant: 'batch', kind: 'output', rate: { base: 5_000_000n, steps: [] } }),
        priceEntry({ model: 'trace-small', rate: { base: 37_501n, steps: [] } }),
        priceEntry({ model: 'trace-small', kind: 'output', rate: { base: 150_003n, steps: [] } }),
        priceEntry({
          layer: 'tenant',
          owner: 'trace-3',
          model: 'trace-small',
          rate: { base: 30_000n, steps: [] },
          effectiveFrom: MONTH + 20 * DAY_MS,
        }),
        priceEntry({
          layer: 'contract',
          owner: 'gold',
          model: 'trace-small',
          kind: 'output',
          rate: { base: 100_000n, steps: [] },
        }),
      ],
      contracts: [{ name: 'gold', discountBps: 1_250, effectiveFrom: null, effectiveTo: null }],
      members: ['trace-3', 'trace-5', 'trace-7'].map((tenantId) => ({
        ...{ contract: 'gold', tenantId, effectiveFrom: MONTH + 3 * DAY_MS + HOUR_MS, effectiveTo: null },
      })),
    };
    const book = testBook(prices);
    const costs = await new AiCosts(store.clickhouse, { current: () => book, at: async () => book }).byTenant(
      { from: MONTH, to: END },
      TRACE_TENANTS,
    );
    const expected = expectedOf(prices, calls);
    expect(costs.size).toBe(TRACE_TENANTS.length);
    for (const tenant of TRACE_TENANTS) {
      const sum = expected.get(tenant);
      expect(pick(costs.get(tenant))).toEqual(sum);
      expect(costs.get(tenant)?.costMicro).toBe(((sum?.costPico ?? 0n) + 500_000n) / 1_000_000n);
      const lines = calls.filter((call) => call.tenant === tenant);
      for (const line of costs.get(tenant)?.byModel ?? []) {
        const own = lines.filter(({ model }) => model === line.model);
        const pico = own.reduce((all, call) => all + (picoOf(call, prices) ?? 0n), 0n);
        expect([line.calls, line.costPico]).toEqual([own.length, pico]);
      }
    }
    // The one model that nobody gave a price for is unknown, and is counted.
    expect([...costs.values()].every(({ unpricedCalls }) => unpricedCalls > 0)).toBe(true);
  });
});

function pick(cost: { costPico: bigint; calls: number; unpricedCalls: number } | undefined) {
  return cost && { costPico: cost.costPico, calls: cost.calls, unpricedCalls: cost.unpricedCalls };
}

/** The hour of the trace stretched over the month: order, sizes and bursts stay. */
function traceCalls(): UsageSample[] {
  const lines = readFileSync(TRACE, 'utf8').trim().split('\n').slice(1);
  return lines.map((line, index) => {
    const [, input, output] = line.split(',');
    const model = ['trace-large', 'trace-small', 'trace-small', 'trace-unknown'][index % 4] ?? '';
    return {
      tenant: TRACE_TENANTS[(index * 7_919) % TRACE_TENANTS.length] ?? '',
      at: MONTH + Math.floor((index / lines.length) * (END - MONTH)),
      model,
      // Now and then a long context, so that the step of the price matters.
      inputTokens: index % 97 === 0 ? Number(input) * 100 : Number(input),
      outputTokens: Number(output),
      serviceTier: model === 'trace-large' && index % 5 === 0 ? 'batch' : '',
    };
  });
}
