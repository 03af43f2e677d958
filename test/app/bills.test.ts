import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AllocationRule } from '../../src/domain/cost-rule.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { FINANCE, startDesk, type TestDesk } from '../support/cost-desk.ts';
import { FOCUS_ROWS, focusCsv } from '../support/cost-focus-sample.ts';

const NOVEMBER = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const [ACME, BETA, CAFE] = ['acme', 'beta', 'cafe'] as [TenantId, TenantId, TenantId];
const IN_USE = { withoutTenant: 'unallocated', idle: null } as const;

const RULES: readonly AllocationRule[] = [
  { id: 'tagged', part: 'dedicated', match: {}, method: { kind: 'direct', from: { tag: 'tenant' }, tenants: {} } },
  {
    ...{ id: 'machines', part: null, match: { service: ['Virtual*'], chargeCategories: ['Usage', 'Purchase'] } },
    method: {
      ...{ kind: 'proportional', key: 'cpu_ns', withoutTenant: 'unallocated' },
      // Two cores, of which 1.5 are in use by somebody.
      idle: { key: 'cpu_ns', capacity: { perHour: String(2n * 3_600_000_000_000n) }, treatment: 'own_line' },
    },
  },
  {
    ...{ id: 'database', part: null, match: { service: ['managed postgresql'] } },
    method: {
      kind: 'weighted',
      keys: [
        { key: 'db_ns', weight: 3 },
        { key: 'storage_byte_hours', weight: 1 },
      ],
      ...IN_USE,
    },
  },
  {
    id: 'models',
    part: null,
    match: { category: ['AI *'] },
    method: { kind: 'proportional', key: 'ai_cost', ...IN_USE },
  },
  { id: 'network', part: null, match: { service: ['Load*'] }, method: { kind: 'even', plans: null } },
  { id: 'security', part: null, match: { category: ['Security'] }, method: { kind: 'shared' } },
  { id: 'support', part: null, match: { service: ['Support'] }, method: { kind: 'follow', scope: 'bill' } },
];

let world: TestDesk;

beforeAll(async () => {
  world = await startDesk();
  await new TenantDirectory(world.db.postgres).remember([ACME, BETA, CAFE]);
  const core = 86_400_000_000_000n;
  world.usage.set('acme', { cpu_ns: core, db_ns: 300n, storage_byte_hours: 24n * 10n ** 9n, requests: 1_000n });
  world.usage.set('beta', { cpu_ns: core / 4n, db_ns: 100n, requests: 10n });
  world.usage.set('(unknown)', { cpu_ns: core / 4n });
  world.ai.hourly.push(
    { tenantId: ACME, provider: 'openai', pico: 3_000_000n },
    { tenantId: CAFE, provider: 'anthropic', pico: 1_000_000n },
  );
});
afterAll(() => world.stop());
afterEach(() => world.clear());

describe('a FOCUS bill', () => {
  it('is shared out by rules, and adds up to its lines', async () => {
    await world.rules(RULES);
    const { bills } = await world.import(focusCsv());
    const [bill] = bills;
    if (bill === undefined) throw new Error('no bill');
    const costs = await world.ledger.costs({ window: NOVEMBER });
    // The sum of the file's amounts by decimal arithmetic on text: 17 decimals, rounded once.
    const cents = FOCUS_ROWS.reduce((sum, { BilledCost = '' }) => sum + exactOf(BilledCost), 0n);
    expect(costs.billMicro).toBe((cents + 5n * 10n ** 13n) / 10n ** 14n);
    expect(costs).toMatchObject({ currency: 'USD', residualMicro: 0n, estimatedMicro: 0n, otherCurrencies: [] });
    expect(costs.items.map(({ tenantId }) => tenantId)).toEqual(['acme', 'beta', 'cafe']);
    const tenants = costs.items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
    expect(tenants + costs.sharedMicro + costs.idleMicro + costs.unallocatedMicro).toBe(costs.billMicro);
    const parts = new Map(costs.items.map(({ tenantId, parts: all }) => [tenantId, all]));
    // 7.5 a day for each by its tag.
    expect(parts.get(CAFE)?.get('dedicated')).toBe(225_000_000n);
    // By AI spend, 3 to 1 of 12.345678 on each of 30 days; the half micro-unit goes to the first by id.
    expect(parts.get(ACME)?.get('ai')).toBe(9_259_259n * 30n);
    expect(parts.get(CAFE)?.get('ai')).toBe(3_086_419n * 30n);
    expect(parts.get(BETA)?.has('ai')).toBe(false);
    expect(bill.unallocated.map(({ reason }) => reason)).toEqual([
      'used by what no tenant is known for',
      'no rule is for it',
      'belongs to charges that are unallocated',
    ]);
  });

  it('gives idle capacity its own line: a quarter of the machines', async () => {
    await world.rules(RULES.filter(({ id }) => id === 'machines'));
    const vm = FOCUS_ROWS.filter(
      ({ ServiceName, ChargeCategory }) => ServiceName === 'Virtual Machines' && ChargeCategory === 'Usage',
    );
    await world.import(focusCsv(vm.map((row) => ({ ...row, BilledCost: '8' }))));
    const costs = await world.ledger.costs({ window: NOVEMBER, estimates: false });
    expect(costs).toMatchObject({ billMicro: 240_000_000n, idleMicro: 60_000_000n, unallocatedMicro: 30_000_000n });
    expect(costs.items.map(({ tenantId, costMicro }) => [tenantId, costMicro])).toEqual([
      ['acme', 120_000_000n],
      ['beta', 30_000_000n],
    ]);
  });

  it('answers for days within a month with the same micro-units', async () => {
    await world.rules(RULES);
    await world.import(focusCsv());
    const month = await world.ledger.costs({ window: NOVEMBER });
    const cut = Date.UTC(2026, 10, 11);
    const [before, after] = [
      await world.ledger.costs({ window: { from: NOVEMBER.from, to: cut } }),
      await world.ledger.costs({ window: { from: cut, to: NOVEMBER.to } }),
    ];
    expect([before.residualMicro, after.residualMicro]).toEqual([0n, 0n]);
    expect(before.billMicro + after.billMicro).toBe(month.billMicro);
    for (const { tenantId, costMicro } of month.items) {
      const of = (costs: typeof month) => costs.items.find((item) => item.tenantId === tenantId)?.costMicro ?? 0n;
      expect(of(before) + of(after)).toBe(costMicro);
    }
  });

  it('reads the same from a packed file, other separators, UTF-16 and Windows-1252', async () => {
    await world.rules(RULES);
    const text = focusCsv().replaceAll('Main, account', 'Hauptkonto München');
    const plain = await world.import(text, { dryRun: true });
    const copies = [
      gzipSync(text),
      Buffer.from(`\ufeff${text}`),
      Buffer.from(`\ufeff${text}`, 'utf16le'),
      Buffer.from(text, 'utf16le'),
      Buffer.from(text.replaceAll('\n', '\r\n')),
      Buffer.from(focusCsv(FOCUS_ROWS, ';').replaceAll('Main, account', 'Hauptkonto München')),
    ];
    for (const copy of copies) expect(amountsOf(await world.import(copy, { dryRun: true }))).toEqual(amountsOf(plain));
    const latin1 = Buffer.from(text, 'latin1');
    await expect(world.import(latin1, { dryRun: true })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/UTF-8 text: line 2 is not/),
    });
    expect(amountsOf(await world.import(latin1, { dryRun: true, encoding: 'latin1' }))).toEqual(amountsOf(plain));
    expect(await world.desk.list(FINANCE, { limit: 10, offset: 0, ended: false })).toEqual([]);
  });

  it('counts prepayments when they are paid, or over their time', async () => {
    const billed = await world.import(focusCsv(), { dryRun: true });
    const effective = await world.import(focusCsv(), { dryRun: true, measure: 'effective' });
    expect((billed.bills[0]?.billMicro ?? 0n) - (effective.bills[0]?.billMicro ?? 0n)).toBe(550_000_000n);
  });
});

function amountsOf({ bills }: Awaited<ReturnType<TestDesk['import']>>) {
  return bills.map(({ id: _id, ...rest }) => rest);
}

/** 1e-20 units. */
function exactOf(decimal: string): bigint {
  const [mantissa = '', exponent = '0'] = decimal.split(/e/i);
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const value = BigInt(`${whole}${fraction.padEnd(20, '0')}`) / 10n ** BigInt(-Number(exponent));
  return decimal.startsWith('-') ? -value : value;
}
