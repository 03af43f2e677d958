import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { NewDeploy } from '../../../src/domain/deploy.ts';
import { DAY_MS } from '../../../src/domain/window.ts';
import { DeployStore } from '../../../src/store/postgres/deploy-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const CI: StaffActor = { kind: 'system', subject: 'ci' };
const NOW = Date.now();
const DAY = { from: NOW - DAY_MS, to: NOW + DAY_MS };

let db: TestPostgres;
let store: DeployStore;

beforeAll(async () => {
  db = await startTestPostgres();
  store = new DeployStore(db.postgres);
});
afterAll(() => db.stop());

function deploy(changes: Partial<NewDeploy>): NewDeploy {
  return { service: 'shop', version: '1.0.0', at: NOW, note: null, url: null, idempotencyKey: null, ...changes };
}

const listed = (service: string) => store.list(CI, { window: DAY, service, limit: 100 });

test('the same service, version and time is one deploy, however often and from wherever it is told', async () => {
  const asked = deploy({ service: 'once', note: 'first', url: 'https://ci.example/1' });
  const told = await Promise.all(Array.from({ length: 5 }, () => store.mark(CI, asked)));
  expect(told.filter(({ isNew }) => isNew)).toHaveLength(1);
  expect(new Set(told.map((one) => one.deploy.id)).size).toBe(1);
  expect(await listed('once')).toEqual([told[0]?.deploy]);
  expect(told[0]?.deploy).toMatchObject({ at: NOW, note: 'first', url: 'https://ci.example/1', createdBy: 'ci' });
});

test('a key makes deploys without a time the same, and stands for one deploy only', async () => {
  const asked = deploy({ service: 'keyed', at: null, idempotencyKey: 'pipeline-7' });
  const first = await store.mark(CI, asked);
  expect(await store.mark(CI, asked)).toEqual({ deploy: first.deploy, isNew: false });
  await expect(store.mark(CI, { ...asked, version: '2.0.0' })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await listed('keyed')).toHaveLength(1);
});

test('the newest come first, within the window alone', async () => {
  for (const hours of [3, 1, 2]) await store.mark(CI, deploy({ service: 'order', at: NOW - hours * 3_600_000 }));
  await store.mark(CI, deploy({ service: 'order', at: NOW - 2 * DAY_MS }));
  const found = await store.list(CI, { window: DAY, service: 'order', limit: 2 });
  expect(found.map(({ at }) => NOW - at)).toEqual([3_600_000, 7_200_000]);
});

test('every new mark is in the audit log, a repeated one is not', async () => {
  const { deploy: made } = await store.mark(CI, deploy({ service: 'audited' }));
  await store.mark(CI, deploy({ service: 'audited' }));
  const rows = await db.postgres.inStaffTransaction(CI, (transaction) =>
    transaction.query<{ subject: string }>(`select subject from tenantry.audit_log where resource = $1`, [
      `deploy/${made.id}`,
    ]),
  );
  expect(rows).toEqual([{ subject: 'ci' }]);
});

test('a build that goes round in circles is stopped, and what it tried last is not kept', async () => {
  await db.postgres.inStaffTransaction(CI, async (transaction) => {
    transaction.unaudited('fixture');
    await transaction.query(
      `insert into tenantry.deploys (service, version, at, created_by)
       select 'loop', n::text, clock_timestamp(), 'ci' from generate_series(1, 500) n`,
    );
  });
  await expect(store.mark(CI, deploy({ service: 'loop', version: 'last' }))).rejects.toMatchObject({
    code: 'RATE_LIMITED',
  });
  expect(
    (await store.list(CI, { window: DAY, service: 'loop', limit: 1_000 })).map((one) => one.version),
  ).not.toContain('last');
});
