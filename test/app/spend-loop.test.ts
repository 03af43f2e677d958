import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SpendLoop } from '../../src/app/spend-loop.ts';
import { heldCaps } from '../../src/app/spend-standing.ts';
import { SpendDesk } from '../../src/control/spend-desk.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { SpendAccountId, SpendAlert } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { CapStore } from '../../src/store/postgres/cap-store.ts';
import { SpendBook } from '../../src/store/postgres/spend-book.ts';
import { SpendFlagStore } from '../../src/store/postgres/spend-flag-store.ts';
import { TEST_RATES } from '../support/api-memory-spend.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { runSql } from '../support/postgres-child.ts';
import { spendCap } from '../support/spend-samples.ts';

const ADA: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };

let db: TestPostgres;
let caps: CapStore;
let desk: SpendDesk;
let loop: SpendLoop;
let isLeader: boolean;
let observed: (accounts: readonly SpendAccountId[]) => readonly { account: SpendAccountId; micro: number }[];
let alerts: SpendAlert[];
const clock = { now: 0 };
let tenantId: TenantId;

beforeAll(async () => {
  db = await startTestPostgres();
  const book = new SpendBook(db.postgres);
  caps = new CapStore(db.postgres);
  desk = new SpendDesk(book, { zone: () => () => 0, rates: () => TEST_RATES });
  loop = new SpendLoop({
    leadership: { isLeader: async () => isLeader },
    desk,
    caps,
    book,
    flags: new SpendFlagStore(db.postgres),
    held: heldCaps,
    observed: async (accounts) => observed(accounts),
    onAlert: (alert) => alerts.push(alert),
    log: silentLog,
    now: () => clock.now,
  });
});
afterAll(() => db.stop());
beforeEach(() => {
  isLeader = true;
  alerts = [];
  observed = () => [];
  clock.now += 60_000;
  tenantId = `t-${randomUUID()}` as TenantId;
});

async function setCap(amountMicro: number): Promise<void> {
  const { tenantId: _tenant, plan: _plan, updatedBy: _by, updatedAt: _at, ...terms } = spendCap();
  await caps.put(ADA, tenantId, { ...terms, period: 'month', amountMicro });
}

const spansSay = (micro: number) => {
  observed = (accounts) => accounts.filter((one) => one.tenantId === tenantId).map((account) => ({ account, micro }));
};

const stepInForce = async () => {
  const [flag] = await runSql(
    db.ownerUrl,
    `select value ->> 'step' as step from tenantry.flags
     where tenant_id = '${tenantId}' and lifted_at is null and expires_at > clock_timestamp()`,
  );
  return flag?.['step'];
};

test('what spans say moves the tenant on the ladder, tells it once, and refuses budget', async () => {
  await setCap(1_000);
  spansSay(920);
  await loop.tick();
  expect([await stepInForce(), alerts.map(({ percent }) => percent)]).toEqual(['cached_only', [70, 90]]);
  clock.now += 60_000;
  await loop.tick();
  expect(alerts).toHaveLength(2);
  const request = { id: randomUUID(), tenant_id: tenantId, instance_id: 'i', service: 's', at_least_micro: 81 };
  const answer = await desk.reserve(tenantId, request, { keyId: 'k', instanceId: 'i', service: 's' });
  expect(answer).toMatchObject({ outcome: 'refused', available_micro: 80, step: 'cached_only' });
});

test('a tenant whose last cap was taken away is let go', async () => {
  await setCap(1_000);
  spansSay(1_000);
  await loop.tick();
  expect(await stepInForce()).toBe('blocked');
  await caps.remove(ADA, tenantId, { period: 'month', key: null, model: null });
  await loop.tick();
  expect(await stepInForce()).toBeUndefined();
});

test('spans that cannot be asked stop nothing: what apps report still counts, and what expired is charged', async () => {
  await setCap(1_000);
  observed = () => {
    throw new Error('ClickHouse is away');
  };
  const request = { id: randomUUID(), tenant_id: tenantId, instance_id: 'i', service: 's', at_least_micro: 750 };
  await desk.reserve(tenantId, request, { keyId: 'k', instanceId: 'i', service: 's' });
  await runSql(
    db.ownerUrl,
    `update tenantry.spend_reservations set expires_at = clock_timestamp() where tenant_id = '${tenantId}'`,
  );
  await loop.tick();
  const { accounts } = await caps.standing(ADA, { tenants: [tenantId], offset: 0, limit: 10 });
  expect(accounts).toMatchObject([{ reservedMicro: 0, presumedMicro: 750, observedMicro: null }]);
  expect([await stepInForce(), alerts.map(({ percent }) => percent)]).toEqual(['warn', [70]]);
});

test('whoever does not lead touches nothing', async () => {
  await setCap(1_000);
  spansSay(1_000);
  isLeader = false;
  await loop.tick();
  expect([await stepInForce(), alerts]).toEqual([undefined, []]);
});
