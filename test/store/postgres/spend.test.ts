import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { heldCaps } from '../../../src/app/spend-standing.ts';
import { SpendDesk } from '../../../src/control/spend-desk.ts';
import type { Actor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { CapStore } from '../../../src/store/postgres/cap-store.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { SpendBook } from '../../../src/store/postgres/spend-book.ts';
import { TenantDirectory } from '../../../src/store/postgres/tenant-directory.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';
import { spendReport } from '../../support/spend-samples.ts';
import { ADA, ASKER, freshTenant, slice, TOOLS, terms } from '../../support/spend-store.ts';

let db: TestPostgres;
let caps: CapStore;
const opened: Postgres[] = [];

beforeAll(async () => {
  db = await startTestPostgres();
  caps = new CapStore(db.postgres);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});
afterAll(() => db.stop());

/** A desk as on a server of its own. */
function openDesk(): SpendDesk {
  const postgres = new Postgres({ url: db.appUrl, log: silentLog });
  opened.push(postgres);
  return new SpendDesk(new SpendBook(postgres), TOOLS);
}

async function standingOf(tenantId: TenantId, actor: Actor = ADA) {
  return caps.standing(actor, { tenants: [tenantId], offset: 0, limit: 100 });
}

async function passAMinute(tenantId: TenantId): Promise<void> {
  await runSql(
    db.ownerUrl,
    `update tenantry.spend_reservations set expires_at = clock_timestamp() where tenant_id = '${tenantId}' and state = 'open'`,
  );
}

describe('the books', () => {
  it('let no burst pass a cap, on whichever server it comes, and end with nothing reserved', async () => {
    const tenantId = freshTenant();
    const amount = 100_000;
    await caps.put(ADA, tenantId, terms({ period: 'month', amountMicro: amount }));
    await caps.put(ADA, tenantId, terms({ period: 'month', amountMicro: amount / 2, key: 'bob' }));
    const desks = [openDesk(), openDesk(), openDesk()];
    const calls = Array.from({ length: 1_000 }, (_, index) => {
      const desk = desks[index % 3];
      return { desk, id: randomUUID(), key: index % 2 === 0 ? 'bob' : 'eve', cost: 50 + (index % 150) };
    });
    let charged = 0;
    const outcomes = await Promise.all(
      calls.map(async ({ desk, id, key, cost }, index) => {
        const answer = await desk?.reserve(tenantId, { ...slice(tenantId, id, 200), key }, ASKER);
        if (answer?.outcome !== 'granted') return answer?.outcome;
        charged += cost;
        // Every tenth settlement is lost, every tenth comes twice and on another server.
        const report = spendReport(id, { tenant_id: tenantId, spent_micro: cost, calls: 1, closed: true });
        if (index % 10 === 0) return 'lost';
        await desk?.report(tenantId, [report], ASKER);
        if (index % 10 === 1) await desks[(index + 1) % 3]?.report(tenantId, [report], ASKER);
        return 'granted';
      }),
    );
    const count = (what: string) => outcomes.filter((outcome) => outcome === what).length;
    expect([count('refused') > 0, count('granted') > 100, count('lost') > 10]).toEqual([true, true, true]);
    await passAMinute(tenantId);
    const expired = await Promise.all(desks.map((desk) => desk.expireDue()));
    expect(expired.reduce((sum, one) => sum + one, 0)).toBe(count('lost'));
    const { accounts } = await standingOf(tenantId);
    const all = accounts.find(({ key }) => key === null);
    const bob = accounts.find(({ key }) => key === 'bob');
    expect([all?.reservedMicro, bob?.reservedMicro, all?.presumedMicro]).toEqual([0, 0, count('lost') * 200]);
    const counted = (all?.spentMicro ?? 0) + (all?.presumedMicro ?? 0);
    expect(charged).toBeLessThanOrEqual(counted);
    expect(counted).toBeLessThanOrEqual(amount);
    expect((bob?.spentMicro ?? 0) + (bob?.presumedMicro ?? 0)).toBeLessThanOrEqual(amount / 2);
    expect(all?.calls).toBe(count('granted'));
    const [open] = await runSql(
      db.ownerUrl,
      `select count(*)::int as n from tenantry.spend_reservations where tenant_id = '${tenantId}' and state = 'open'`,
    );
    expect(open).toEqual({ n: 0 });
  });

  it('find the reservation of a request that is repeated on another server', async () => {
    const tenantId = freshTenant();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000 }));
    const id = randomUUID();
    const answers = await Promise.all(
      [openDesk(), openDesk()].map((desk) => desk.reserve(tenantId, slice(tenantId, id, 100), ASKER)),
    );
    expect(answers.map(({ granted_micro: granted }) => granted)).toEqual([100, 100]);
    expect((await standingOf(tenantId)).accounts).toMatchObject([{ reservedMicro: 100 }]);
  });

  it('keep what was spent when a cap is raised, taken away and set again', async () => {
    const tenantId = freshTenant();
    const desk = openDesk();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000 }));
    const id = randomUUID();
    await desk.reserve(tenantId, slice(tenantId, id, 900), ASKER);
    await desk.report(tenantId, [spendReport(id, { tenant_id: tenantId, spent_micro: 900, closed: true })], ASKER);
    expect(await caps.remove(ADA, tenantId, { period: 'day', key: null, model: null })).toBe(true);
    expect(await caps.remove(ADA, tenantId, { period: 'day', key: null, model: null })).toBe(false);
    expect(await desk.reserve(tenantId, slice(tenantId, randomUUID(), 1), ASKER)).toMatchObject({
      outcome: 'uncapped',
    });
    await caps.put(ADA, tenantId, terms({ amountMicro: 950 }));
    expect(await desk.reserve(tenantId, slice(tenantId, randomUUID(), 100), ASKER)).toMatchObject({
      outcome: 'refused',
      available_micro: 50,
    });
  });

  it('count what spans say where that is more', async () => {
    const tenantId = freshTenant();
    const desk = openDesk();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000 }));
    const [held] = heldCaps(await standingOf(tenantId));
    if (held === undefined) throw new Error('no cap');
    await desk.observe(tenantId, [{ account: held.account, micro: 950 }]);
    await desk.observe(tenantId, [{ account: held.account, micro: 940 }]);
    const answer = await desk.reserve(tenantId, slice(tenantId, randomUUID(), 60), ASKER);
    expect(answer).toMatchObject({ outcome: 'refused', available_micro: 50, step: 'cached_only' });
  });

  it('answer an error and write nothing while the database is away', async () => {
    const desk = new SpendDesk(
      new SpendBook(new Postgres({ url: 'postgres://nobody@127.0.0.1:1/none', log: silentLog })),
      TOOLS,
    );
    const asked = desk.reserve(freshTenant(), slice(freshTenant(), randomUUID(), 1), ASKER);
    await expect(asked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('caps', () => {
  it('of a plan hold for each of its tenants alone, until the tenant has its own for the same', async () => {
    const [tenant, other] = [freshTenant(), freshTenant()];
    const plan = `plan ${tenant.slice(2, 10)}`;
    const directory = new TenantDirectory(db.postgres);
    await directory.setPlan(ADA, tenant, plan);
    await directory.setPlan(ADA, other, plan);
    await caps.putForPlan(ADA, plan, terms({ amountMicro: 500 }));
    const desk = openDesk();
    await desk.reserve(tenant, slice(tenant, randomUUID(), 400), ASKER);
    expect(await desk.reserve(other, slice(other, randomUUID(), 400), ASKER)).toMatchObject({ outcome: 'granted' });
    expect(await desk.reserve(tenant, slice(tenant, randomUUID(), 400), ASKER)).toMatchObject({ outcome: 'refused' });
    await caps.put(ADA, tenant, terms({ amountMicro: 10_000 }));
    expect((await standingOf(tenant)).caps).toMatchObject([{ plan: null, amountMicro: 10_000 }]);
    expect((await standingOf(other)).caps).toMatchObject([{ plan, amountMicro: 500 }]);
    expect(await desk.reserve(tenant, slice(tenant, randomUUID(), 400), ASKER)).toMatchObject({ outcome: 'granted' });
  });

  it('and their accounts are seen by their own tenant only', async () => {
    const [tenant, other] = [freshTenant(), freshTenant()];
    const desk = openDesk();
    for (const one of [tenant, other]) {
      await caps.put(ADA, one, terms());
      await desk.reserve(one, slice(one, randomUUID(), 10), ASKER);
    }
    const viewer: Actor = { kind: 'tenant', subject: 'eve', role: 'viewer', tenantId: tenant };
    const seen = await standingOf(other, viewer);
    expect([seen.caps, seen.accounts].map((rows) => rows.map((row) => row.tenantId))).toEqual([[tenant], [tenant]]);
    expect(seen.inFlight.size).toBe(0);
  });

  it('are changed with a record of who did it and what was before', async () => {
    const tenant = freshTenant();
    await caps.put(ADA, tenant, terms({ amountMicro: 1 }));
    await caps.put(ADA, tenant, terms({ amountMicro: 2 }));
    await caps.remove(ADA, tenant, { period: 'day', key: null, model: null });
    const rows = await runSql(
      db.ownerUrl,
      `select action, subject, before ->> 'amountMicro' as before, after ->> 'amountMicro' as after
       from tenantry.audit_log where tenant_id = '${tenant}' order by seq`,
    );
    expect(rows).toEqual([
      { action: 'cap.set', subject: 'ada', before: null, after: '1' },
      { action: 'cap.set', subject: 'ada', before: '1', after: '2' },
      { action: 'cap.remove', subject: 'ada', before: '2', after: null },
    ]);
  });
});
