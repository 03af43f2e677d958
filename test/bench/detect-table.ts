import { type Figures, type Found, figures, quantile, recallOf, type Tally } from '../support/detect-score.ts';

/** One gate of the bar: what was measured beside the floor and what is first class. */
export interface Gate {
  readonly number: number;
  readonly measure: string;
  readonly floor: string;
  readonly firstClass: string;
  readonly measured: string;
  readonly verdict: Verdict;
}

export type Verdict = 'first class' | 'floor' | 'MISSED' | 'not here';

export function figure(value: number, digits = 2): string {
  return Number.isNaN(value) ? '-' : value.toFixed(digits);
}

export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)} %`;
}

/** `lower` means that less is better. */
export function verdictOf(value: number, floor: number, firstClass: number, better: 'lower' | 'higher'): Verdict {
  const reaches = (bound: number) => (better === 'lower' ? value <= bound : value >= bound);
  if (reaches(firstClass)) return 'first class';
  return reaches(floor) ? 'floor' : 'MISSED';
}

/** The worst of several conditions of one gate. */
export function worst(...verdicts: readonly Verdict[]): Verdict {
  const order: readonly Verdict[] = ['MISSED', 'floor', 'first class', 'not here'];
  return order.find((one) => verdicts.includes(one)) ?? 'not here';
}

type Interval = (of: (drawn: readonly Tally[]) => number) => string;

const large = ({ kind }: Found) => kind === 'step5' || kind === 'step10';

function benignShare(tallies: readonly Tally[], kinds: readonly string[]): number {
  const events = tallies.flatMap((one) => one.benign).filter(({ kind }) => kinds.includes(kind));
  return events.length === 0 ? Number.NaN : events.filter(({ fired }) => fired).length / events.length;
}

function coldAlarms(tallies: readonly Tally[]): number {
  const newcomers = tallies.filter((one) => one.newcomer);
  return newcomers.reduce((sum, one) => sum + one.coldAlarms, 0) / Math.max(1, newcomers.length);
}

/** Gates 1 to 8: request counts. */
export function countGates(tallies: readonly Tally[], within: Interval): Gate[] {
  const all: Figures = figures(tallies);
  const smooth = tallies.filter((one) => one.stratum === 'smooth');
  const smoothFalse = figures(smooth).falsePerMonth;
  const smoothLarge = smooth.flatMap((one) => one.anomalies).filter((one) => one.material && large(one));
  const delays = tallies.flatMap((one) =>
    one.anomalies.filter((found) => found.material && large(found)).map((found) => found.delay),
  );
  const [middle, late] = [quantile(delays, 0.5), quantile(delays, 0.9)];
  const quiet = ['blip', 'x1.5', 'gap', 'zero-recovery'] as const;
  const shares = quiet.map((kind) => benignShare(tallies, [kind]));
  const nights = ['nightly', 'new-nightly'].map((kind) => benignShare(tallies, [kind]));
  const cold = coldAlarms(tallies);
  const gate = (
    number: number,
    measure: string,
    floor: string,
    firstClass: string,
    measured: string,
    verdict: Verdict,
  ): Gate => ({
    number,
    measure,
    floor,
    firstClass,
    measured,
    verdict,
  });
  return [
    gate(
      1,
      'false alarms/TM, all strata',
      '<= 2.0',
      '<= 1.0',
      `${figure(all.falsePerMonth)} ${within((drawn) => figures(drawn).falsePerMonth)}`,
      verdictOf(all.falsePerMonth, 2, 1, 'lower'),
    ),
    gate(
      2,
      'the same, smooth tenants',
      '<= 1.0',
      '<= 0.6',
      figure(smoothFalse),
      verdictOf(smoothFalse, 1, 0.6, 'lower'),
    ),
    gate(
      3,
      'recall, material events',
      '>= .85',
      '>= .92',
      `${figure(all.materialRecall, 3)} ${within((drawn) => figures(drawn).materialRecall)} of ${all.material}`,
      verdictOf(all.materialRecall, 0.85, 0.92, 'higher'),
    ),
    gate(
      4,
      'recall, material 5x and 10x, smooth',
      '>= .95',
      '>= .98',
      `${figure(recallOf(smoothLarge), 3)} of ${smoothLarge.length}`,
      verdictOf(recallOf(smoothLarge), 0.95, 0.98, 'higher'),
    ),
    gate(
      5,
      'median / p90 delay, 5x and 10x, minutes',
      '<= 4 / 20',
      '<= 3 / 10',
      `${middle} / ${late}`,
      worst(verdictOf(middle, 4, 3, 'lower'), verdictOf(late, 20, 10, 'lower')),
    ),
    gate(
      6,
      `fired at benign ${quiet.join(', ')}`,
      '<= 3 %',
      '<= 1 %',
      shares.map(percent).join(', '),
      worst(...shares.map((share) => verdictOf(share, 0.03, 0.01, 'lower'))),
    ),
    gate(
      7,
      'fired at nightly, new nightly (3rd+)',
      '<= 10 %',
      '<= 3 %',
      nights.map(percent).join(', '),
      worst(...nights.map((share) => verdictOf(share, 0.1, 0.03, 'lower'))),
    ),
    gate(
      8,
      'false in the first 48 h, per new tenant',
      '<= .3',
      '<= .1',
      figure(cold),
      verdictOf(cold, 0.3, 0.1, 'lower'),
    ),
  ];
}
