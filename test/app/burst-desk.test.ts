import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BURST_CLERK, BurstDesk } from '../../src/app/burst-desk.ts';
import type { PlanQuota } from '../../src/domain/plan.ts';
import type { QuotaStanding } from '../../src/domain/quota.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, floorTo } from '../../src/domain/window.ts';
import { BurstReader } from '../../src/store/postgres/burst-reader.ts';
import { BurstStore } from '../../src/store/postgres/burst-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const TERMS = { accrualPercent: 50, capacity: 1_000n, expiresAfterDays: 30 };
const QUOTA: PlanQuota = { key: 'requests', period: 'day', limit: 100n, kind: 'hard', burst: TERMS };
/** Days count back from today, by the clock of the database and of this process: both are this machine's. */
const TODAY = floorTo(Date.now(), DAY_MS);
const RUNNING = { period: 'day', from: TODAY } as const;

let db: TestPostgres;
let desk: BurstDesk;
let reader: BurstReader;
let owner: pg.Client;
beforeAll(async () => {
  db = await startTestPostgres({ poolSize: 8 });
  desk = new BurstDesk(new BurstStore(db.postgres));
  reader = new BurstReader(db.postgres);
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await db.stop();
});

let made = 0;
async function newTenant(): Promise<TenantId> {
  made += 1;
  const tenant = `tenant-${made}` as TenantId;
  await new TenantDirectory(db.postgres).remember([tenant]);
  return tenant;
}

function day(tenantId: TenantId, daysAgo: number, used: bigint): { standing: QuotaStanding; terms: typeof TERMS } {
  const from = TODAY - daysAgo * DAY_MS;
  const standing: QuotaStanding = {
    ...{ tenantId, plan: 'premium', quota: QUOTA, window: { from, to: from + DAY_MS }, used, burstSpent: 0n },
    ...{ share: null, state: 'ok', forecast: null },
  };
  return { standing, terms: TERMS };
}

const spend = (tenantId: TenantId, amount: bigint, id: string = randomUUID()) =>
  desk.spend(BURST_CLERK, { tenantId, key: 'requests', amount, id, reason: 'a launch' }, RUNNING);

async function accountOf(tenantId: TenantId) {
  const [account] = await reader.accounts(BURST_CLERK, { tenantId, offset: 0, limit: 1 });
  if (account === undefined) throw new Error('no account');
  return account;
}

async function ledgerOf(tenantId: TenantId) {
  const { rows } = await owner.query(
    `select kind, debit, credit, amount, reference, period_start from tenantry.burst_entries where tenant_id = $1 order by seq`,
    [tenantId],
  );
  return rows;
}

describe('a period that is closed', () => {
  test('earns once, however often and by however many it is closed', async () => {
    const tenant = await newTenant();
    await Promise.all(Array.from({ length: 8 }, () => desk.close(day(tenant, 1, 40n))));
    const before = await ledgerOf(tenant);
    // Figures that come in late change nothing any more.
    await desk.close(day(tenant, 1, 0n));
    expect(await ledgerOf(tenant)).toEqual(before);
    expect(before).toMatchObject([{ kind: 'earned', debit: 'allowance', credit: 'balance', amount: '30' }]);
    expect(await accountOf(tenant)).toMatchObject({ balance: 30n, earned: 30n, spent: 0n, expired: 0n });
  });

  test('that used everything leaves its mark, and is not asked about again', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 1, 100n));
    expect(await desk.closed('day', TODAY - DAY_MS)).toContain(`${tenant} requests`);
    expect(await ledgerOf(tenant)).toEqual([]);
  });

  test('of which nothing is known stays open', async () => {
    const tenant = await newTenant();
    const unknown = day(tenant, 1, 0n);
    await desk.close({ ...unknown, standing: { ...unknown.standing, used: null } });
    expect(await desk.closed('day', TODAY - DAY_MS)).not.toContain(`${tenant} requests`);
  });

  test('is paid for when it used too much, and then earns nothing', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 3, 0n));
    await desk.cover(day(tenant, 2, 110n));
    await desk.cover(day(tenant, 2, 110n));
    await desk.close(day(tenant, 2, 125n));
    expect(await accountOf(tenant)).toMatchObject({ balance: 25n, earned: 50n, spent: 25n });
    expect((await reader.covered(BURST_CLERK, [tenant], TODAY - 2 * DAY_MS)).get(`${tenant} requests`)).toBe(25n);
  });
});

describe('a spend', () => {
  test('is booked once, however often it is asked for', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 1, 40n));
    const id = randomUUID();
    const answers = await Promise.all(Array.from({ length: 6 }, () => spend(tenant, 20n, id)));
    expect(new Set(answers.map((answer) => answer.outcome))).toEqual(new Set(['spent']));
    expect(await accountOf(tenant)).toMatchObject({ balance: 10n, spent: 20n });
    await expect(spend(tenant, 5n, id)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('that was taken beforehand is not taken again for the use that it was for', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 1, 0n));
    await spend(tenant, 30n);
    expect(await desk.cover(day(tenant, 0, 120n))).toBe(0n);
    expect(await desk.cover(day(tenant, 0, 140n))).toBe(10n);
    expect(await accountOf(tenant)).toMatchObject({ balance: 10n, spent: 40n });
  });

  test('takes nothing where there is too little', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 1, 40n));
    expect(await spend(tenant, 31n)).toEqual({ outcome: 'refused', spent: 0n, balance: 30n });
  });

  test('never comes to more than there is, whoever asks at the same time', async () => {
    const tenant = await newTenant();
    for (const daysAgo of [4, 3, 2, 1]) await desk.close(day(tenant, daysAgo, 0n));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => spend(tenant, BigInt(1 + (index % 9)))));
    const spent = answers.reduce((sum, answer) => sum + answer.spent, 0n);
    const account = await accountOf(tenant);
    expect(account).toMatchObject({ earned: 200n, spent, balance: 200n - spent });
    // 60 spends of 5 on average are more than there is: some were turned away, and hardly anything is left.
    expect(answers.some((answer) => answer.outcome === 'refused')).toBe(true);
    expect(account.balance).toBeLessThan(9n);
  });
});

describe('credits that have ended', () => {
  test('are not spent, and are booked as expired once', async () => {
    const tenant = await newTenant();
    await desk.close(day(tenant, 40, 0n));
    await desk.close(day(tenant, 1, 60n));
    expect(await accountOf(tenant)).toMatchObject({ balance: 20n, earned: 70n, expired: 50n });
    expect(await spend(tenant, 21n)).toMatchObject({ outcome: 'refused' });
    await Promise.all([desk.expire(), desk.expire()]);
    await desk.expire();
    expect((await ledgerOf(tenant)).filter(({ kind }) => kind === 'expired')).toMatchObject([{ amount: '50' }]);
    expect(await accountOf(tenant)).toMatchObject({ balance: 20n, earned: 70n, expired: 50n });
  });
});

test('the ledger cannot be changed, not even by its owner', async () => {
  const tenant = await newTenant();
  await desk.close(day(tenant, 1, 0n));
  for (const change of ['update tenantry.burst_entries set amount = 1', 'delete from tenantry.burst_entries']) {
    await expect(owner.query(change)).rejects.toMatchObject({ code: '42501' });
  }
  const overdraw = owner.query('update tenantry.burst_lots set remaining = -1 where tenant_id = $1', [tenant]);
  await expect(overdraw).rejects.toMatchObject({ code: '23514' });
});

const STEPS = fc.oneof(
  fc.record({
    kind: fc.constant('close' as const),
    daysAgo: fc.integer({ min: 1, max: 45 }),
    used: fc.bigInt(0n, 150n),
  }),
  fc.record({ kind: fc.constant('spend' as const), amount: fc.bigInt(1n, 80n) }),
  fc.record({ kind: fc.constant('cover' as const), used: fc.bigInt(0n, 200n) }),
  fc.record({ kind: fc.constant('expire' as const) }),
);

test('whatever happens in whatever order, what was earned is held, spent or expired, to the last credit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEPS, { minLength: 1, maxLength: 25 }), async (steps) => {
      const tenant = await newTenant();
      const work = steps.map((step) => () => {
        if (step.kind === 'close') return desk.close(day(tenant, step.daysAgo, step.used));
        if (step.kind === 'spend') return spend(tenant, step.amount);
        return step.kind === 'cover' ? desk.cover(day(tenant, 0, step.used)) : desk.expire();
      });
      // Half of it one after the other, half at once.
      for (const one of work.slice(0, work.length / 2)) await one();
      await Promise.all(work.slice(work.length / 2).map((one) => one()));
      const { rows } = await owner.query<Record<string, string>>(
        `select coalesce(sum(case credit when 'balance' then amount end), 0) as earned,
                coalesce(sum(case debit when 'balance' then amount end), 0) as gone,
                (select coalesce(sum(remaining), 0) from tenantry.burst_lots where tenant_id = $1) as held,
                (select coalesce(sum(earned), 0) from tenantry.burst_lots where tenant_id = $1) as promised
         from tenantry.burst_entries where tenant_id = $1`,
        [tenant],
      );
      const [sums = {}] = rows;
      const sum = (name: string) => BigInt(sums[name] ?? -1);
      expect(sum('earned')).toBe(sum('promised'));
      expect(sum('earned')).toBe(sum('held') + sum('gone'));
      const [account] = await reader.accounts(BURST_CLERK, { tenantId: tenant, offset: 0, limit: 1 });
      if (account !== undefined) expect(account.earned).toBe(account.balance + account.spent + account.expired);
    }),
    { numRuns: 25 },
  );
});
