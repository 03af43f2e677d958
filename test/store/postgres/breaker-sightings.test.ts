import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Actor, StaffActor } from '../../../src/domain/actor.ts';
import type { NewBreakerOrder, WireBreaker } from '../../../src/domain/breaker.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { BreakerOrders } from '../../../src/store/postgres/breaker-orders.ts';
import { BreakerSightings } from '../../../src/store/postgres/breaker-sightings.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { runSql } from '../../support/postgres-child.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const viewer = (tenantId: string): Actor => ({
  kind: 'tenant',
  subject: 'v',
  role: 'viewer',
  tenantId: tenantId as TenantId,
});

let db: TestPostgres;
let sightings: BreakerSightings;
let orders: BreakerOrders;
let monotonic = 0;
let tests = 0;
/** An integration that no other test uses. */
let integration: string;

function breaker(fields: Partial<WireBreaker> = {}): WireBreaker {
  return {
    ...{ tenant_id: 'acme', integration, state: 'open', since_ms: 2_000, calls: 9, failures: 5 },
    ...{ last_error: 'http_503', openings: [{ number: 1, ms_ago: 2_000 }], ...fields },
  };
}
const report = (breakers: WireBreaker[], instance = 'shop-1') =>
  sightings.report('key-1', { instance_id: instance, service: 'shop', breakers });
const listed = (actor: Actor = SRE) => sightings.list(actor, { tenantId: undefined, integration });

async function databaseNow(): Promise<number> {
  const [row] = await runSql(db.ownerUrl, 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now');
  return Number(row?.['now']);
}

const age = (interval: string) =>
  runSql(db.ownerUrl, `update tenantry.breaker_sightings set expires_at = expires_at - interval '${interval}'`);

beforeAll(async () => {
  db = await startTestPostgres();
  sightings = new BreakerSightings(db.postgres, () => monotonic);
  orders = new BreakerOrders(db.postgres);
});
afterAll(() => db.stop());
beforeEach(() => {
  tests += 1;
  integration = `integration-${tests}`;
});

describe('BreakerSightings', () => {
  it('keeps the last word of each instance, with its times on the clock of the database', async () => {
    const before = await databaseNow();
    await report([breaker()]);
    await report([breaker({ state: 'half_open', since_ms: 0 })], 'shop-2');
    const after = await databaseNow();
    const all = await listed();
    expect(all).toHaveLength(2);
    const first = all.find(({ instanceId }) => instanceId === 'shop-1');
    expect(first).toMatchObject({
      tenantId: 'acme',
      service: 'shop',
      state: 'open',
      calls: 9,
      failures: 5,
      lastError: 'http_503',
    });
    for (const at of [first?.since, first?.openings[0]]) {
      expect(at).toBeGreaterThanOrEqual(Math.floor(before) - 2_000);
      expect(at).toBeLessThanOrEqual(after - 2_000);
    }
    const { last_error: _, ...withoutError } = breaker({ state: 'closed', calls: 0, failures: 0, openings: [] });
    await report([withoutError]);
    expect((await listed()).find(({ instanceId }) => instanceId === 'shop-1')).toMatchObject({
      ...{ state: 'closed', calls: 0, lastError: 'http_503', openings: [first?.openings[0]] },
    });
  });

  it('counts an opening once however often it is told, and keeps an hour of them, at most fifty', async () => {
    await report([
      breaker({
        openings: [
          { number: 7, ms_ago: 3_700_000 },
          { number: 8, ms_ago: 60_000 },
        ],
      }),
    ]);
    const [first] = await listed();
    await report([
      breaker({
        openings: [
          { number: 8, ms_ago: 59_000 },
          { number: 9, ms_ago: 10 },
        ],
      }),
    ]);
    const [second] = await listed();
    expect(second?.openings).toHaveLength(2);
    expect(second?.openings[0]).toBe(first?.openings.at(-1));
    for (let part = 0; part < 4; part++) {
      const openings = Array.from({ length: 20 }, (_, index) => ({ number: 100 + part * 20 + index, ms_ago: 10 }));
      await report([breaker({ openings })]);
    }
    expect((await listed())[0]?.openings).toHaveLength(50);
  });

  it('takes the later word of a breaker that one report names twice', async () => {
    await report([breaker(), breaker({ state: 'closed' })]);
    expect((await listed()).map(({ state }) => state)).toEqual(['closed']);
  });

  it('forgets an instance that is gone: what was open after 90 s, what closed after ten minutes', async () => {
    await report([breaker({ tenant_id: 'acme' }), breaker({ tenant_id: 'beta', state: 'closed' })]);
    await age('89 seconds');
    expect(await listed()).toHaveLength(2);
    await age('2 seconds');
    expect((await listed()).map(({ tenantId }) => tenantId)).toEqual(['beta']);
    await age('510 seconds');
    expect(await listed()).toEqual([]);
    monotonic += 31_000;
    await report([breaker({ tenant_id: 'gamma' })]);
    const left = await runSql(
      db.ownerUrl,
      `select tenant_id from tenantry.breaker_sightings where integration = '${integration}'`,
    );
    expect(left).toEqual([{ tenant_id: 'gamma' }]);
  });

  it('shows a tenant its own only, and nobody but staff the breaker of all', async () => {
    await report([breaker(), breaker({ tenant_id: 'globex' }), breaker({ tenant_id: '(all)' })]);
    expect((await listed(viewer('acme'))).map(({ tenantId }) => tenantId)).toEqual(['acme']);
    const asked = await sightings.list(viewer('acme'), { tenantId: 'globex' as TenantId, integration });
    expect(asked).toEqual([]);
    expect((await listed()).map(({ tenantId }) => tenantId).sort()).toEqual(['(all)', 'acme', 'globex']);
  });
});

describe('BreakerOrders', () => {
  const wanted = (fields: Partial<NewBreakerOrder> = {}): NewBreakerOrder => ({
    ...{ tenantId: 'acme' as TenantId, integration, state: 'open', expiresInSeconds: 60, reason: 'drill', ...fields },
  });
  const inForce = (actor: Actor = SRE) => orders.inForce(actor, { tenantId: undefined, integration });

  it('lets the newest word stand alone, for that tenant and integration', async () => {
    const first = await orders.create(SRE, wanted());
    const other = await orders.create(SRE, wanted({ tenantId: 'globex' as TenantId }));
    const second = await orders.create(SRE, wanted({ state: 'closed' }));
    expect((await inForce()).map(({ id }) => id)).toEqual([second.id, other.id]);
    expect(second.revision).toBeGreaterThan(first.revision);
    expect(second.expiresAt - second.createdAt).toBe(60_000);
    expect((await inForce(viewer('acme'))).map(({ id }) => id)).toEqual([second.id]);
    expect(await orders.lift(SRE, first.id)).toBeUndefined();
    expect(await orders.lift(SRE, second.id)).toMatchObject({ id: second.id, state: 'closed' });
    expect(await orders.lift(SRE, second.id)).toBeUndefined();
    expect((await inForce()).map(({ id }) => id)).toEqual([other.id]);
  });

  it('lifts once when two try at the same moment, and takes one revision for it', async () => {
    const { id, revision } = await orders.create(SRE, wanted());
    const lifted = await Promise.all(Array.from({ length: 5 }, () => orders.lift(SRE, id)));
    expect(lifted.filter((one) => one !== undefined)).toHaveLength(1);
    const [row] = await runSql(db.ownerUrl, `select revision::int from tenantry.revisions where stream = 'flags'`);
    expect(row?.['revision']).toBe(revision + 1);
  });

  it.each([
    { expiresInSeconds: 0 },
    { expiresInSeconds: 86_401 },
    { reason: '' },
    { integration: 'https://hooks.example.com' },
    { tenantId: '(all)' as TenantId },
  ])('refuses %j', async (fields) => {
    await expect(orders.create(SRE, wanted(fields))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('does not lift flags of another kind', async () => {
    const [row] = await runSql(
      db.ownerUrl,
      `insert into tenantry.flags (tenant_id, kind, scope, value, mode, reason, created_by, created_at, expires_at, revision)
       values ('acme', 'degrade', '{"feature": "ai"}', '{"step": "warn"}', 'enforce', 'x', 'x', now(), now() + interval '1 hour', 1)
       returning id`,
    );
    expect(await orders.lift(SRE, String(row?.['id']))).toBeUndefined();
  });
});
