import type { BacktestProof, Stage } from '../domain/automation.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { PolicyParams } from './policy-params.ts';
import { stageRank } from './policy-stage.ts';

const days = (seconds: number) => `${Math.round((seconds / 86_400) * 10) / 10} days`;

/** What is missing of the proof that a rule may act; undefined: nothing. */
export function backtestProblem(
  backtest: BacktestProof | null,
  { minPrecision, maxFalsePerThousandTenantDays: maxFalse }: PolicyParams,
): string | undefined {
  if (backtest === null) return 'has not been replayed on history as it is now';
  const { precision, falsePerThousandTenantDays: falseOnes } = backtest;
  if (precision >= minPrecision && falseOnes <= maxFalse) return undefined;
  return (
    `had a precision of ${precision} and ${falseOnes} false throttles in 1,000 tenant-days on history; ` +
    `asked for are ${minPrecision} and ${maxFalse}`
  );
}

export interface PromotionAsked {
  readonly rule: string;
  readonly from: Stage;
  readonly to: Stage;
  /** Unix ms since which `from` has held. */
  readonly since: number;
  /** How far the installation's setting goes by itself. */
  readonly installation: Stage;
  readonly backtest: BacktestProof | null;
  readonly unprovenBecause: string | null;
  readonly now: number;
  readonly params: PolicyParams;
}

/**
 * Why a rule may not take this step; undefined: it may. Steps back always may, and so may those that the installation's
 * setting allows anyway. All others are taken one at a time, after the stage before was watched for long enough, and on
 * a fresh replay of history.
 */
export function promotionProblem(asked: PromotionAsked): string | undefined {
  const { rule, from, to, since, installation, backtest, unprovenBecause, now, params } = asked;
  if (stageRank(to) <= stageRank(from) || stageRank(to) <= stageRank(installation)) return undefined;
  if (stageRank(to) > stageRank(from) + 1) return `from ${from} it goes on one step at a time`;
  const held = (now - since) / SECOND_MS;
  const needed = params.minStageSeconds;
  if (held < needed) return `it has been in ${from} for ${days(held)} of the ${days(needed)} that are asked for`;
  if (unprovenBecause !== null) return undefined;
  const problem = backtestProblem(backtest, params);
  if (problem !== undefined) return `${rule} ${problem}`;
  const age = (now - (backtest?.at ?? 0)) / SECOND_MS;
  if (age <= params.maxBacktestAgeSeconds) return undefined;
  return `its newest replay of history is ${days(age)} old, more than ${days(params.maxBacktestAgeSeconds)}`;
}
