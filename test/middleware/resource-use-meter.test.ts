/** The meter with the real profiler, clocks and async contexts, against work whose shares are known beforehand. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { UNATTRIBUTED_TENANT } from '../../src/domain/tenant-id.ts';
import { runAsTenant, type UsageReport } from '../../src/middleware/index.ts';
import { loadSamplingProfiler, type SamplingProfiler } from '../../src/middleware/resource-use/cpu-profiler.ts';
import { type CpuMethod, UsageMeter } from '../../src/middleware/resource-use/usage-meter.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';
import { runLoads, sharesOf, type TenantLoad, work } from '../support/resource-load.ts';

const SAMPLE_INTERVAL_MICROS = 2_000;
const LOADS: readonly TenantLoad[] = [
  { tenantId: 'large', units: 70 },
  { tenantId: 'middle', units: 25 },
  { tenantId: 'small', units: 5 },
];

let tracing: TestTracing;
let profiler: SamplingProfiler;
let counted: string[] = [];
let meter: UsageMeter | undefined;

beforeAll(async () => {
  tracing = startTestTracing({ http: false });
  const loaded = await loadSamplingProfiler();
  if (loaded === undefined) throw new Error('@datadog/pprof is a development dependency and must load');
  profiler = loaded;
});
afterAll(() => tracing.stop());
afterEach(() => {
  meter?.stop();
  meter = undefined;
  counted = [];
});

function start(
  cpu: CpuMethod,
  with_: SamplingProfiler | undefined = profiler,
  sampleIntervalMicros = SAMPLE_INTERVAL_MICROS,
): UsageMeter {
  meter = new UsageMeter({
    cpu,
    intervalMs: 10_000,
    sampleIntervalMicros,
    maxTenants: 100,
    count: (name) => counted.push(name),
    profiler: with_,
  });
  return meter;
}

const useOf = (report: UsageReport, tenantId: string) => report.tenants.find((use) => use.tenantId === tenantId);
const whole = (report: UsageReport) => report.tenants.reduce((sum, use) => sum + use.cpuSeconds, 0);

describe('CPU per tenant by samples', () => {
  it('gives each its share within four standard errors, of all CPU that the process used', async () => {
    const running = start('profiler');
    const before = process.cpuUsage();
    const done = await runLoads(LOADS, 40, 5);
    const report = running.take();
    const used = process.cpuUsage(before);
    expect(report.cpu).toBe('profiler');
    expect(counted).toEqual([]);
    const samples = new Map(LOADS.map(({ tenantId }) => [tenantId, useOf(report, tenantId)?.cpuSamples ?? 0]));
    const all = [...samples.values()].reduce((sum, count) => sum + count, 0);
    expect(all).toBeGreaterThan(50);
    for (const [tenantId, share] of sharesOf(done)) {
      // A binomial count of `all` trials; two samples more for the work of timers and promises themselves.
      const bound = 4 * Math.sqrt(all * share * (1 - share)) + 2;
      expect(Math.abs((samples.get(tenantId) ?? 0) - all * share), tenantId).toBeLessThan(bound);
    }
    const cpu = new Map(LOADS.map(({ tenantId }) => [tenantId, useOf(report, tenantId)?.cpuSeconds ?? 0]));
    for (const [tenantId, share] of sharesOf(cpu)) {
      const expected = sharesOf(done).get(tenantId) ?? 0;
      expect(Math.abs(share / expected - 1), tenantId).toBeLessThan(4 / Math.sqrt(all * expected) + 0.1);
    }
    expect(whole(report)).toBeCloseTo(report.process.cpuSeconds, 6);
    // Ours was read inside the meter's interval.
    expect(report.process.cpuSeconds).toBeGreaterThanOrEqual((used.user + used.system) / 1e6 - 0.1);
    const tenantsCpu = [...cpu.values()].reduce((sum, seconds) => sum + seconds, 0);
    expect(tenantsCpu / report.process.cpuSeconds).toBeGreaterThan(0.5);
  });

  it('loses no samples when reports are taken in between', async () => {
    const running = start('profiler');
    const reports: UsageReport[] = [];
    const timer = setInterval(() => reports.push(running.take()), 50);
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await runLoads(LOADS, 30, 2);
    const { user } = process.cpuUsage(before);
    const wallMicros = (performance.now() - startedAt) * 1_000;
    clearInterval(timer);
    reports.push(running.take());
    expect(reports.length).toBeGreaterThan(3);
    const samples = reports.flatMap(({ tenants }) => tenants).reduce((sum, use) => sum + use.cpuSamples, 0);
    // A busy thread is sampled at least half as often as it should be and no oftener than the clock allows.
    expect(samples).toBeGreaterThan(user / SAMPLE_INTERVAL_MICROS / 2);
    expect(samples).toBeLessThan((wallMicros / SAMPLE_INTERVAL_MICROS) * 1.5);
  });

  it('does not take a wait inside a synchronous call for CPU', () => {
    // At the usual interval: taking a sample of a waiting thread is work too, and at 2 ms it would not look idle.
    const running = start('profiler', profiler, 10_000);
    const cell = new Int32Array(new SharedArrayBuffer(4));
    runAsTenant('blocked', () => Atomics.wait(cell, 0, 0, 800));
    runAsTenant('working', () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 400_000) work(10);
    });
    const report = running.take();
    expect(useOf(report, 'blocked')?.eventLoopSeconds).toBeGreaterThan(0.4);
    expect(useOf(report, 'blocked')?.cpuSeconds ?? 1).toBeLessThan((useOf(report, 'working')?.cpuSeconds ?? 0) / 2);
  });
});

describe('CPU per tenant by the clock', () => {
  it('tells every tenant, needs no profiler and takes no samples', async () => {
    const running = start('event-loop', undefined);
    const done = await runLoads(LOADS, 40, 5);
    const report = running.take();
    expect(report.cpu).toBe('event-loop');
    // How exact it is says the test with a clock that only work moves: this machine's may stop work at any time.
    for (const tenantId of done.keys()) expect(useOf(report, tenantId)?.cpuSeconds, tenantId).toBeGreaterThan(0);
    expect(useOf(report, 'large')?.eventLoopSeconds).toBeGreaterThan(0);
    expect(report.tenants.every((use) => use.cpuSamples === 0)).toBe(true);
    expect(whole(report)).toBeCloseTo(report.process.cpuSeconds, 6);
    expect(report.process.eventLoopUtilization).toBeGreaterThan(0);
    expect(report.process.threadCpuSeconds).toBeLessThanOrEqual(report.process.cpuSeconds);
  });
});

describe('what stands in the way of the profiler', () => {
  it('counts bytes only, and says so, without the package', () => {
    const running = start('profiler', undefined);
    // An undefined argument takes the default, so the one under test is made by hand.
    running.stop();
    const without = new UsageMeter({
      cpu: 'profiler',
      intervalMs: 10_000,
      sampleIntervalMicros: SAMPLE_INTERVAL_MICROS,
      maxTenants: 100,
      count: (name) => counted.push(name),
    });
    runAsTenant('acme', () => work(100));
    const report = without.take();
    without.stop();
    expect(report.cpu).toBe('off');
    expect(report.tenants.map((use) => use.tenantId)).toEqual([UNATTRIBUTED_TENANT]);
    expect(counted).toEqual(['cpu_profiler_missing']);
  });

  it('leaves a profiler alone that somebody else runs', () => {
    profiler.start({
      intervalMicros: 10_000,
      durationMillis: 1_000,
      withContexts: false,
      collectCpuTime: false,
      lineNumbers: false,
      workaroundV8Bug: false,
    });
    try {
      const running = start('profiler');
      expect(running.cpu).toBe('off');
      expect(counted).toEqual(['cpu_profiler_in_use']);
      running.stop();
      expect(profiler.isStarted()).toBe(true);
    } finally {
      profiler.stop(false, () => ({}));
    }
  });

  it('starts a profiler anew that takes no samples of a busy thread, and gives one up that throws', () => {
    let starts = 0;
    let broken = false;
    const stuck: SamplingProfiler = {
      start: () => {
        starts += 1;
      },
      stop: () => {
        if (broken) throw new Error('broken');
      },
      setContext: () => undefined,
      getState: () => new Uint32Array(1),
      isStarted: () => starts > 1,
      constants: { kSampleCount: 0, NON_JS_THREADS_FUNCTION_NAME: 'others' },
    };
    const running = start('profiler', stuck);
    const busy = () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 200_000) work(10);
    };
    busy();
    running.take();
    expect({ starts, counted }).toEqual({ starts: 2, counted: ['cpu_profiler_restarted'] });
    broken = true;
    expect(running.take().cpu).toBe('off');
    expect(counted).toEqual(['cpu_profiler_restarted', 'resource_use_failed']);
  });
});
