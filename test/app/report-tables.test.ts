import { describe, expect, it } from 'vitest';
import { reportSources as joinSources } from '../../src/app/report-sources.ts';
import { type ReportSources, reportTable } from '../../src/app/report-tables.ts';
import type { Actor } from '../../src/domain/actor.ts';
import { REPORT_DATASETS } from '../../src/domain/report.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ACME, reportSources } from '../support/report-sources.ts';

const ADMIN: Actor = { kind: 'staff', subject: 'ada', role: 'admin' };
const WINDOW = { from: Date.UTC(2026, 9, 1), to: Date.UTC(2026, 10, 1) };
const BETA = 'beta' as TenantId;
const ai = { byModel: [{ provider: 'openai', model: 'gpt-4o', calls: 3, unpricedCalls: 0, costMicro: 12n }] };
const margin = { tenantId: BETA, plan: null, currency: 'USD', revenueMicro: null, costMicro: 1n, marginMicro: null };
const quota = { key: 'requests', period: 'month', kind: 'soft', limit: 10n, burst: null } as const;

/** Sources that answer with rows of beta, whoever was asked for. */
const BETAS: Partial<ReportSources> = {
  usage: {
    totals: async () => [{ tenantId: BETA, values: new Map([['requests', 7n]]) }],
    series: async () => [{ tenantId: BETA, steps: [{ at: WINDOW.from, values: new Map([['requests', 7n]]) }] }],
  },
  quotas: async () => [
    {
      ...{ tenantId: BETA, plan: 'growth', quota, window: WINDOW, used: null, burstSpent: 0n, share: null },
      ...{ state: 'unknown', forecast: null },
    },
  ],
  aiCosts: async () => new Map([[BETA, ai]]),
  costs: async () => [{ tenantId: BETA, part: 'compute', currency: 'USD', costMicro: 5n }],
  margins: async () => [margin],
};

const ask = (dataset: (typeof REPORT_DATASETS)[number], tenantId?: TenantId, sources = reportSources(BETAS)) =>
  reportTable(sources, ADMIN, { dataset, window: WINDOW, step: 'total', tenantId });

describe('tables of reports', () => {
  it.each(REPORT_DATASETS)('of %s have a value for each column, the tenant first', async (dataset) => {
    const { columns, rows } = await ask(dataset);
    expect(columns[0]?.name).toBe('tenant_id');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toHaveLength(columns.length);
    expect(rows[0]?.[0]).toBe(BETA);
  });

  it.each(REPORT_DATASETS)('of %s are not given out when they hold rows of another tenant', async (dataset) => {
    await expect(ask(dataset, ACME)).rejects.toMatchObject({ code: 'TENANT_MIXUP' });
    expect((await ask(dataset, BETA)).rows).toHaveLength(1);
  });

  it('leave empty what was not measured', async () => {
    const { columns, rows } = await ask('usage');
    const value = (name: string) => rows[0]?.[columns.findIndex((column) => column.name === name)];
    expect([value('requests'), value('cpu_ns'), value('from')]).toEqual([7n, null, WINDOW.from]);
  });
});

describe('joined sources', () => {
  const costs = {
    ...{ currency: 'EUR', window: WINDOW, billMicro: 20n, sharedMicro: 3n, idleMicro: 2n, unallocatedMicro: 1n },
    ...{ estimatedMicro: 0n, residualMicro: 0n, otherCurrencies: [] },
    items: [
      {
        ...{ tenantId: BETA, costMicro: 14n, estimatedMicro: 0n, unpricedCalls: 0 },
        parts: new Map([
          ['compute', 9n],
          ['databases', 5n],
        ]),
      },
    ],
  };
  const asked: unknown[] = [];
  const sources = joinSources({
    usage: { totals: async () => [], series: async () => [] },
    quotas: { standing: async () => ({ tenants: 0, standings: [] }) },
    aiCosts: {
      byTenant: async () =>
        new Map([
          [ACME, ai],
          [BETA, ai],
        ]),
      ofTenant: async (_window, tenant) => {
        asked.push(tenant);
        return tenant === BETA ? ai : undefined;
      },
    },
    costs: { costs: async () => costs },
    margins: async () => [{ ...margin, currency: 'EUR', revenueMicro: 30n }],
    plans: { plans: async () => new Map([[BETA, 'growth']]) },
  });

  it('add up to the bill, with the lines of nobody in particular', async () => {
    const { rows } = await ask('costs', undefined, sources);
    expect(rows.map(([tenant, part, currency, micro]) => [tenant, part, currency, micro])).toEqual([
      [BETA, 'compute', 'EUR', 9n],
      [BETA, 'databases', 'EUR', 5n],
      [null, '(shared)', 'EUR', 3n],
      [null, '(idle)', 'EUR', 2n],
      [null, '(unallocated)', 'EUR', 1n],
    ]);
    expect(rows.reduce((sum, [, , , micro]) => sum + BigInt(micro ?? 0), 0n)).toBe(costs.billMicro);
  });

  it('ask for one tenant in its own scope', async () => {
    expect((await ask('ai-costs', BETA, sources)).rows).toHaveLength(1);
    expect((await ask('ai-costs', ACME, sources)).rows).toEqual([]);
    expect(asked).toEqual([BETA, ACME]);
    expect((await ask('ai-costs', undefined, sources)).rows).toHaveLength(2);
  });

  it('know no cost where calls have no price', async () => {
    const unpriced = joinSources({
      ...{ usage: { totals: async () => [], series: async () => [] } },
      quotas: { standing: async () => ({ tenants: 0, standings: [] }) },
      aiCosts: { byTenant: async () => new Map(), ofTenant: async () => undefined },
      costs: { costs: async () => ({ ...costs, items: costs.items.map((item) => ({ ...item, unpricedCalls: 2 })) }) },
      margins: async () => [],
      plans: { plans: async () => new Map() },
    });
    expect(await sources.money(ADMIN, WINDOW, BETA)).toMatchObject({
      costMicro: 14n,
      revenueMicro: 30n,
      currency: 'EUR',
    });
    expect(await unpriced.money(ADMIN, WINDOW, BETA)).toMatchObject({ costMicro: null, revenueMicro: null });
  });
});
