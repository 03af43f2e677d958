import type { DetectorLoopItem, DetectorLoopName, DetectorRunItem } from '../../../src/api/detector-runs-contract.ts';
import { formatSpan } from '../shared/time-format.ts';

/** What each loop is for. */
export const LOOPS: Readonly<Record<DetectorLoopName, { readonly title: string; readonly about: string }>> = {
  'owner-rule': {
    title: 'Owner’s rule',
    about: 'Compares the last seconds of every tenant with its own usual load, and throttles.',
  },
  'minute-detector': {
    title: 'Minute detector',
    about: 'Judges whole minutes by what is usual at this hour of the week.',
  },
  'budget-burn': { title: 'Budget burn', about: 'Watches how fast monthly AI budgets are used up.' },
  'spend-caps': { title: 'AI spend caps', about: 'Holds tenants to their caps: warns, degrades, blocks.' },
};

export interface LoopVerdict {
  readonly tone: 'good' | 'warning' | 'bad';
  readonly text: string;
}

/** How a loop does, in a sentence. `now`: Unix ms on the server's clock. */
export function loopVerdict(loop: DetectorLoopItem, now: number): LoopVerdict {
  const last = loop.runs[0];
  if (loop.leader === false) return { tone: 'good', text: 'Another server leads; this one stands by.' };
  if (last === undefined) return { tone: 'warning', text: 'It has not run since the server started.' };
  const ago = now - Date.parse(last.started_at);
  const late = loop.every_seconds * 1000 * 3 + last.took_ms;
  if (ago > late + 10_000)
    return {
      tone: 'bad',
      text: `It last ran ${formatSpan(ago)} ago and should every ${formatSpan(loop.every_seconds * 1000)}.`,
    };
  if (last.failure !== null) return { tone: 'bad', text: `The last run failed: ${last.failure}` };
  if (last.skipped !== null) return { tone: 'warning', text: `The last run judged nothing: ${last.skipped}` };
  return { tone: 'good', text: `It runs every ${formatSpan(loop.every_seconds * 1000)}.` };
}

export function runKind(run: DetectorRunItem): 'failed' | 'skipped' | 'judged' {
  if (run.failure !== null) return 'failed';
  return run.skipped === null ? 'judged' : 'skipped';
}

/** Height of a run's bar in percent of the longest one; something is always seen. */
export function barHeight(run: DetectorRunItem, longestMs: number): number {
  return longestMs <= 0 ? 8 : Math.max(8, (run.took_ms / longestMs) * 100);
}
