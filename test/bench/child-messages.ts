import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What a bench's child answers; CPU of all its threads since it began. */
export interface Usage {
  readonly cpuMs: number;
  readonly peakMb: number;
}

export function ownUsage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuMs: (userCPUTime + systemCPUTime) / 1_000, peakMb: maxRSS / 1_024 };
}

/** A child that takes one request at a time and answers each with one message. */
export class BenchChild {
  readonly #child: ChildProcess;
  readonly #died: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#died = new Promise((_, reject) => {
      child.once('exit', (code) => reject(new Error(`the bench's child ended (${String(code)}) instead of answering`)));
    });
    // Its end is awaited by whoever asks; one that ends unasked, as at the end of the bench, is no error.
    this.#died.catch(() => undefined);
  }

  /** Starts `<file>` beside this module and waits for its first message. */
  static async start<Ready>(file: string, args: readonly string[]): Promise<{ child: BenchChild; ready: Ready }> {
    const process = fork(new URL(file, import.meta.url), [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const child = new BenchChild(process);
    return { child, ready: await child.#answer<Ready>() };
  }

  async ask<Answer>(request: string): Promise<Answer> {
    const answer = this.#answer<Answer>();
    this.#child.send(request);
    return answer;
  }

  #answer<Answer>(): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#child.once('message', (message) => resolve(message as Answer));
    });
    return Promise.race([answer, this.#died]);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** In a child: answers every request with what `answer` returns, until the parent hangs up. */
export function serve(answer: (request: string) => Promise<unknown>, onEnd: () => Promise<void>): void {
  process.on('message', (request: string) => {
    answer(request).then(
      (reply) => process.send?.(reply),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => void onEnd().then(() => process.exit(0)));
}
