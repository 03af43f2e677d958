import { type Count, countSafely, guarded } from '../guard.ts';
import { apportion, largest, type TenantUse } from './apportion.ts';
import { watchContexts } from './context-switches.ts';
import { CpuProfiler, type ProfilerFigures, type SamplingProfiler } from './cpu-profiler.ts';
import { LoopLedger } from './loop-ledger.ts';
import { ProcessClock, type ProcessFigures } from './process-clock.ts';
import { TrafficMeter } from './traffic-meter.ts';

/** How CPU time was told apart; `off`: only bytes were. */
export type CpuMethod = 'profiler' | 'event-loop' | 'off';

/** What every tenant used in one interval, and what the process did. */
export interface UsageReport {
  /** Unix milliseconds; the interval is half-open. */
  readonly from: number;
  readonly to: number;
  readonly cpu: CpuMethod;
  /** Largest first; `(other)` and `(unattributed)` among them. CPU seconds add up to those of the process. */
  readonly tenants: readonly TenantUse[];
  readonly process: {
    /** CPU seconds of all threads, as `process.cpuUsage()` has them. */
    readonly cpuSeconds: number;
    /** CPU seconds of the thread that runs JavaScript. The others (worker threads, libuv, collection) are `(unattributed)`. */
    readonly threadCpuSeconds: number;
    /** Between 0 and 1: the share of the interval in which the event loop did not wait for events. */
    readonly eventLoopUtilization: number;
    /** Seconds for which garbage collection paused the loop; they are in the figures of those whom it paused. */
    readonly gcSeconds: number;
  };
}

export interface UsageMeterOptions {
  readonly cpu: CpuMethod;
  readonly intervalMs: number;
  readonly sampleIntervalMicros: number;
  /** Tenants told apart in a report; the rest are `(other)`. */
  readonly maxTenants: number;
  readonly count: Count;
  /** Needed by `cpu: 'profiler'`. */
  readonly profiler?: SamplingProfiler | undefined;
}

/** Tenants told apart within one interval, before the largest are chosen: bounds memory to a few megabytes. */
const MAX_TENANTS_HELD = 50_000;
/** A thread that ran for so many sampling intervals without one sample has lost its sampling thread. */
const INTERVALS_WITHOUT_SAMPLE = 50;

/** Measures from its making until `stop`. */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  readonly #clock = new ProcessClock();
  readonly #traffic: TrafficMeter;
  #ledger: LoopLedger | undefined;
  #profiler: CpuProfiler | undefined;
  #stopWatching: (() => void) | undefined;
  #from = Date.now();

  constructor(options: UsageMeterOptions) {
    this.#options = options;
    const onOverflow = () => countSafely(options.count, 'resource_use_overflow');
    this.#traffic = new TrafficMeter(MAX_TENANTS_HELD, onOverflow);
    if (options.cpu === 'event-loop') {
      this.#ledger = new LoopLedger(performance.now.bind(performance), MAX_TENANTS_HELD, onOverflow);
    }
    if (options.cpu === 'profiler') this.#profiler = this.#startProfiler();
    this.#watch();
  }

  get cpu(): CpuMethod {
    if (this.#profiler !== undefined) return 'profiler';
    return this.#ledger === undefined ? 'off' : 'event-loop';
  }

  /** What was used since the last call (or since the start). */
  take(): UsageReport {
    const from = this.#from;
    this.#from = Math.max(from, Date.now());
    const samples = this.#collect();
    const figures = this.#clock.take();
    const loopActiveMs = samples === undefined ? figures.loopActiveMs : Math.max(0, figures.wallMs - samples.idleMs);
    const threadCpuMs = threadCpu(figures, samples);
    if (samples !== undefined) this.#heal(threadCpuMs, samples);
    const rows = apportion({
      processCpuMs: figures.processCpuMs,
      threadCpuMs,
      loopActiveMs,
      loop: samples?.tenants ?? this.#ledger?.take() ?? new Map(),
      traffic: this.#traffic.take(),
    });
    return {
      from,
      to: this.#from,
      cpu: this.cpu,
      tenants: largest(rows, this.#options.maxTenants),
      process: {
        cpuSeconds: figures.processCpuMs / 1_000,
        threadCpuSeconds: threadCpuMs / 1_000,
        eventLoopUtilization: figures.wallMs === 0 ? 0 : Math.min(1, loopActiveMs / figures.wallMs),
        gcSeconds: figures.gcMs / 1_000,
      },
    };
  }

  stop(): void {
    this.#stopWatching?.();
    this.#traffic.stop();
    this.#clock.stop();
    guarded(this.#options.count, 'resource_use_failed', () => this.#profiler?.stop(), undefined);
    this.#profiler = undefined;
    this.#ledger = undefined;
  }

  #watch(): void {
    const listener = this.#profiler ?? this.#ledger;
    if (listener === undefined) return;
    const { count } = this.#options;
    this.#stopWatching = guarded(count, 'resource_use_failed', () => watchContexts(listener, count), undefined);
    if (this.#stopWatching !== undefined) return;
    countSafely(count, 'context_manager_missing');
    guarded(count, 'resource_use_failed', () => this.#profiler?.stop(), undefined);
    this.#profiler = undefined;
    this.#ledger = undefined;
  }

  #startProfiler(): CpuProfiler | undefined {
    const { profiler, count, sampleIntervalMicros, intervalMs } = this.#options;
    // Another library of the app (an APM agent) may run it already; there is one per thread, and theirs was first.
    if (profiler === undefined || profiler.isStarted()) {
      countSafely(count, profiler === undefined ? 'cpu_profiler_missing' : 'cpu_profiler_in_use');
      return undefined;
    }
    const made = new CpuProfiler(profiler, sampleIntervalMicros, intervalMs);
    const start = () => {
      made.start();
      return made;
    };
    return guarded(count, 'resource_use_failed', start, undefined);
  }

  #collect(): ProfilerFigures | undefined {
    const profiler = this.#profiler;
    if (profiler === undefined) return undefined;
    const figures = guarded(this.#options.count, 'resource_use_failed', () => profiler.collect(), undefined);
    // One that throws once is not trusted again; bytes go on.
    if (figures === undefined) {
      this.#stopWatching?.();
      this.#profiler = undefined;
    }
    return figures;
  }

  #heal(threadCpuMs: number, { busySamples }: ProfilerFigures): void {
    const profiler = this.#profiler;
    const enough = (INTERVALS_WITHOUT_SAMPLE * this.#options.sampleIntervalMicros) / 1_000;
    if (profiler === undefined || busySamples > 0 || threadCpuMs < enough) return;
    countSafely(this.#options.count, 'cpu_profiler_restarted');
    guarded(this.#options.count, 'resource_use_failed', () => profiler.restart(), undefined);
  }
}

/** Milliseconds of CPU of the JavaScript thread, from the best that tells it. */
function threadCpu(figures: ProcessFigures, samples: ProfilerFigures | undefined): number {
  const { processCpuMs, threadCpuMs, loopActiveMs } = figures;
  if (threadCpuMs !== undefined) return Math.min(threadCpuMs, processCpuMs);
  if (samples !== undefined) return Math.max(0, processCpuMs - samples.otherThreadsCpuMs);
  // A thread cannot have used more CPU than its loop was active.
  return Math.min(processCpuMs, loopActiveMs);
}
