/** V8's sampling profiler (through @datadog/pprof): which samples fell on which tenant. */
import type { Context } from '@opentelemetry/api';
import { tenantIn } from '../tenant-context.ts';
import type { ContextListener } from './context-switches.ts';
import { type Sample, type SampleTally, tallySamples } from './sample-tally.ts';

/** What the loop works on, in an object of which the profiler's signal handler keeps a reference. */
interface Label {
  context: Context | undefined;
}

interface TimeSample {
  /** Missing on samples of a loop that waits for events. */
  readonly context?: Partial<Label>;
  /** Microseconds of V8's monotonic clock. */
  readonly timestamp: bigint;
  /** Nanoseconds of this thread's CPU time since the sample before. */
  readonly cpuTime?: number;
}

/** The part of @datadog/pprof's `time` that is used. Own words: its types must not become types of this package. */
export interface SamplingProfiler {
  start(options: {
    intervalMicros: number;
    durationMillis: number;
    withContexts: boolean;
    collectCpuTime: boolean;
    lineNumbers: boolean;
    workaroundV8Bug: boolean;
  }): void;
  stop(restart: boolean, label: (args: { node: { name?: string }; context?: TimeSample }) => object): unknown;
  setContext(context: object): void;
  /** Samples taken since the last `stop`, at `constants.kSampleCount`. */
  getState(): Uint32Array;
  isStarted(): boolean;
  readonly constants: { readonly kSampleCount: number; readonly NON_JS_THREADS_FUNCTION_NAME: string };
}

/** The installed profiler, or undefined when the optional package is missing or has no binary for this platform. */
export async function loadSamplingProfiler(): Promise<SamplingProfiler | undefined> {
  try {
    const { time } = await import('@datadog/pprof');
    return time as unknown as SamplingProfiler;
  } catch {
    return undefined;
  }
}

export interface ProfilerFigures extends SampleTally {
  /** Milliseconds of CPU of this process's other threads, as the profiler measured them. */
  readonly otherThreadsCpuMs: number;
}

const NO_LABELS = {};

function tenantOf(label: Partial<Label>) {
  return label.context === undefined ? undefined : tenantIn(label.context)?.tenantId;
}

export class CpuProfiler implements ContextListener {
  readonly #profiler: SamplingProfiler;
  readonly #options: Parameters<SamplingProfiler['start']>[0];
  #state: Uint32Array = new Uint32Array(1);
  #seen = 0;
  #since = 0;
  readonly #sampleCount: number;
  #label: Label = { context: undefined };
  context: Context | undefined;

  /** @param intervalMs how often `collect` will be called; sizes the profiler's sample buffer, which holds twice that */
  constructor(profiler: SamplingProfiler, sampleIntervalMicros: number, intervalMs: number) {
    this.#profiler = profiler;
    this.#sampleCount = profiler.constants.kSampleCount;
    this.#options = {
      intervalMicros: sampleIntervalMicros,
      durationMillis: intervalMs,
      withContexts: true,
      collectCpuTime: true,
      lineNumbers: false,
      // The workaround waits for two signals at each rotation: it held the loop for 10 to 20 ms where a rotation without
      // it takes 0.4 ms. What it guards against (V8's sampling thread gone astray) is found by empty profiles instead.
      workaroundV8Bug: false,
    };
  }

  /** @throws what the profiler throws where it cannot run */
  start(): void {
    this.#profiler.start(this.#options);
    this.#state = this.#profiler.getState();
    this.#since = performance.now();
    this.#relabel();
  }

  /** From now on samples belong to `ctx`. Whose it is, is asked only of those that were sampled. */
  switchTo(ctx: Context | undefined): void {
    this.context = ctx;
    // Setting a label costs 130 ns, so one is rewritten until a sample holds it; then it must stay as it is.
    if (this.#state[this.#sampleCount] !== this.#seen) this.#relabel();
    else this.#label.context = ctx;
  }

  /** What was sampled since the last call. Sampling goes on without a gap. */
  collect(): ProfilerFigures {
    const figures = this.#stop(true);
    this.#relabel();
    return figures;
  }

  /** Ends sampling and starts it anew: V8's sampling thread is joined and made afresh. */
  restart(): void {
    this.stop();
    this.start();
  }

  stop(): void {
    if (this.#profiler.isStarted()) this.#stop(false);
  }

  #stop(restart: boolean): ProfilerFigures {
    const { NON_JS_THREADS_FUNCTION_NAME } = this.#profiler.constants;
    const kept: Sample[] = [];
    const taken = this.#state[this.#sampleCount] ?? 0;
    const now = performance.now();
    const wallMs = now - this.#since;
    this.#since = now;
    let otherThreadsCpuMs = 0;
    // The labels that are asked for here are what is wanted; the profile that is made of them is thrown away.
    this.#profiler.stop(restart, ({ node, context }) => {
      if (context === undefined) return NO_LABELS;
      const cpuMicros = (context.cpuTime ?? 0) / 1_000;
      if (node.name === NON_JS_THREADS_FUNCTION_NAME) otherThreadsCpuMs += cpuMicros / 1_000;
      else kept.push({ at: Number(context.timestamp), spell: context.context, cpuMicros });
      return NO_LABELS;
    });
    return { ...tallySamples({ kept, taken, wallMs }, tenantOf), otherThreadsCpuMs };
  }

  #relabel(): void {
    this.#label = { context: this.context };
    this.#profiler.setContext(this.#label);
    this.#seen = this.#state[this.#sampleCount] ?? 0;
  }
}
