import { readFileSync } from 'node:fs';
import { type EventLoopUtilization, PerformanceObserver, performance } from 'node:perf_hooks';

/** What the process and its JavaScript thread used between two readings, in milliseconds. */
export interface ProcessFigures {
  readonly wallMs: number;
  /** User and system CPU time of all threads. */
  readonly processCpuMs: number;
  /** CPU time of this thread; undefined where neither Node nor the platform tells. */
  readonly threadCpuMs: number | undefined;
  /**
   * Time for which the event loop did not wait for events. Too large while the profiler runs: its signals interrupt the
   * wait, and libuv then forgets what was waited so far (a loop that is idle for half the time shows a fifth).
   */
  readonly loopActiveMs: number;
  /** Pauses of this thread for garbage collection. */
  readonly gcMs: number;
}

type CpuUsage = () => { readonly user: number; readonly system: number };

/** Nanoseconds that the reading thread has run, as Linux counts them (20 µs a reading). */
const LINUX_THREAD_CLOCK = '/proc/thread-self/schedstat';

function totalMs({ user, system }: ReturnType<CpuUsage>): number {
  return (user + system) / 1_000;
}

function threadCpuMs(): number | undefined {
  const { threadCpuUsage } = process as { threadCpuUsage?: CpuUsage };
  if (threadCpuUsage !== undefined) return totalMs(threadCpuUsage.call(process));
  try {
    const nanoseconds = Number(readFileSync(LINUX_THREAD_CLOCK, 'utf8').split(' ')[0]);
    return Number.isFinite(nanoseconds) ? nanoseconds / 1e6 : undefined;
  } catch {
    return undefined;
  }
}

interface Reading {
  readonly wallMs: number;
  readonly processCpuMs: number;
  readonly threadCpuMs: number | undefined;
  readonly loop: EventLoopUtilization;
}

function read(): Reading {
  return {
    wallMs: performance.now(),
    processCpuMs: totalMs(process.cpuUsage()),
    threadCpuMs: threadCpuMs(),
    loop: performance.eventLoopUtilization(),
  };
}

/** Reads the clocks of the process and tells what has passed since the reading before. */
export class ProcessClock {
  #last = read();
  #gcMs = 0;
  readonly #gc = new PerformanceObserver((list) => this.#addPauses(list.getEntries()));

  constructor() {
    this.#gc.observe({ entryTypes: ['gc'] });
  }

  take(): ProcessFigures {
    const last = this.#last;
    const now = read();
    this.#last = now;
    this.#addPauses(this.#gc.takeRecords());
    const gcMs = this.#gcMs;
    this.#gcMs = 0;
    const hasThread = now.threadCpuMs !== undefined && last.threadCpuMs !== undefined;
    return {
      wallMs: now.wallMs - last.wallMs,
      processCpuMs: now.processCpuMs - last.processCpuMs,
      threadCpuMs: hasThread ? now.threadCpuMs - last.threadCpuMs : undefined,
      loopActiveMs: performance.eventLoopUtilization(now.loop, last.loop).active,
      gcMs,
    };
  }

  stop(): void {
    this.#gc.disconnect();
  }

  #addPauses(entries: readonly { readonly duration: number }[]): void {
    for (const { duration } of entries) this.#gcMs += duration;
  }
}
