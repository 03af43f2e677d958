import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addressGuard } from '../../src/app/alert-senders/address-guard.ts';
import { safePost } from '../../src/app/alert-senders/safe-post.ts';
import { alertVault } from '../../src/app/alert-vault.ts';
import { endedPeriod, nextReportAt, ReportDeliveries } from '../../src/app/report-delivery.ts';
import type { ReportSources } from '../../src/app/report-tables.ts';
import { reportVault } from '../../src/app/report-vault.ts';
import { zoneOrUtc } from '../../src/app/spend-standing.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { NewReportSchedule } from '../../src/domain/report.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { ReportScheduleStore } from '../../src/store/postgres/report-schedule-store.ts';
import { type Receiver, startReceiver, TEST_KEY, testVault } from '../support/alert-samples.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { ACME, reportSources } from '../support/report-sources.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;
const ZONES = ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Asia/Kathmandu', 'Pacific/Apia'];

describe('periods of reports', () => {
  it('have ended when their report is due, and the next is due after the next', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(['day', 'week', 'month'] as const)),
        fc.constantFrom(...ZONES),
        fc.date({ min: new Date('2015-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }),
        (period, name, date) => {
          const zone = zoneOrUtc(name);
          const due = nextReportAt(period, date.getTime(), zone);
          const window = endedPeriod(period, due - HOUR_MS, zone);
          expect(window.to).toBe(due - HOUR_MS);
          expect(window.from).toBeLessThanOrEqual(date.getTime());
          expect(window.to).toBeGreaterThan(date.getTime());
          const following = nextReportAt(period, due - HOUR_MS, zone);
          expect(endedPeriod(period, following - HOUR_MS, zone).from).toBe(window.to);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('of a week begin on Monday, also where clocks change in it', () => {
    const zone = zoneOrUtc('Europe/Berlin');
    const window = endedPeriod('week', Date.parse('2026-03-30T12:00:00Z'), zone);
    expect(new Date(window.from).toISOString()).toBe('2026-03-22T23:00:00.000Z');
    expect(new Date(window.to).toISOString()).toBe('2026-03-29T22:00:00.000Z');
    expect(window.to - window.from).toBe(7 * DAY_MS - HOUR_MS);
  });
});

describe('reports by webhook', () => {
  let database: TestPostgres;
  let receiver: Receiver;
  let made = 0;

  beforeAll(async () => {
    database = await startTestPostgres();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    receiver = await startReceiver();
    made = 0;
  });
  afterEach(async () => {
    await receiver.close();
    for (const { id } of await store().list(ADMIN)) await store().remove(ADMIN, id);
  });

  const store = () => new ReportScheduleStore(database.postgres, reportVault(testVault));
  const NOW = Date.parse('2026-10-15T12:00:00Z');
  const sources = reportSources({
    aiCosts: async () => {
      made += 1;
      const model = { provider: 'openai', model: 'gpt-4o', calls: 3, unpricedCalls: 1, costMicro: 12n };
      return new Map([[ACME, { byModel: [model] }]]);
    },
  });
  const deliveries = (more: Partial<ReportSources> = {}, schedules = store()) =>
    new ReportDeliveries({
      ...{ schedules, sources: { ...sources, ...more }, log: silentLog, zone: zoneOrUtc },
      post: (message) => safePost(message, { guard: addressGuard(['127.0.0.1/32']) }),
      publicUrl: () => 'https://tenantry.example',
    });
  const schedule = (changes: Partial<NewReportSchedule> = {}): NewReportSchedule => ({
    ...{ name: 'AI costs', dataset: 'ai-costs', format: 'csv', step: 'total', period: 'day', timeZone: 'UTC' },
    ...{ tenantId: null, url: `${receiver.url}/hook/secret-path`, signingSecret: SECRET, ...changes },
  });
  const create = (changes: Partial<NewReportSchedule> = {}, nextAt = NOW) =>
    store().create(ADMIN, schedule(changes), nextAt);
  const last = async () => (await store().list(ADMIN))[0]?.lastDelivery;

  it('tell of the period that ended, signed, once, however many servers look', async () => {
    await create();
    await Promise.all([deliveries().tick(NOW), deliveries().tick(NOW), deliveries().tick(NOW)]);
    await deliveries().tick(NOW + HOUR_MS);
    expect(receiver.received).toHaveLength(1);
    const [{ headers, body, path } = { headers: {}, body: '', path: '' }] = receiver.received;
    expect(path).toBe('/hook/secret-path');
    const { type, data } = JSON.parse(body);
    expect(type).toBe('report.ready');
    expect(data).toMatchObject({
      ...{ dataset: 'ai-costs', format: 'csv', rows: 1, tenant_id: null, encoding: 'utf-8' },
      ...{ from: '2026-10-14T00:00:00.000Z', to: '2026-10-15T00:00:00.000Z' },
      content: 'tenant_id,provider,model,calls,unpriced_calls,currency,cost_micro\r\nacme,openai,gpt-4o,3,1,USD,12\r\n',
      url: 'https://tenantry.example/v1/exports/ai-costs?from=2026-10-14T00%3A00%3A00.000Z&to=2026-10-15T00%3A00%3A00.000Z&format=csv',
    });
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`);
    expect(await last()).toMatchObject({ state: 'sent', attempts: 1, rows: 1, detail: null });
    const [{ nextAt } = { nextAt: 0 }] = await store().list(ADMIN);
    expect(new Date(nextAt).toISOString()).toBe('2026-10-16T01:00:00.000Z');
  });

  it('try again under the same id when the receiver fails, and are sent once it is back', async () => {
    receiver.answer = { status: 503 };
    await create();
    await deliveries().tick(NOW);
    expect(await last()).toMatchObject({ state: 'waiting', detail: 'the receiver answered 503' });
    receiver.answer = { status: 200 };
    await makeDue(database);
    await deliveries().tick(NOW + HOUR_MS);
    expect(await last()).toMatchObject({ state: 'sent', attempts: 2 });
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('try again when the figures cannot be had, without telling why to anybody outside', async () => {
    await create();
    const failing = deliveries({
      aiCosts: async () => {
        throw new Error('connect ECONNREFUSED 10.1.2.3:5432');
      },
    });
    await failing.tick(NOW);
    expect(receiver.received).toHaveLength(0);
    expect(await last()).toMatchObject({ state: 'waiting', detail: 'the report could not be made' });
  });

  it('are given up when the receiver refuses them', async () => {
    receiver.answer = { status: 410 };
    await create();
    await deliveries().tick(NOW);
    await makeDue(database);
    await deliveries().tick(NOW + HOUR_MS);
    expect(receiver.received).toHaveLength(1);
    expect(await last()).toMatchObject({ state: 'failed', detail: 'the receiver answered 410' });
  });

  it('go to no address inside', async () => {
    const guarded = new ReportDeliveries({
      ...{ schedules: store(), sources, log: silentLog, zone: zoneOrUtc },
      post: (message) => safePost(message, { guard: addressGuard([]) }),
      publicUrl: () => '',
    });
    await create();
    await guarded.tick(NOW);
    expect(receiver.received).toHaveLength(0);
    expect(await last()).toMatchObject({ state: 'failed' });
  });

  it('after a long silence tell of the newest period alone', async () => {
    await create({}, NOW - 40 * DAY_MS);
    await deliveries().tick(NOW);
    await deliveries().tick(NOW);
    expect(receiver.received).toHaveLength(1);
    expect(made).toBe(1);
    expect(JSON.parse(receiver.received[0]?.body ?? '{}').data.from).toBe('2026-10-14T00:00:00.000Z');
  });

  it('name a file that is too large for a message instead of sending it', async () => {
    await create({ dataset: 'costs' });
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      ...{ tenantId: ACME, part: `part ${i} ${'x'.repeat(40)}`, currency: 'USD', costMicro: 1n },
    }));
    await deliveries({ costs: async () => many }).tick(NOW);
    const { data } = JSON.parse(receiver.received[0]?.body ?? '{}');
    expect(data.content).toBeNull();
    expect(data).toMatchObject({ rows: 100_000, url: expect.stringContaining('/v1/exports/costs?') });
  });

  it('keep address and secret from whoever reads the database or the list, and write down who set them up', async () => {
    const { id, host } = await create();
    expect(host).toBe(`127.0.0.1:${receiver.port}`);
    const dump = await database.postgres.inStaffTransaction(ADMIN, (transaction) =>
      transaction.query('select r.*, a.* from tenantry.report_schedules r, tenantry.audit_log a'),
    );
    expect(JSON.stringify([dump, await store().list(ADMIN)])).not.toMatch(/secret-path|whsec_|BwcHBwcH/);
    const audited = await database.postgres.inStaffTransaction(ADMIN, (transaction) =>
      transaction.query('select subject, action from tenantry.audit_log where resource = $1', [
        `report-schedule/${id}`,
      ]),
    );
    expect(audited).toEqual([{ subject: 'ada', action: 'report-schedule.create' }]);
  });

  it('are sealed anew when the key changes, and go out under the new one alone', async () => {
    await create();
    const newKey = Buffer.alloc(32, 9);
    const vault = (old: readonly (readonly [string, Buffer])[]) =>
      reportVault(
        alertVault({ current: { id: 'new', key: newKey }, all: new Map([['new', newKey], ...old]), inFile: false }),
      );
    const both = new ReportScheduleStore(database.postgres, vault([['test', TEST_KEY]]));
    expect(await both.sealAll()).toEqual({ sealed: 1, unreadable: [] });
    expect(await both.sealAll()).toEqual({ sealed: 0, unreadable: [] });
    expect(await store().sealAll()).toEqual({ sealed: 0, unreadable: ['AI costs'] });
    await deliveries({}, new ReportScheduleStore(database.postgres, vault([]))).tick(NOW);
    expect(receiver.received).toHaveLength(1);
  });

  it('wait, and say why, while their key is not there', async () => {
    await create();
    const key = Buffer.alloc(32, 5);
    const other = alertVault({ current: { id: 'other', key }, all: new Map([['other', key]]), inFile: false });
    await deliveries({}, new ReportScheduleStore(database.postgres, reportVault(other))).tick(NOW);
    expect(await last()).toMatchObject({
      state: 'waiting',
      detail: expect.stringContaining('is sealed under the key'),
    });
    expect(receiver.received).toHaveLength(0);
  });

  it('have one name each', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

/** The next attempt, now: nobody waits in a test. */
async function makeDue({ postgres }: TestPostgres): Promise<void> {
  await postgres.inStaffTransaction(ADMIN, async (transaction) => {
    transaction.unaudited('a test');
    await transaction.query("update tenantry.report_deliveries set due_at = now() where state = 'waiting'");
  });
}
