/** What each tenant uses of this process: measured all the time, sent every few seconds. */
import type { CounterName } from '../counters.ts';
import { type Count, countSafely } from '../guard.ts';
import { loadSamplingProfiler } from './cpu-profiler.ts';
import { type MetricsSender, type MetricsTarget, makeMetricsSender } from './metrics-export.ts';
import { type CpuMethod, UsageMeter, type UsageReport } from './usage-meter.ts';

/** How the use of this process is told apart by tenant, and how often it is reported. */
export interface ResourceUseOptions {
  /**
   * How CPU and event-loop time are told apart. `profiler`: by samples, needs the package `@datadog/pprof`; without it, or
   * where another library runs it, only bytes are counted. `event-loop`: by the clock, at every switch between tenants;
   * exact for small tenants too, but dearer. `off`: bytes only. Default `profiler`.
   */
  readonly cpu?: CpuMethod;
  /** Milliseconds between two reports. Default 10,000; 1,000 to 60,000. */
  readonly intervalMs?: number;
  /** Microseconds between two samples of the profiler. Default 10,000; 1,000 to 100,000. */
  readonly sampleIntervalMicros?: number;
  /** Tenants told apart in a report, the largest first; the rest are added up as `(other)`. Default 1,000. */
  readonly maxTenants?: number;
  /** Called with every report before it is sent. What it throws is counted as `resource_use_failed`. */
  readonly onReport?: (report: UsageReport) => void;
}

/** What `resourceUse` of `startTenantry` may be: left out, bytes are counted and nothing else. */
export type ResourceUse = boolean | ResourceUseOptions;

export interface ResourceUseHandle {
  /** Sends what was used since the last report, then stops. Never rejects. */
  shutdown(): Promise<void>;
}

const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_SAMPLE_INTERVAL_MICROS = 10_000;
const DEFAULT_MAX_TENANTS = 1_000;
const EXPORT_TIMEOUT_MS = 10_000;

function within(value: number | undefined, fallback: number, low: number, high: number): number {
  return value === undefined || !Number.isFinite(value) ? fallback : Math.min(high, Math.max(low, value));
}

function optionsOf(resourceUse: ResourceUse | undefined): ResourceUseOptions {
  if (resourceUse === undefined) return { cpu: 'off' };
  return typeof resourceUse === 'boolean' ? {} : resourceUse;
}

class Reporter {
  readonly #meter: UsageMeter;
  readonly #sender: Promise<MetricsSender | undefined>;
  readonly #onReport: ((report: UsageReport) => void) | undefined;
  readonly #count: Count;
  readonly #timer: NodeJS.Timeout;
  #sending: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(
    meter: UsageMeter,
    sender: Promise<MetricsSender | undefined>,
    intervalMs: number,
    onReport: ((report: UsageReport) => void) | undefined,
    count: Count,
  ) {
    this.#meter = meter;
    this.#sender = sender;
    this.#onReport = onReport;
    this.#count = count;
    this.#timer = setInterval(() => this.#report(), intervalMs);
    this.#timer.unref();
  }

  shutdown(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#report();
    this.#meter.stop();
    await this.#sending;
    await (await this.#sender)?.shutdown().catch(() => countSafely(this.#count, 'resource_use_failed'));
  }

  #report(): void {
    try {
      const report = this.#meter.take();
      this.#sending = this.#send(report);
      this.#onReport?.(report);
    } catch {
      countSafely(this.#count, 'resource_use_failed');
    }
  }

  async #send(report: UsageReport): Promise<void> {
    let name: CounterName = 'resource_use_export_failed';
    try {
      if (await (await this.#sender)?.send(report)) name = 'resource_use_exported';
    } catch {
      // Counted below like every other report that did not arrive.
    }
    countSafely(this.#count, name);
  }
}

/**
 * Starts measuring and reporting. Call it after the OpenTelemetry SDK has registered its context manager: tenants are
 * looked up there. Never rejects: what cannot be measured is left out and counted.
 */
export async function startResourceUse(
  resourceUse: ResourceUse | undefined,
  target: Omit<MetricsTarget, 'timeoutMs'>,
  count: Count,
): Promise<ResourceUseHandle | undefined> {
  if (resourceUse === false) return undefined;
  const options = optionsOf(resourceUse);
  const { cpu = 'profiler', onReport } = options;
  const intervalMs = within(options.intervalMs, DEFAULT_INTERVAL_MS, 1_000, 60_000);
  try {
    const meter = new UsageMeter({
      cpu,
      intervalMs,
      sampleIntervalMicros: within(options.sampleIntervalMicros, DEFAULT_SAMPLE_INTERVAL_MICROS, 1_000, 100_000),
      maxTenants: within(options.maxTenants, DEFAULT_MAX_TENANTS, 1, 10_000),
      count,
      profiler: cpu === 'profiler' ? await loadSamplingProfiler() : undefined,
    });
    const sender = makeMetricsSender({ ...target, timeoutMs: Math.min(intervalMs, EXPORT_TIMEOUT_MS) }).catch(() => {
      countSafely(count, 'metrics_exporter_missing');
      return undefined;
    });
    return new Reporter(meter, sender, intervalMs, onReport, count);
  } catch {
    countSafely(count, 'resource_use_failed');
    return undefined;
  }
}
