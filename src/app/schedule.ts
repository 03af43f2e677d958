import type { Logger } from 'pino';
import { toError } from '../domain/errors.ts';

export interface Schedule {
  /** No further run is begun; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work` every `everyMs`, never twice at once: a run that takes longer swallows the runs it covers. A failure is
 * logged and the next run is made as usual. The timer does not keep the process alive.
 */
export function runEvery(everyMs: number, name: string, log: Logger, work: () => Promise<void>): Schedule {
  let running: Promise<void> | undefined;
  const run = () => {
    if (running !== undefined) return;
    running = work()
      .catch((thrown: unknown) => log.error({ err: toError(thrown), task: name }, 'scheduled task failed'))
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(run, everyMs);
  timer.unref();
  run();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
