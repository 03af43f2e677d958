import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { heldCaps } from '../../../src/app/spend-standing.ts';
import { SpendDesk } from '../../../src/control/spend-desk.ts';
import { decideLadder } from '../../../src/control/spend-ladder.ts';
import type { Actor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { CapStore } from '../../../src/store/postgres/cap-store.ts';
import { DegradeOrders } from '../../../src/store/postgres/degrade-orders.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { SpendBook } from '../../../src/store/postgres/spend-book.ts';
import { SpendFlagStore } from '../../../src/store/postgres/spend-flag-store.ts';
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

describe('flags of the ladder', () => {
  const flags = () => new SpendFlagStore(db.postgres);

  /** One turn of the ladder, as the loop makes it. */
  async function turn(tenantId: TenantId) {
    const standing = await standingOf(tenantId);
    const decision = decideLadder({
      tenantId,
      held: heldCaps(standing),
      flags: await flags().flagsOf([tenantId]),
      told: new Set(),
      now: standing.now,
    });
    await flags().change(tenantId, decision.actions);
    const alerts = await flags().addAlerts(decision.alerts);
    return { kinds: decision.actions.map(({ kind }) => kind), alerts: alerts.map(({ percent }) => percent) };
  }

  const inForce = (tenantId: TenantId) =>
    runSql(
      db.ownerUrl,
      `select value ->> 'step' as step, created_by from tenantry.flags
       where tenant_id = '${tenantId}' and lifted_at is null and expires_at > clock_timestamp()`,
    );

  async function spend(tenantId: TenantId, micro: number): Promise<void> {
    const desk = openDesk();
    const id = randomUUID();
    await desk.reserve(tenantId, slice(tenantId, id, micro), ASKER);
    await desk.report(tenantId, [spendReport(id, { tenant_id: tenantId, spent_micro: micro, closed: true })], ASKER);
  }

  it('follow the spend up, are told once, and go when the cap is raised', async () => {
    const tenantId = freshTenant();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000, period: 'month' }));
    expect(await turn(tenantId)).toEqual({ kinds: [], alerts: [] });
    await spend(tenantId, 750);
    expect(await turn(tenantId)).toEqual({ kinds: ['set'], alerts: [70] });
    expect(await turn(tenantId)).toEqual({ kinds: [], alerts: [] });
    await spend(tenantId, 250);
    expect(await turn(tenantId)).toEqual({ kinds: ['set'], alerts: [90, 100] });
    expect(await inForce(tenantId)).toEqual([{ step: 'blocked', created_by: 'spend-ladder' }]);
    await caps.put(ADA, tenantId, terms({ amountMicro: 5_000, period: 'month' }));
    expect(await turn(tenantId)).toEqual({ kinds: ['lift'], alerts: [] });
    expect(await inForce(tenantId)).toEqual([]);
  });

  it("leave a person's flag alone, also one that came a moment before", async () => {
    const tenantId = freshTenant();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000 }));
    await spend(tenantId, 1_000);
    await runSql(
      db.ownerUrl,
      `insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
       values ('${tenantId}', 'degrade', '{"feature": "ai"}', '{"step": "ok"}', 'enforce', 'demo for the board', 'ada',
               now(), now() + interval '1 hour', 1)`,
    );
    await flags().change(tenantId, [
      { kind: 'set', feature: 'ai', step: 'blocked', reason: 'r', expiresAt: Date.now() + 60_000, replaces: undefined },
    ]);
    expect(await turn(tenantId)).toMatchObject({ kinds: [] });
    expect(await inForce(tenantId)).toEqual([{ step: 'ok', created_by: 'ada' }]);
  });

  it('do not come back in the same period when a person lifted them', async () => {
    const tenantId = freshTenant();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000, period: 'month' }));
    await spend(tenantId, 750);
    await turn(tenantId);
    await runSql(
      db.ownerUrl,
      `update tenantry.flags set lifted_at = clock_timestamp(), lifted_by = 'ada', lifted_revision = revision + 1
       where tenant_id = '${tenantId}'`,
    );
    expect(await turn(tenantId)).toEqual({ kinds: [], alerts: [] });
    expect(await inForce(tenantId)).toEqual([]);
  });

  const orders = () => new DegradeOrders(db.postgres);
  const order = (tenantId: TenantId, step: 'warn' | 'cached_only' | 'blocked', reason = 'a key leaked') =>
    orders().order(ADA, { tenantId, feature: 'ai', step, reason, expiresInSeconds: 3_600 });

  it.each(['warn', 'blocked'] as const)(
    "make room for a person's order (%s) and come back when it is over",
    async (step) => {
      const tenantId = freshTenant();
      await caps.put(ADA, tenantId, terms({ amountMicro: 1_000, period: 'month' }));
      await spend(tenantId, 950);
      await turn(tenantId);
      expect(await orders().list(ADA, { tenantId })).toMatchObject([{ step: 'cached_only', automatic: true }]);
      const made = await order(tenantId, step);
      expect(await inForce(tenantId)).toEqual([{ step, created_by: 'ada' }]);
      expect(await turn(tenantId)).toEqual({ kinds: [], alerts: [] });
      expect(await orders().lift(ADA, made.id)).toMatchObject({
        id: made.id,
        automatic: false,
        liftedAt: expect.any(Number),
      });
      expect(await orders().lift(ADA, made.id)).toBeUndefined();
      expect(await turn(tenantId)).toEqual({ kinds: ['set'], alerts: [] });
      expect(await inForce(tenantId)).toEqual([{ step: 'cached_only', created_by: 'spend-ladder' }]);
    },
  );

  it('stay away in the period when a person lifts them by name, and refuse money all the same', async () => {
    const tenantId = freshTenant();
    await caps.put(ADA, tenantId, terms({ amountMicro: 1_000, period: 'month' }));
    await spend(tenantId, 1_000);
    await turn(tenantId);
    const [automatic] = await orders().list(ADA, { tenantId });
    expect(await orders().lift(ADA, automatic?.id ?? '')).toMatchObject({ automatic: true, step: 'blocked' });
    expect(await turn(tenantId)).toEqual({ kinds: [], alerts: [] });
    await order(tenantId, 'warn');
    expect(await openDesk().reserve(tenantId, slice(tenantId, randomUUID(), 1), ASKER)).toMatchObject({
      outcome: 'refused',
    });
  });

  it('and orders are replaced in one revision, with a record, and seen by their own tenant only', async () => {
    const tenantId = freshTenant();
    const first = await order(tenantId, 'warn');
    const second = await order(tenantId, 'blocked', 'it goes on');
    const rows = await runSql(
      db.ownerUrl,
      `select lifted_revision::int as at from tenantry.flags where tenant_id = '${tenantId}' and lifted_at is not null`,
    );
    expect(rows).toEqual([{ at: second.revision }]);
    const audited = await runSql(
      db.ownerUrl,
      `select action, resource, subject, after ->> 'step' as step, after ->> 'reason' as reason, after -> 'replaced' as replaced
       from tenantry.audit_log where tenant_id = '${tenantId}' order by seq`,
    );
    const common = { action: 'degrade.set', subject: 'ada' };
    expect(audited).toEqual([
      { ...common, resource: `degrade/${first.id}`, step: 'warn', reason: 'a key leaked', replaced: [] },
      { ...common, resource: `degrade/${second.id}`, step: 'blocked', reason: 'it goes on', replaced: [first.id] },
    ]);
    const own: Actor = { kind: 'tenant', subject: 'u', role: 'viewer', tenantId };
    const foreign: Actor = { ...own, tenantId: freshTenant() };
    expect(await orders().list(own, {})).toEqual([second]);
    expect(await orders().list(foreign, { tenantId })).toEqual([]);
    await expect(
      orders().order(ADA, { ...second, step: 'warn', feature: 'export', expiresInSeconds: 60 }),
    ).rejects.toThrow(/no app asks/);
  });
});
