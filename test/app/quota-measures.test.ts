import { describe, expect, test } from 'vitest';
import { measureHours, measureQuotas, type QuotaSources } from '../../src/app/quota-measures.ts';
import type { QuotaKey } from '../../src/domain/plan.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { UsageKey } from '../../src/domain/usage.ts';
import { DAY_MS, HOUR_MS, type Window } from '../../src/domain/window.ts';

const id = (text: string) => text as TenantId;
const WINDOW = { from: 0, to: 40 * HOUR_MS };

interface World {
  /** By tenant: what the rollups would say of any window. */
  readonly usage?: Readonly<Record<string, Partial<Record<UsageKey, bigint>>>>;
  readonly cost?: Readonly<Record<string, bigint | null>>;
  readonly meters?: readonly { readonly slug: string; readonly aggregation: string }[];
}

function sourcesOf({ usage = {}, cost = {}, meters = [] }: World): QuotaSources & { readonly asked: Window[] } {
  const asked: Window[] = [];
  const valuesOf = (tenant: string, metrics: readonly UsageKey[]) =>
    new Map(
      metrics.flatMap((metric) => {
        const value = usage[tenant]?.[metric];
        return value === undefined ? [] : [[metric, value] as const];
      }),
    );
  const wanted = (tenants: readonly TenantId[] | undefined) =>
    Object.keys(usage).filter((tenant) => tenants === undefined || tenants.includes(id(tenant)));
  return {
    asked,
    usage: {
      totals: async ({ window, metrics, tenants }) => {
        asked.push(window);
        return wanted(tenants).map((tenant) => ({ tenantId: id(tenant), values: valuesOf(tenant, metrics) }));
      },
      series: async ({ metrics, tenants }) =>
        wanted(tenants).map((tenant) => ({
          tenantId: id(tenant),
          steps: [{ at: HOUR_MS, values: valuesOf(tenant, metrics) }],
        })),
    },
    aiCost: {
      byTenant: async (_window, tenants) =>
        new Map(
          Object.entries(cost)
            .filter(([tenant]) => tenants === undefined || tenants.includes(id(tenant)))
            .map(([tenant, costMicro]) => [id(tenant), { costMicro }]),
        ),
    },
    meters: async () => meters,
    seats: async () => new Map([[id('acme'), 7n]]),
  };
}

async function measured(world: World, keys: readonly QuotaKey[], tenants = ['acme']) {
  const question = { tenants: tenants.map(id), keys, window: WINDOW, levelAt: WINDOW.to };
  const found = await measureQuotas(sourcesOf(world), question);
  return Object.fromEntries([...found].map(([tenant, values]) => [tenant, Object.fromEntries(values)]));
}

describe('what was used', () => {
  test('adds up what a quota is made of, and leaves out what nobody measured', async () => {
    const usage = { acme: { spans: 5n, ai_input_tokens: 30n, ai_output_tokens: 12n, db_rows: 3n } };
    expect(await measured({ usage }, ['ai_tokens', 'db_rows', 'cpu_ns', 'seats'])).toEqual({
      acme: { ai_tokens: 42n, db_rows: 3n, seats: 7n },
    });
  });

  test('of a silent tenant is zero for what spans count, while others are heard', async () => {
    const usage = { other: { spans: 9n } };
    expect(await measured({ usage }, ['requests', 'cpu_ns', 'meter:exports'])).toEqual({ acme: { requests: 0n } });
    expect(await measured({ usage: {} }, ['requests'])).toEqual({ acme: {} });
    // A tenant that was heard, but in nothing that measures requests.
    expect(await measured({ usage: { acme: { spans: 3n } } }, ['requests'])).toEqual({ acme: {} });
  });

  test('of meters is in their own units: sums come in billionths, counts as they are', async () => {
    const usage = { acme: { spans: 1n, 'meter:gb': 2_999_999_999n, 'meter:exports': 17n } };
    const meters = [
      { slug: 'gb', aggregation: 'sum' },
      { slug: 'exports', aggregation: 'count' },
    ];
    expect(await measured({ usage, meters }, ['meter:gb', 'meter:exports'])).toEqual({
      acme: { 'meter:gb': 2n, 'meter:exports': 17n },
    });
  });

  test('of storage is the mean of the last whole day', async () => {
    const world = { usage: { acme: { storage_byte_hours: 24n * 1_000n + 5n } } };
    const sources = sourcesOf(world);
    const window = { from: 0, to: 40 * HOUR_MS + 1 };
    const found = await measureQuotas(sources, { tenants: [id('acme')], keys: ['storage_bytes'], window, levelAt: 0 });
    expect(found.get(id('acme'))?.get('storage_bytes')).toBe(1_000n);
    expect(sources.asked).toEqual([{ from: 16 * HOUR_MS, to: 40 * HOUR_MS }]);
  });

  test('on AI is nothing for who made no call, and unknown where a call has no price or nobody was heard', async () => {
    const cost = { acme: 5n, bolt: null };
    expect(await measured({ cost }, ['ai_cost'], ['acme', 'bolt', 'crane'])).toEqual({
      acme: { ai_cost: 5n },
      bolt: {},
      crane: { ai_cost: 0n },
    });
    expect(await measured({}, ['ai_cost'])).toEqual({ acme: {} });
  });
});

test('hours for the forecast: counts as they came, AI spend of a day spread over its hours', async () => {
  const sources = sourcesOf({ usage: { acme: { requests: 12n } }, cost: { acme: 480n } });
  const window = { from: 0, to: 2 * DAY_MS };
  const hours = await measureHours(sources, { tenants: [id('acme')], keys: ['requests', 'ai_cost', 'seats'], window });
  const ofAcme = hours.get(id('acme'));
  expect([...(ofAcme?.keys() ?? [])]).toEqual(['requests', 'ai_cost']);
  expect(ofAcme?.get('requests')).toEqual([{ at: HOUR_MS, amount: 12 }]);
  const spent = ofAcme?.get('ai_cost') ?? [];
  expect(spent).toHaveLength(48);
  expect(spent.at(-1)).toEqual({ at: 47 * HOUR_MS, amount: 20 });
});
