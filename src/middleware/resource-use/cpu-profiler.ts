/**
 * V8's sampling profiler (through @datadog/pprof) as a witness: which samples fell on which tenant, and in which of them
 * the thread did not really run but waited inside a synchronous call.
 *
 * Per-sample CPU time is not simply added up. The profiler hands a sample all CPU time since the sample before it, so
 * whoever happens to run at the end of a busy spell is charged for the others in it: with two tenants of 75 and 25 % on
 * a loop that is busy a fifth of the time, adding up gave 54 and 46 %, and nearly half of all CPU time to idle samples.
 */
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Slot } from './loop-ledger.ts';

/** Who works, in an object of which the profiler's signal handler keeps a reference. */
interface Label {
  slot: Slot;
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

/** What the samples say about one tenant. */
export interface Sampled {
  samples: number;
  /** Milliseconds in which the tenant held the loop without using the CPU. */
  waitingMs: number;
}

export interface ProfilerFigures {
  readonly tenants: ReadonlyMap<TenantId, Sampled>;
  /** Milliseconds in which the event loop waited for events. */
  readonly idleMs: number;
  /** Milliseconds of CPU of this process's other threads, as the profiler measured them. */
  readonly otherThreadsCpuMs: number;
  readonly busySamples: number;
}

interface Sample {
  readonly at: number;
  /** Undefined while the event loop waits for events. */
  readonly label: Partial<Label> | undefined;
  readonly cpuMicros: number;
}

/** Less CPU than this share of the time since the sample before, and the thread stood still in between. */
const STANDING_BELOW = 0.1;
/**
 * A thread that stands still for less is taken to run: it was more likely descheduled or throttled (a quota's period is
 * 100 ms), which strikes long spells of work just where samples can show it, and would favour those with long spells.
 */
const SHORTEST_WAIT_MS = 150;
const NO_LABELS = {};

/**
 * Who was sampled, who waited, and how long the loop was idle. A sample stands for the time since the one before it. Two
 * samples in a row under one label object lie in one unbroken spell of one tenant.
 * @param since microseconds of V8's clock at the last sample of the interval before; undefined at the start
 */
export function tallySamples(
  samples: readonly Sample[],
  since: number | undefined,
): Pick<ProfilerFigures, 'tenants' | 'idleMs' | 'busySamples'> & { readonly until: number | undefined } {
  const tenants = new Map<TenantId, Sampled>();
  const tally = { tenants, idleMs: 0, busySamples: 0, until: since };
  let previous: Sample['label'];
  let standingMs = 0;
  for (const { at, label, cpuMicros } of samples.toSorted((left, right) => left.at - right.at)) {
    const elapsedMicros = tally.until === undefined ? 0 : at - tally.until;
    if (label === undefined) tally.idleMs += elapsedMicros / 1_000;
    else {
      tally.busySamples += 1;
      const stands = previous === label && cpuMicros < elapsedMicros * STANDING_BELOW;
      const before = standingMs;
      standingMs = stands ? standingMs + (elapsedMicros - cpuMicros) / 1_000 : 0;
      if (label.slot !== undefined) {
        const sampled = tenants.get(label.slot) ?? { samples: 0, waitingMs: 0 };
        tenants.set(label.slot, sampled);
        sampled.samples += 1;
        if (standingMs >= SHORTEST_WAIT_MS) sampled.waitingMs += standingMs - (before >= SHORTEST_WAIT_MS ? before : 0);
      }
    }
    previous = label;
    tally.until = at;
  }
  return tally;
}

export class CpuProfiler {
  readonly #profiler: SamplingProfiler;
  readonly #options: Parameters<SamplingProfiler['start']>[0];
  #state: Uint32Array = new Uint32Array(1);
  #seen = 0;
  #label: Label = { slot: undefined };
  #until: number | undefined;

  /** @param intervalMs how often `collect` will be called; sizes the profiler's sample buffer, which holds twice that */
  constructor(profiler: SamplingProfiler, sampleIntervalMicros: number, intervalMs: number) {
    this.#profiler = profiler;
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
    this.#relabel(undefined);
  }

  /** From now on samples belong to `slot`. */
  switchTo(slot: Slot): void {
    // Setting a context costs 130 ns, so one label is rewritten until a sample holds it; then it must stay as it is.
    if (this.#state[this.#profiler.constants.kSampleCount] !== this.#seen) this.#relabel(slot);
    else this.#label.slot = slot;
  }

  /** What was sampled since the last call. Sampling goes on without a gap. */
  collect(): ProfilerFigures {
    const figures = this.#stop(true);
    this.#relabel(this.#label.slot);
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
    const samples: Sample[] = [];
    let otherThreadsCpuMs = 0;
    // The labels that are asked for here are what is wanted; the profile that is made of them is thrown away.
    this.#profiler.stop(restart, ({ node, context }) => {
      if (context === undefined) return NO_LABELS;
      const cpuMicros = (context.cpuTime ?? 0) / 1_000;
      if (node.name === NON_JS_THREADS_FUNCTION_NAME) otherThreadsCpuMs += cpuMicros / 1_000;
      else samples.push({ at: Number(context.timestamp), label: context.context, cpuMicros });
      return NO_LABELS;
    });
    const { until, ...tally } = tallySamples(samples, this.#until);
    this.#until = restart ? until : undefined;
    return { ...tally, otherThreadsCpuMs };
  }

  #relabel(slot: Slot): void {
    this.#label = { slot };
    this.#profiler.setContext(this.#label);
    this.#seen = this.#state[this.#profiler.constants.kSampleCount] ?? 0;
  }
}
