import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainCosts } from '../../src/app/costs-explain.ts';
import type { AllocationRule } from '../../src/domain/cost-rule.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS } from '../../src/domain/window.ts';
import { CostRuleStore } from '../../src/store/postgres/cost-rule-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { FINANCE, startDesk, type TestDesk } from '../support/cost-desk.ts';

const NOVEMBER = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const [ACME, BETA] = ['acme', 'beta'] as [TenantId, TenantId];
const USED = { withoutTenant: 'unallocated', idle: null } as const;
const BY_CPU: AllocationRule = {
  id: 'cpu',
  part: null,
  match: {},
  method: { kind: 'proportional', key: 'cpu_ns', ...USED },
};
const BY_AI: AllocationRule = {
  ...{ id: 'openai', part: 'ai', match: { provider: ['openai'] } },
  method: { kind: 'proportional', key: 'ai_cost:openai', ...USED },
};

let world: TestDesk;
let owner: pg.Client;

beforeAll(async () => {
  world = await startDesk();
  owner = new pg.Client({ connectionString: world.db.ownerUrl });
  await owner.connect();
  const directory = new TenantDirectory(world.db.postgres);
  await directory.remember([ACME, BETA]);
  await directory.setPlan(FINANCE, BETA, 'gold');
  world.usage.set('acme', { cpu_ns: 3n, db_ns: 1n });
  world.usage.set('beta', { cpu_ns: 1n, db_ns: 1n });
});
afterAll(async () => {
  await owner.end();
  await world.stop();
});
afterEach(async () => {
  await owner.query('delete from tenantry.ai_months');
  await world.clear();
  world.ai.hourly.splice(0);
});

/** A bill of a few lines: date, service, amount, and whatever else is given. */
function bill(
  lines: readonly [date: string, service: string, amount: string][],
  provider = 'cloud',
  invoice = 'i1',
): string {
  const rows = lines.map(
    ([date, service, amount], index) =>
      `${date},${service},${amount},USD,${provider},${invoice},${index},"tenant=acme"`,
  );
  return `date,service,amount,currency,provider,invoice,id,tags\n${rows.join('\n')}\n`;
}

describe('a figure', () => {
  it('unfolds to its lines, rule, usage and sum', async () => {
    const mixed: AllocationRule = {
      ...{ id: 'mix', part: 'databases', match: { service: ['db'] } },
      method: {
        kind: 'weighted',
        keys: [
          { key: 'cpu_ns', weight: 3 },
          { key: 'db_ns', weight: 1 },
        ],
        ...USED,
      },
    };
    const tagged: AllocationRule = {
      ...{ id: 'tag', part: null, match: { service: ['own'] } },
      method: { kind: 'direct', from: { tag: 'tenant' }, tenants: {} },
    };
    await world.rules([mixed, tagged]);
    await world.import(
      bill([
        ['2026-11-02', 'db', '8'],
        ['2026-11-02', 'db', '0.5'],
        ['2026-11-03', 'own', '2'],
      ]),
    );
    const stores = { bills: world.bills, shares: world.shares, rules: new CostRuleStore(world.db.postgres) };
    const question = { window: NOVEMBER, part: undefined, currency: 'USD', limit: 10, offset: 0, lines: 5 };
    const acme = await explainCosts(stores, { tenantId: ACME, ...question });
    // (3 x 3/4 + 1 x 1/2) / 4 = 11/16 of 8.50
    expect(acme).toMatchObject([
      {
        ...{ rule: 'mix', part: 'databases', groupMicro: 8_500_000n, shareMicro: 5_843_750n, lineCount: 2 },
        formula: '5.843750 USD = 8.500000 x (3 x 3/4 [cpu_ns] + 1 x 1/2 [db_ns]) / 4',
        bases: [
          { key: 'cpu_ns', weight: 3, usage: 3n, total: 4n },
          { key: 'db_ns', weight: 1, usage: 1n, total: 2n },
        ],
        lines: [
          { line: 2, amount: '8', currency: 'USD' },
          { line: 3, amount: '0.5' },
        ],
      },
      {
        rule: 'tag',
        shareMicro: 2_000_000n,
        lines: [{ line: 4, amount: '2' }],
        formula: '2.000000 USD: the lines name this tenant (tag tenant)',
      },
    ]);
    const beta = await explainCosts(stores, { tenantId: BETA, ...question, part: 'databases' });
    expect(beta.map(({ shareMicro }) => shareMicro)).toEqual([2_656_250n]);
    const costs = await world.ledger.costs({ window: NOVEMBER });
    expect(costs.items.find(({ tenantId }) => tenantId === ACME)?.costMicro).toBe(7_843_750n);
  });

  it('can be asked for one tenant or one plan', async () => {
    await world.rules([BY_CPU]);
    await world.import(bill([['2026-11-02', 'api', '4']]));
    const ofPlan = await world.ledger.costs({ window: NOVEMBER, plan: 'gold' });
    expect(ofPlan.items.map(({ tenantId, costMicro }) => [tenantId, costMicro])).toEqual([['beta', 1_000_000n]]);
    expect(ofPlan.residualMicro).toBeNull();
    const one = await world.ledger.costs({ window: NOVEMBER, tenants: [ACME] });
    expect(one.items.map(({ costMicro }) => costMicro)).toEqual([3_000_000n]);
  });
});

describe('the days of a window', () => {
  it('come to what each of them costs when it is asked for by itself, of all tenants and of one', async () => {
    world.ai.hourly.push(
      { tenantId: ACME, provider: 'openai', pico: 10n ** 12n },
      { tenantId: BETA, provider: 'anthropic', pico: 10n ** 11n },
      { tenantId: '(unknown)' as TenantId, provider: 'openai', pico: 10n ** 10n },
    );
    await world.rules([BY_AI, BY_CPU]);
    await world.import(bill([['2026-11-05', 'tokens', '100']], 'openai'));
    await world.import(
      bill(
        [
          ['2026-11-02', 'api', '4'],
          ['2026-11-02', 'db', '1.5'],
          ['2026-11-09', 'api', '7'],
        ],
        'cloud',
        'i2',
      ),
    );
    const window = { from: NOVEMBER.from, to: NOVEMBER.from + 10 * DAY_MS };
    for (const tenants of [undefined, [ACME], [BETA, ACME]]) {
      const only = tenants === undefined ? {} : { tenants };
      const { currency, days } = await world.ledger.days({ window, ...only });
      expect([currency, days.length]).toEqual(['USD', 10]);
      for (const { day, amountMicro } of days) {
        const alone = await world.ledger.costs({ window: { from: day, to: day + DAY_MS }, ...only });
        const theirs = alone.items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
        expect(amountMicro).toBe(tenants === undefined ? alone.billMicro + alone.estimatedMicro : theirs);
      }
      expect(days.some(({ amountMicro }) => amountMicro > 0n)).toBe(true);
    }
  });
});

describe('AI usage', () => {
  it('counts at book prices until a bill covers it, and then only in the bill', async () => {
    world.ai.hourly.push(
      { tenantId: ACME, provider: 'openai', pico: 10n ** 12n },
      { tenantId: BETA, provider: 'anthropic', pico: 10n ** 12n, unpricedCalls: 2 },
      { tenantId: '(unknown)' as TenantId, provider: 'openai', pico: 10n ** 12n },
    );
    await world.rules([BY_AI, BY_CPU]);
    const hours = BigInt((NOVEMBER.to - NOVEMBER.from) / 3_600_000);
    const before = await world.ledger.costs({ window: NOVEMBER });
    expect(before).toMatchObject({ billMicro: 0n, estimatedMicro: 3n * hours * 1_000_000n, residualMicro: 0n });
    expect(before.unallocatedMicro).toBe(hours * 1_000_000n);
    expect(before.items.find(({ tenantId }) => tenantId === BETA)?.unpricedCalls).toBe(2);

    // The invoice of one provider for one day of its time.
    await world.import(bill([['2026-11-05', 'tokens', '100']], 'openai'));
    const after = await world.ledger.costs({ window: NOVEMBER });
    expect(after).toMatchObject({ billMicro: 100_000_000n, residualMicro: 0n });
    // All of Anthropic, and OpenAI without that day.
    expect(after.estimatedMicro).toBe((hours + 2n * (hours - 24n)) * 1_000_000n);
    const acme = after.items.find(({ tenantId }) => tenantId === ACME);
    expect(acme?.parts.get('ai')).toBe(50_000_000n + (hours - 24n) * 1_000_000n);
    const withoutEstimates = await world.ledger.costs({ window: NOVEMBER, estimates: false });
    expect(withoutEstimates).toMatchObject({ estimatedMicro: 0n, residualMicro: 0n, unallocatedMicro: 50_000_000n });
  });
});

describe('rules', () => {
  it('are tried on a bill before they count, and say whose costs change', async () => {
    await world.rules([]);
    const id = (await world.import(bill([['2026-11-02', 'api', '4']]))).bills[0]?.id ?? '';
    const preview = await world.desk.preview(FINANCE, id, [BY_CPU]);
    expect(preview?.differences).toEqual([
      { tenantId: ACME, beforeMicro: 0n, afterMicro: 3_000_000n },
      { tenantId: BETA, beforeMicro: 0n, afterMicro: 1_000_000n },
    ]);
    expect((await world.ledger.costs({ window: NOVEMBER })).unallocatedMicro).toBe(4_000_000n);
    await world.rules([BY_CPU]);
    expect((await world.desk.allocate(FINANCE, id))?.differences).toEqual(preview?.differences);
    // Again by the same rules and usage: the same shares.
    expect((await world.desk.allocate(FINANCE, id))?.differences).toEqual([]);
    expect(await world.ledger.costs({ window: NOVEMBER })).toMatchObject({ unallocatedMicro: 0n, residualMicro: 0n });
    const { rows } = await owner.query(`select action from tenantry.audit_log where resource = $1 order by seq`, [
      `bill/${id}`,
    ]);
    expect(rows.map(({ action }) => action)).toEqual(['bill.import', 'bill.allocate', 'bill.allocate']);
  });

  it('are not written over by who has not seen the newest', async () => {
    const { version = 0 } = (await world.desk.rules(FINANCE)) ?? {};
    await world.desk.changeRules(FINANCE, { basedOn: version, rules: [BY_CPU], comment: 'first' });
    const late = world.desk.changeRules(FINANCE, { basedOn: version, rules: [], comment: 'late' });
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await world.desk.rules(FINANCE))?.rules).toEqual([BY_CPU]);
    expect((await world.desk.ruleVersions(FINANCE))[0]).toMatchObject({
      version: version + 1,
      comment: 'first',
      createdBy: 'fin',
    });
  });
});

describe('a closed month', () => {
  it('stays what it was: late charges count in the first open one, and nothing in it is changed', async () => {
    await world.rules([BY_CPU]);
    const id = (await world.import(bill([['2026-11-02', 'api', '4']]))).bills[0]?.id ?? '';
    await owner.query(
      `insert into tenantry.ai_months (month, closed_by, book_version) values ('2026-11-01', 'test', 1), ('2026-12-01', 'test', 1)`,
    );
    const late = (await world.import(bill([['2026-11-03', 'api', '8']], 'cloud', 'i2'))).bills[0];
    expect(late?.correction).toBe(true);
    const november = await world.ledger.costs({ window: NOVEMBER });
    expect(november).toMatchObject({ billMicro: 4_000_000n, residualMicro: 0n });
    const january = await world.ledger.costs({ window: { from: Date.UTC(2027, 0, 1), to: Date.UTC(2027, 1, 1) } });
    expect(january).toMatchObject({ billMicro: 8_000_000n, residualMicro: 0n });
    // Shared by the usage of the time of the charge all the same.
    expect(january.items.map(({ costMicro }) => costMicro)).toEqual([6_000_000n, 2_000_000n]);
    await expect(world.desk.allocate(FINANCE, id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(world.desk.remove(FINANCE, id)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
