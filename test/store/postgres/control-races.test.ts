/**
 * Detector, people, expiry and kill switch at the same time, on the real database: two detectors decide from what they
 * have read, which may be out of date when they write.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recentThrottles } from '../../../src/app/recent-throttles.ts';
import { decide, lookBackMs, POLICY_DEFAULTS } from '../../../src/control/policy.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import { TenantryError } from '../../../src/domain/errors.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AllowList } from '../../../src/store/postgres/allow-list.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { ControlSwitchStore } from '../../../src/store/postgres/control-switch-store.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { evidence, finding, HEALTHY, situation } from '../../support/control-situation.ts';
import { seeded } from '../../support/detect-random.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const PEOPLE: StaffActor[] = ['ann', 'bob'].map((subject) => ({ kind: 'staff', subject, role: 'sre' }));
const [ANN, BOB] = PEOPLE as [StaffActor, StaffActor];
const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const ROUNDS = 60;

let db: TestPostgres;
let owner: pg.Client;
beforeAll(async () => {
  db = await startTestPostgres({ poolSize: 12 });
  owner = new pg.Client({ connectionString: db.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await db.stop();
});

/** Whether somebody had the last word instead. */
const unlessConflict = (error: unknown) => {
  if (error instanceof TenantryError && error.code === 'CONFLICT') return undefined;
  throw error;
};

it('lose no human decision, enforce nothing twice, and leave a whole audit log', async () => {
  const throttles = new ThrottleStore(db.postgres);
  const list = new AllowList(db.postgres);
  const killSwitch = new ControlSwitchStore(db.postgres);
  const anomalies = new AnomalyStore(db.postgres);
  const recent = recentThrottles(throttles);
  let automatic = 0;
  let overruled = 0;

  /** Reads, decides and writes as the detector does, with time in between for others. */
  async function detect(tenantId: TenantId, anomalyId: string, pause: number): Promise<void> {
    const now = Date.now();
    const read = await recent(now, now - lookBackMs(POLICY_DEFAULTS));
    const listed = await list.list(DETECTOR);
    const of = situation({
      findings: [{ ...finding(tenantId), anomaly: { ...finding(tenantId).anomaly, id: anomalyId } }],
      throttles: read.filter(({ flag }) => flag.tenantId === tenantId),
      now,
      params: { ...POLICY_DEFAULTS, needsImpact: false },
      evidence: evidence([tenantId], { allowList: listed, health: { ...HEALTHY, dataUntil: now } }),
    });
    for (let turn = 0; turn < pause; turn += 1) await db.postgres.ping();
    for (const action of decide(of).actions) {
      if (action.kind !== 'throttle') continue;
      const written = await throttles.create(DETECTOR, action.throttle).catch(unlessConflict);
      if (written === undefined) overruled += 1;
      else automatic += 1;
    }
  }

  const byHand = (tenantId: TenantId) => ({
    ...{ tenantId, scope: {}, limit: { requestsPerSecond: 1, burst: 1 }, mode: 'enforce' as const },
    ...{ expiresInSeconds: 600, reason: 'by hand' },
  });
  async function liftAll(actor: StaffActor, tenantId: TenantId): Promise<void> {
    for (const { flag } of await throttles.list(actor, { tenantId, activeOnly: true, limit: 10 })) {
      await throttles.lift(actor, flag.id);
    }
  }

  for (let round = 0; round < ROUNDS; round += 1) {
    const random = seeded('races', round);
    const pick = (most: number) => Math.floor(random() * most);
    const tenantId = `tenant-${round}` as TenantId;
    const { id } = await anomalies.open({ ...finding(tenantId).anomaly, id: randomUUID() });
    const human: (() => Promise<unknown>)[] = [
      () => throttles.create(ANN, byHand(tenantId)),
      () => liftAll(BOB, tenantId),
      () => list.put(ANN, tenantId, { owner: 'ann', reason: 'leave it', expiresInSeconds: 600 }),
      () =>
        killSwitch.set(BOB, { on: true, reason: 'drill' }).then(() => killSwitch.set(BOB, { on: false, reason: '' })),
    ];
    const acts = Array.from({ length: 2 }, () => human[pick(human.length)] ?? (async () => undefined));
    await Promise.all([
      detect(tenantId, id, pick(6)),
      detect(tenantId, id, pick(6)),
      ...acts.map(async (act) => {
        for (let turn = pick(8); turn > 0; turn -= 1) await db.postgres.ping();
        await act();
      }),
    ]);
    await detect(tenantId, id, 0);
  }

  const rows = async <Row extends object>(sql: string) => (await owner.query<Row & pg.QueryResultRow>(sql)).rows;
  // In force at the same time: one at most for a tenant, whoever set it.
  expect(
    await rows(`select a.tenant_id from tenantry.flags a join tenantry.flags b on a.tenant_id = b.tenant_id and a.id < b.id
      where a.kind = 'throttle' and b.kind = 'throttle'
        and a.created_at < coalesce(b.lifted_at, b.expires_at) and b.created_at < coalesce(a.lifted_at, a.expires_at)`),
  ).toEqual([]);
  // What a person set was ended by nobody but a person.
  expect(
    await rows(
      `select id from tenantry.flags where kind = 'throttle' and anomaly_id is null and lifted_by = 'detector'`,
    ),
  ).toEqual([]);
  // Nothing automatic was written after a person had set, lifted or forbidden something for the tenant.
  expect(
    await rows(`select f.id from tenantry.flags f where f.anomaly_id is not null and (
        exists (select from tenantry.flags h where h.tenant_id = f.tenant_id and h.kind = 'throttle' and h.anomaly_id is null
                and h.revision < f.revision and coalesce(h.lifted_revision, f.revision) >= f.revision)
        or exists (select from tenantry.flags l where l.tenant_id = f.tenant_id and l.anomaly_id is not null
                   and l.lifted_by in ('ann', 'bob') and l.lifted_revision < f.revision)
        or exists (select from tenantry.flags w where w.tenant_id = f.tenant_id and w.kind = 'allow' and w.revision < f.revision))`),
  ).toEqual([]);
  // Every flag and every early end stands in the audit log, and nothing else does.
  const [{ flags, made, lifts, lifted } = {}] = await rows<Record<string, number>>(
    `select (select count(*)::int from tenantry.flags where kind = 'throttle') as flags,
            (select count(*)::int from tenantry.audit_log where action = 'throttle.create') as made,
            (select count(*)::int from tenantry.audit_log where action = 'throttle.lift') as lifts,
            (select count(*)::int from tenantry.flags where kind = 'throttle' and lifted_at is not null) as lifted`,
  );
  const [{ replaced } = {}] = await rows<{ replaced: number }>(
    `select coalesce(sum(jsonb_array_length(after -> 'replaced')), 0)::int as replaced
     from tenantry.audit_log where action = 'throttle.create'`,
  );
  const [{ spared } = {}] = await rows<{ spared: number }>(
    `select count(*)::int as spared from tenantry.flags f join tenantry.flags a
       on a.kind = 'allow' and a.tenant_id = f.tenant_id and a.revision = f.lifted_revision where f.kind = 'throttle'`,
  );
  expect(made).toBe(flags);
  expect((lifts ?? 0) + (replaced ?? 0) + (spared ?? 0)).toBe(lifted);
  expect(automatic).toBeGreaterThan(5);
  expect(overruled).toBeGreaterThan(0);
});
