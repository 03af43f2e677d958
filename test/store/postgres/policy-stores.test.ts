/** Allow-list, journal and the withholding of automatic throttles, on the real database. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionChains } from '../../../src/app/control-chain.ts';
import { decisionJournal } from '../../../src/app/control-journal.ts';
import { decide } from '../../../src/control/policy.ts';
import { type DecisionRecord, replay } from '../../../src/control/policy-record.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AllowList } from '../../../src/store/postgres/allow-list.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../../src/store/postgres/flag-feed.ts';
import { PolicyFacts } from '../../../src/store/postgres/policy-facts.ts';
import { PolicyJournal } from '../../../src/store/postgres/policy-journal.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { finding, situation } from '../../support/control-situation.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const NOISY = 'noisy' as TenantId;

let db: TestPostgres;
beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());

async function found(name = 'noisy') {
  const { anomaly } = finding(name, { id: randomUUID() });
  return new AnomalyStore(db.postgres).open(anomaly);
}

describe('the allow-list', () => {
  it('keeps one entry a tenant with its owner, until its end, and audits who entered it', async () => {
    const list = new AllowList(db.postgres);
    await list.put(SRE, NOISY, { owner: 'ann', reason: 'first', expiresInSeconds: 60 });
    const entry = await list.put(SRE, NOISY, { owner: 'bob', reason: 'migrates', expiresInSeconds: 3_600 });
    expect(entry).toMatchObject({ tenantId: NOISY, owner: 'bob', reason: 'migrates', createdBy: 'sam' });
    expect(entry.expiresAt - entry.createdAt).toBe(3_600_000);
    expect(await list.list(DETECTOR)).toEqual([entry]);
    const audited = await new AuditLog(db.postgres).list(SRE, { tenantId: NOISY, limit: 10 });
    expect(audited[0]).toMatchObject({ action: 'allow_list.put', subject: 'sam', after: { owner: 'bob' } });
    expect(await list.remove(SRE, NOISY)).toBe(true);
    expect(await list.remove(SRE, NOISY)).toBe(false);
    expect(await list.list(DETECTOR)).toEqual([]);
  });

  it('no longer holds after its end', async () => {
    const list = new AllowList(db.postgres);
    await list.put(SRE, NOISY, { owner: 'ann', reason: 'short', expiresInSeconds: 0.001 });
    await expect.poll(() => list.list(DETECTOR)).toEqual([]);
  });
});

describe('the journal', () => {
  it('tells the chain from finding to effect, and holds what the decision is made from again', async () => {
    const [anomalies, throttles, store] = [
      new AnomalyStore(db.postgres),
      new ThrottleStore(db.postgres),
      new PolicyJournal(db.postgres),
    ];
    const anomaly = await found();
    const of = situation({ findings: [{ ...finding('noisy'), anomaly }] });
    const decision = decide(of);
    const [action] = decision.actions;
    if (action?.kind !== 'throttle') throw new Error('the situation leads to a throttle');
    const throttle = await throttles.create(DETECTOR, action.throttle);
    await decisionJournal(store).note(of, decision, action, throttle);
    expect(await store.victimsBefore([throttle.flag.id])).toEqual(new Map([[throttle.flag.id, 900]]));
    await store.noteEffect(throttle.flag.id, 300);
    await throttles.lift(SRE, throttle.flag.id);

    const [chain] = await decisionChains({ journal: store, anomalies, throttles })(SRE, { tenantId: NOISY, limit: 10 });
    expect(chain).toMatchObject({
      ...{ tenantId: NOISY, kind: 'throttle', heldBackBy: [], at: of.now },
      finding: { id: anomaly.id },
      throttle: { flag: { id: throttle.flag.id, revision: throttle.flag.revision }, liftedBy: 'sam' },
      ...{ victimsP95Before: 900, victimsP95After: 300 },
    });
    const input = await store.input(SRE, chain?.id ?? '');
    expect(replay(input as unknown as DecisionRecord)).toEqual(decision);
    expect(await store.list(SRE, { tenantId: 'another' as TenantId, limit: 10 })).toEqual([]);
  });

  it('knows since when a tenant is known', async () => {
    await found();
    const ages = await new PolicyFacts(db.postgres).firstSeen([NOISY, 'never-seen' as TenantId]);
    expect([...ages.keys()]).toEqual([NOISY]);
    expect(Math.abs(Date.now() - (ages.get(NOISY) ?? 0))).toBeLessThan(600_000);
  });
});

describe('while automatic throttles are withheld', () => {
  it('no snapshot and no change tells of one, people’s throttles stay, and afterwards it is told again', async () => {
    const throttles = new ThrottleStore(db.postgres);
    const feed = new FlagFeed({
      postgres: db.postgres,
      changes: new ChangeListener({ url: db.appUrl, log: silentLog }),
      log: silentLog,
    });
    const asked = {
      tenantId: 'withheld' as TenantId,
      limit: { requestsPerSecond: 1, burst: 1 },
      mode: 'enforce',
      expiresInSeconds: 60,
    } as const;
    const { id: anomalyId } = await found('withheld');
    const ours = await throttles.create(DETECTOR, { ...asked, scope: { route: '/a' }, reason: 'auto', anomalyId });
    const theirs = await throttles.create(SRE, {
      ...asked,
      tenantId: NOISY,
      scope: { route: '/b' },
      reason: 'by hand',
    });
    await feed.refresh();
    const told = async () => (await feed.snapshot(undefined)).flags.map(({ id }) => id);
    expect(await told()).toEqual([ours.flag.id, theirs.flag.id]);

    let resets = 0;
    const stop = feed.onReset(() => {
      resets += 1;
    });
    const heard: string[] = [];
    feed.subscribe(undefined, ({ upserts }) => heard.push(...upserts.map(({ id }) => id)));
    feed.withholdAutomatic(true);
    feed.withholdAutomatic(true);
    expect(await told()).toEqual([theirs.flag.id]);
    expect(resets).toBe(1);
    const late = await throttles.create(DETECTOR, { ...asked, scope: { route: '/c' }, reason: 'auto', anomalyId });
    await feed.refresh();
    expect(heard).toEqual([]);
    expect(await told()).toEqual([theirs.flag.id]);
    feed.withholdAutomatic(false);
    expect(await told()).toEqual([ours.flag.id, theirs.flag.id, late.flag.id]);
    expect(resets).toBe(2);
    stop();
  });
});
