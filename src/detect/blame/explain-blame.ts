import { figure } from '../explain.ts';
import type { Meter, Suspect, Verdict } from './pool-blame.ts';

const METERS: Readonly<Record<Meter, (perMinute: number) => string>> = {
  cpu: (ms) => `${figure(ms / 1_000)} s of CPU a minute`,
  db: (ms) => `${figure(ms / 1_000)} s in the database a minute`,
  requests: (count) => `${figure(count)} requests a minute`,
};

function who({ tenantId, meter, now, usual, excessShare }: Suspect): string {
  const amount = METERS[meter];
  const against = usual > 0 ? `${figure(now / usual)}x its usual ${amount(usual)}` : 'and nothing usually';
  return `${tenantId} uses ${amount(now)}, ${against}: ${Math.round(100 * excessShare)} % of all that is used above the usual`;
}

function hurt({ victims }: Verdict): string {
  const worst = victims[0];
  if (worst === undefined) return 'Nobody else is slow';
  const others = victims.length === 1 ? '1 tenant is slow' : `${victims.length} tenants are slow`;
  return `${others}, ${worst.tenantId} worst (P95 ${figure(worst.p95Ms)} ms, usually ${figure(worst.usualP95Ms)} ms)`;
}

/** A verdict in two sentences with its numbers, the same on every machine whatever its locale. */
export function explainVerdict(verdict: Verdict): string {
  const [first] = verdict.suspects;
  if (verdict.kind === 'culprit' && first !== undefined) return `${hurt(verdict)}. ${who(first)}.`;
  if (verdict.kind === 'global_slowdown') {
    const dearer = `the others' requests cost ${figure(verdict.othersCostRatio)}x their usual`;
    const why = verdict.othersCostRatio >= 1.1 ? dearer : 'no more work is done than usual';
    return `${hurt(verdict)}. Nobody in particular did it: ${why}, so look at the service and what it depends on.`;
  }
  const nearest = first === undefined ? '' : ` Nearest: ${who(first)}.`;
  return `${hurt(verdict)}. The figures do not say who did it.${nearest}`;
}
