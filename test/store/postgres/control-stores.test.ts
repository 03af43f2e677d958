/** What people tell automation, on the real database, with the audit log behind it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PromotionDesk } from '../../../src/app/control-promotion.ts';
import { POLICY_DEFAULTS } from '../../../src/control/policy.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { BacktestResult } from '../../../src/domain/backtest.ts';
import { EVERY_TENANT } from '../../../src/domain/breaker.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { ApprovalStore } from '../../../src/store/postgres/approval-store.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { BacktestStore } from '../../../src/store/postgres/control-backtests.ts';
import { PeaksStore } from '../../../src/store/postgres/peaks-store.ts';
import { PolicyStateStore } from '../../../src/store/postgres/policy-state-store.ts';
import { PromotionStore } from '../../../src/store/postgres/promotion-store.ts';
import { finding } from '../../support/control-situation.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'sre' };
const BOB: StaffActor = { kind: 'staff', subject: 'bob', role: 'admin' };
const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const NOISY = 'noisy' as TenantId;
const HASH = 'a'.repeat(64);
const DAY_MS = 86_400_000;

let db: TestPostgres;
beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());

const audited = async (limit = 20) =>
  (await new AuditLog(db.postgres).list(BOB, { limit })).map(({ action, subject }) => `${action} by ${subject}`);

const RESULT: BacktestResult = {
  ...{ minutes: 1_440, tenants: 10, findings: 12, heldBack: { 'no-impact': 9 }, throttles: 3, examples: [] },
  ...{ precision: 1, recall: 0.8, falsePerThousandTenantDays: 0 },
};

describe('stages of rules', () => {
  let desk: PromotionDesk;
  let store: PromotionStore;
  let approvals: ApprovalStore;
  let backtests: BacktestStore;
  let now = Date.now();

  beforeAll(async () => {
    store = new PromotionStore(db.postgres);
    approvals = new ApprovalStore(db.postgres);
    backtests = new BacktestStore(db.postgres);
    await store.meet(['rule/1']);
    desk = new PromotionDesk({
      ...{ promotions: store, approvals, backtests, mode: 'shadow', params: POLICY_DEFAULTS },
      hashes: new Map([['rule/1', HASH]]),
      now: () => now,
    });
  });

  const move = (
    actor: StaffActor,
    stage: 'off' | 'shadow' | 'canary' | 'enforce',
    unprovenBecause: string | null = null,
  ) => desk.move(actor, 'rule/1', { stage, reason: 'watched it', unprovenBecause });

  it('begin in shadow, and take time, proof and a second person to go on', async () => {
    expect(await desk.rules(ANN)).toMatchObject([{ rule: 'rule/1', stage: 'shadow', by: null, pending: [] }]);
    await expect(move(ANN, 'enforce')).rejects.toMatchObject({ code: 'CONFLICT', message: /one step at a time/ });
    await expect(move(ANN, 'canary')).rejects.toMatchObject({ message: /0 days of the 7 days/ });
    now += 8 * DAY_MS;
    await expect(move(ANN, 'canary')).rejects.toMatchObject({ message: /has not been replayed on history/ });
    await backtests.record(BOB, {
      ...{ rule: 'rule/1', ruleHash: 'b'.repeat(64), result: RESULT },
      question: { from: 0, to: 1, draft: {}, labels: [] },
    });
    await expect(move(ANN, 'canary')).rejects.toMatchObject({
      message: /has not been replayed on history as it is now/,
    });
    await backtests.record(BOB, {
      ...{ rule: 'rule/1', ruleHash: HASH, result: { ...RESULT, precision: 0.9 } },
      question: { from: 0, to: 1, draft: {}, labels: [] },
    });
    await expect(move(ANN, 'canary')).rejects.toMatchObject({ message: /precision of 0.9/ });
    await backtests.record(BOB, {
      ...{ rule: 'rule/1', ruleHash: HASH, result: RESULT },
      question: { from: 0, to: 1, draft: {}, labels: [] },
    });
    now = Date.now() + 40 * DAY_MS;
    await expect(move(ANN, 'canary')).rejects.toMatchObject({ message: /newest replay of history is 40 days old/ });
    now = Date.now() + 8 * DAY_MS;
    const asked = await move(ANN, 'canary');
    expect(asked).toMatchObject({ standing: { stage: 'shadow', pending: [{ stage: 'canary', by: 'ann' }] } });
    expect(await store.current(DETECTOR, new Map([['rule/1', HASH]]))).toEqual([]);

    const id = asked?.approvalId ?? '';
    await expect(approvals.decide(ANN, id, 'approved', null)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await approvals.decide(BOB, id, 'approved', 'looks right')).toMatchObject({ state: 'approved' });
    expect(await approvals.decide(BOB, id, 'denied', null)).toBeUndefined();
    const [current] = await store.current(DETECTOR, new Map([['rule/1', HASH]]));
    expect(current).toMatchObject({
      ...{ rule: 'rule/1', stage: 'canary', by: 'ann', approvedBy: 'bob', unprovenBecause: null },
      backtest: { precision: 1, falsePerThousandTenantDays: 0 },
    });
    expect(await audited()).toEqual(
      expect.arrayContaining(['rule_stage.step by bob', 'approval.approve by bob', 'approval.ask by ann']),
    );
  });

  it('lose their proof when the rule changes, and go back in one call by one person', async () => {
    const [changed] = await store.current(DETECTOR, new Map([['rule/1', 'c'.repeat(64)]]));
    expect(changed).toMatchObject({ stage: 'canary', backtest: null });
    const back = await move(ANN, 'off');
    expect(back).toMatchObject({ approvalId: null, standing: { stage: 'off' } });
    expect((await desk.steps(ANN, 'rule/1')).map(({ stage, by }) => `${stage} ${by}`)).toEqual([
      'off ann',
      'canary ann',
    ]);
  });

  it('count from the last step, and go up to what the installation allows at once', async () => {
    expect(await move(ANN, 'shadow')).toMatchObject({ approvalId: null, standing: { stage: 'shadow' } });
    now = Date.now();
    await expect(move(ANN, 'canary')).rejects.toMatchObject({ message: /0 days of the 7 days/ });
  });

  it('may be vouched for where history has nothing to say', async () => {
    now = Date.now() + 8 * DAY_MS;
    const asked = await move(ANN, 'canary', 'an incident is going on');
    expect(asked?.approvalId).not.toBeNull();
    await approvals.decide(BOB, asked?.approvalId ?? '', 'denied', 'no');
    expect(await desk.rule(ANN, 'rule/1')).toMatchObject({ stage: 'shadow', pending: [] });
  });

  it('of other rules are not known', async () => {
    expect(await desk.move(ANN, 'rule/9', { stage: 'off', reason: 'x', unprovenBecause: null })).toBeUndefined();
  });

  it('of tenants are kept, replaced and removed with a record', async () => {
    await store.putTenantStage(ANN, NOISY, 'off', 'first');
    await store.putTenantStage(BOB, NOISY, 'shadow', 'a new customer');
    expect(await store.tenantStages(DETECTOR)).toMatchObject([{ tenantId: NOISY, stage: 'shadow', by: 'bob' }]);
    expect(await store.removeTenantStage(ANN, NOISY)).toBe(true);
    expect(await store.removeTenantStage(ANN, NOISY)).toBe(false);
    expect((await audited(2))[0]).toBe('tenant_stage.remove by ann');
  });
});

describe('approvals', () => {
  const throttle = {
    ...{ tenantId: NOISY, scope: {}, limit: { requestsPerSecond: 3, burst: 6 }, mode: 'enforce' as const },
    ...{ expiresInSeconds: 300, reason: 'because' },
  };
  const asked = (anomalyId: string, expiresInSeconds = 60) => ({
    ...{ tenantId: NOISY, explanation: 'much', expiresInSeconds },
    proposal: { kind: 'throttle' as const, anomalyId, throttle: { ...throttle, anomalyId } },
  });

  it('are asked once for a finding, and answered once', async () => {
    const store = new ApprovalStore(db.postgres);
    const anomalyId = randomUUID();
    const first = await store.ask(DETECTOR, asked(anomalyId));
    expect((await store.ask(DETECTOR, asked(anomalyId))).id).toBe(first.id);
    expect(await store.ofFindings(DETECTOR, [anomalyId])).toEqual([{ anomalyId, state: 'pending', by: null }]);
    const answers = await Promise.all([
      store.decide(ANN, first.id, 'approved', null),
      store.decide(BOB, first.id, 'denied', null),
    ]);
    const [winner, ...others] = answers.filter((one) => one !== undefined);
    expect(others).toEqual([]);
    expect(await store.ofFindings(DETECTOR, [anomalyId])).toEqual([
      { anomalyId, state: winner?.state, by: winner?.decidedBy },
    ]);
    expect(await store.list(BOB, { pendingOnly: true, limit: 10 })).toEqual([]);
  });

  it('run out, are not answered after that, and are not asked again', async () => {
    const store = new ApprovalStore(db.postgres);
    const anomalyId = randomUUID();
    const { id } = await store.ask(DETECTOR, asked(anomalyId, 0.001));
    await expect.poll(() => store.ofFindings(DETECTOR, [anomalyId])).toMatchObject([{ state: 'expired' }]);
    expect(await store.decide(BOB, id, 'approved', null)).toBeUndefined();
    expect(await store.ask(DETECTOR, asked(anomalyId))).toMatchObject({ id, state: 'expired' });
  });
});

describe('the calendar', () => {
  it('keeps peaks of one tenant and of all, once and weekly, with a record of every change', async () => {
    const store = new PeaksStore(db.postgres);
    const [once, weekly] = [randomUUID(), randomUUID()];
    const sale = { tenantId: NOISY, name: 'sale', note: '', time: { kind: 'once', from: 1e12, to: 1e12 + 1 } } as const;
    await store.put(ANN, once, { ...sale, time: { kind: 'once', from: Date.now(), to: Date.now() + DAY_MS } });
    const time = {
      kind: 'weekly',
      timeZone: 'Europe/Berlin',
      weekdays: [1, 5],
      startMinute: 510,
      lengthMinutes: 90,
    } as const;
    await store.put(ANN, weekly, { tenantId: EVERY_TENANT, name: 'mornings', note: 'everybody signs in', time });
    await store.put(BOB, weekly, {
      tenantId: EVERY_TENANT,
      name: 'mornings',
      note: '',
      time: { ...time, lengthMinutes: 60 },
    });
    expect(await store.list(DETECTOR)).toMatchObject([
      { id: once, tenantId: NOISY, time: { kind: 'once' } },
      { id: weekly, tenantId: EVERY_TENANT, time: { ...time, lengthMinutes: 60 }, createdBy: 'bob' },
    ]);
    expect(await store.remove(ANN, once)).toBe(true);
    expect(await store.remove(ANN, once)).toBe(false);
    expect(await store.remove(ANN, weekly)).toBe(true);
    await expect(store.put(ANN, once, { ...sale, time: { kind: 'once', from: 2, to: 1 } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});

describe('backtests', () => {
  const question = { from: 0, to: 60_000, draft: {}, labels: null };

  it('are run by one server each, say how far they are, and end', async () => {
    const store = new BacktestStore(db.postgres);
    const { id } = await store.ask(ANN, 'rule/1', HASH, question);
    const taken = await Promise.all([store.take(), store.take()]);
    expect(taken.flatMap((one) => (one === undefined ? [] : [one.id]))).toEqual([id]);
    expect(await store.beat(id, 0.5)).toBe(true);
    expect(await store.get(ANN, id)).toMatchObject({ state: 'running', progress: 0.5, result: null });
    await store.end(id, { result: RESULT });
    expect(await store.get(ANN, id)).toMatchObject({ state: 'done', progress: 1, result: RESULT });
    expect((await store.newest(ANN, 'rule/1', HASH))?.id).toBe(id);
  });

  it('can be cancelled, and are refused when many wait', async () => {
    const store = new BacktestStore(db.postgres);
    const waiting = await Promise.all([1, 2, 3, 4, 5].map(() => store.ask(ANN, 'rule/1', HASH, question)));
    await expect(store.ask(ANN, 'rule/1', HASH, question)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    const running = await store.take();
    for (const { id } of waiting) expect(await store.cancel(BOB, id)).toBe(true);
    expect(await store.beat(running?.id ?? '', 0.1)).toBe(false);
    expect(await store.cancel(BOB, waiting[0]?.id ?? '')).toBe(false);
    expect(await store.take()).toBeUndefined();
  });
});

describe('the memory of the leader', () => {
  it('is what was saved last, and keeps what is not said anew', async () => {
    const store = new PolicyStateStore(db.postgres);
    expect(await store.load()).toEqual({ page: null, pageSince: null, judgedUntil: null, detector: null });
    await store.save({ page: 'stands still', pageSince: 1_000, judgedUntil: 2_000, detector: '{}' });
    await store.save({ page: null, pageSince: null, judgedUntil: 3_000, detector: undefined });
    expect(await store.load()).toEqual({ page: null, pageSince: null, judgedUntil: 3_000, detector: '{}' });
  });
});

describe('findings of two rules about one figure', () => {
  it('are two findings', async () => {
    const store = new AnomalyStore(db.postgres);
    const { anomaly } = finding('noisy', { id: randomUUID() });
    const one = await store.open(anomaly);
    const other = await store.open({ ...anomaly, id: randomUUID(), rule: 'tenantry/1' });
    expect(other.id).not.toBe(one.id);
    await store.close(one, Date.now());
    expect((await store.openOnes()).map(({ rule }) => rule)).toEqual(['tenantry/1']);
    await store.close(other, Date.now());
  });
});
