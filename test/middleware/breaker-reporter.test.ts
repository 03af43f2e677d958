import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BreakerChange } from '../../src/middleware/breaker-change.ts';
import { BreakerReporter } from '../../src/middleware/breaker-reporter.ts';
import { Counters } from '../../src/middleware/counters.ts';
import { eventually } from '../support/api-sse.ts';
import { type ReportSink, startReportSink } from '../support/middleware-breaker-sink.ts';

const TIMES = { gatherMs: 10, repeatMs: 40, timeoutMs: 1_000, backoff: { firstMs: 10, longestMs: 20 } };

let sink: ReportSink;
let counters: Counters;
let reporter: BreakerReporter;

function start(options: { maxEntries?: number; repeatMs?: number; apiUrl?: string } = {}) {
  const { repeatMs = 60_000, apiUrl = sink.url, ...rest } = options;
  const names = { apiUrl, key: 'tk_test', service: 'shop', instanceId: 'shop-1' };
  const clocks = { now: () => performance.now(), random: () => 0.5 };
  reporter = new BreakerReporter({ ...names, ...clocks, ...rest, counters, times: { ...TIMES, repeatMs } });
  return reporter;
}

function change(tenantId: string, fields: Partial<BreakerChange> = {}): BreakerChange {
  return {
    ...{ key: `stripe\n${tenantId}`, tenantId, integration: 'stripe', phase: 'open', calls: 9, failures: 5 },
    ...{ lastError: 'http_503', isOpening: true, ...fields },
  };
}

beforeEach(async () => {
  sink = await startReportSink();
  counters = new Counters();
});
afterEach(async () => {
  reporter.stop();
  await sink.close();
});

describe('BreakerReporter', () => {
  it('tells the last state of each breaker once, gathered, with ages and the class of the error', async () => {
    start();
    for (const phase of ['open', 'half_open', 'open'] as const)
      reporter.changed(change('acme', { phase, isOpening: phase === 'open' }));
    reporter.changed(
      change('beta', { phase: 'closed', isOpening: false, lastError: undefined, calls: 0, failures: 0 }),
    );
    const report = await sink.report(0);
    expect(report).toMatchObject({ instance_id: 'shop-1', service: 'shop', lost: 0 });
    expect(report.breakers).toHaveLength(2);
    expect(report.breakers[0]).toMatchObject({
      ...{ tenant_id: 'acme', integration: 'stripe', state: 'open', calls: 9, failures: 5, last_error: 'http_503' },
    });
    const [first, second] = report.breakers[0]?.openings ?? [];
    expect((second?.number ?? 0) - (first?.number ?? 0)).toBe(1);
    expect(report.breakers[1]).not.toHaveProperty('last_error');
    expect(sink.keys).toEqual(['Bearer tk_test']);
  });

  it('repeats what is not closed, and forgets what was closed and told', async () => {
    start({ repeatMs: 20 });
    reporter.changed(change('acme'));
    reporter.changed(change('beta', { phase: 'closed', isOpening: false }));
    expect((await sink.report(0)).breakers.map(({ tenant_id: id }) => id)).toEqual(['acme', 'beta']);
    const repeated = await sink.report(1);
    expect(repeated.breakers).toMatchObject([{ tenant_id: 'acme', state: 'open', openings: [] }]);
    reporter.changed(change('acme', { phase: 'closed', isOpening: false }));
    await eventually(() => sink.reports.at(-1)?.breakers[0]?.state === 'closed');
    const reports = sink.reports.length;
    reporter.changed(change('gamma'));
    expect((await sink.report(reports)).breakers.map(({ tenant_id: id }) => id)).toEqual(['gamma']);
  });

  it.each([0, 500, 503, 429])(
    'tries again after answer %i, with the same openings under the same numbers',
    async (status) => {
      sink.answer = status;
      start();
      reporter.changed(change('acme'));
      const first = await sink.report(0);
      const second = await sink.report(1);
      sink.answer = 200;
      const third = await sink.report(2);
      const numbers = [first, second, third].map((report) => report.breakers[0]?.openings.map(({ number }) => number));
      expect(numbers).toEqual([numbers[0], numbers[0], numbers[0]]);
      expect(numbers[0]).toHaveLength(1);
      await eventually(() => counters.get('breaker_report_failed') >= 2);
      expect(counters.get('breaker_report_lost')).toBe(0);
      expect(sink.mostAtOnce).toBe(1);
    },
  );

  it('tries again to tell that a breaker closed, which no repeat would tell', async () => {
    sink.answer = 503;
    start();
    reporter.changed(change('acme', { phase: 'closed', isOpening: false }));
    await sink.report(0);
    sink.answer = 200;
    expect((await sink.report(1)).breakers).toMatchObject([{ tenant_id: 'acme', state: 'closed' }]);
  });

  it('gives a refused report up, counts it, and says so in the next', async () => {
    sink.answer = 400;
    start({ repeatMs: 20 });
    reporter.changed(change('acme'));
    await sink.report(0);
    await eventually(() => counters.get('breaker_report_lost') === 1);
    sink.answer = 200;
    const later = await sink.report(1);
    expect(later.lost).toBeGreaterThanOrEqual(1);
    await eventually(() => sink.reports.at(-1)?.lost === 0);
  });

  it('is bounded: what does not fit is counted and told as a number, in parts of 200', async () => {
    start({ maxEntries: 450 });
    for (let i = 0; i < 500; i++) reporter.changed(change(`t${i}`));
    await sink.report(2);
    expect(sink.reports.map(({ breakers }) => breakers.length)).toEqual([200, 200, 50]);
    expect(sink.reports.map(({ lost }) => lost)).toEqual([50, 0, 0]);
    expect(counters.get('breaker_report_lost')).toBe(50);
    expect(sink.mostAtOnce).toBe(1);
  });

  it('keeps a change that comes while a report is under way', async () => {
    start();
    reporter.changed(change('acme'));
    await sink.report(0);
    reporter.changed(change('acme', { phase: 'closed', isOpening: false }));
    expect((await sink.report(1)).breakers).toMatchObject([{ tenant_id: 'acme', state: 'closed' }]);
  });

  it('survives an address that is none', async () => {
    start({ apiUrl: 'not a url' });
    reporter.changed(change('acme'));
    await eventually(() => counters.get('breaker_report_failed') > 0);
  });
});
