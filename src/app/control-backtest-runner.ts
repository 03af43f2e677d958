import type { Logger } from 'pino';
import { readPoolUse, readServices, type UsedMinute } from '../aggregate/pool-use-reader.ts';
import { StoredMinutes } from '../aggregate/stored-minutes.ts';
import type { PolicyParams } from '../control/policy.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { Backtest, BacktestQuestion, BacktestResult } from '../domain/backtest.ts';
import { toError } from '../domain/errors.ts';
import { DAY_MS, type Window } from '../domain/window.ts';
import type { BacktestStore } from '../store/postgres/control-backtests.ts';
import { BacktestCancelled, backtestPolicy } from './backtest-policy.ts';
import { ruleSetOf } from './control-rules.ts';

export interface BacktestRunnerOptions {
  readonly backtests: Pick<BacktestStore, 'take' | 'beat' | 'end'>;
  readonly clickhouse: AnalyticsReader;
  readonly params: PolicyParams;
  readonly log: Logger;
}

/** Every hour of the week gets one look before the window. */
const HISTORY_MS = 8 * DAY_MS;
/** Blame looks at the busiest services; each is a question a part of the window. */
const MOST_SERVICES = 5;

/** Runs the backtests that people ask for, one at a time, beside everything else. */
export class BacktestRunner {
  readonly #options: BacktestRunnerOptions;
  #isStopped = false;

  constructor(options: BacktestRunnerOptions) {
    this.#options = options;
  }

  /** Runs the next one to its end, if there is any. */
  async tick(): Promise<void> {
    if (this.#isStopped) return;
    const { backtests, log } = this.#options;
    const next = await backtests.take();
    if (next === undefined) return;
    try {
      const result = await this.#run(next);
      await backtests.end(next.id, { result });
    } catch (thrown) {
      // A server that stops says nothing: another one takes it over.
      if (thrown instanceof BacktestCancelled) return;
      log.error({ err: toError(thrown), backtest: next.id }, 'a backtest failed');
      await backtests.end(next.id, {
        error: 'The stored minutes could not be replayed; the log of the server says why.',
      });
    }
  }

  /** Ends the one that is under way. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run({ id, rule, question }: Backtest): Promise<BacktestResult> {
    const { backtests, clickhouse, params } = this.#options;
    const onProgress = async (share: number) => !this.#isStopped && (await backtests.beat(id, share));
    return replayStored(clickhouse, { rule, params, question, onProgress });
  }
}

/** Replays the stored minutes through a rule and the policy. @throws BacktestCancelled, and what the store throws */
export async function replayStored(
  clickhouse: AnalyticsReader,
  asked: {
    readonly rule: string;
    readonly params: PolicyParams;
    readonly question: BacktestQuestion;
    readonly onProgress: (share: number) => Promise<boolean>;
  },
): Promise<BacktestResult> {
  const { rule, params, question, onProgress } = asked;
  const window = { from: question.from, to: question.to };
  const services = (await readServices(clickhouse, window)).slice(0, MOST_SERVICES);
  const stored = new StoredMinutes(clickhouse);
  return backtestPolicy({
    ...{ window, rule, onProgress, historyMs: HISTORY_MS, labels: question.labels },
    rules: ruleSetOf(rule),
    params: { ...params, ...question.draft },
    minutes: (part) => stored.read(part),
    pools: async (part: Window) => {
      const pools = new Map<string, readonly UsedMinute[]>();
      for (const service of services) {
        pools.set(service, await readPoolUse(clickhouse, { service, window: part, newest: part }));
      }
      return pools;
    },
  });
}
