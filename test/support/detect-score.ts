import type { AnomalyKind, BenignKind } from './detect-events.ts';
import type { OracleKind, Stratum } from './detect-oracle.ts';
import type { ReplayTenant } from './detect-replay.ts';

/** One emitted finding, in unix minutes; `ended` is exclusive. */
export interface Alarm {
  readonly started: number;
  readonly detected: number;
  readonly ended: number;
}

const MINUTES_A_MONTH = 43_200;
/** An alarm this soon after an anomaly's end is still its alarm, neither found late nor false. */
const AFTERMATH = 30;
const COLD_MINUTES = 2_880;

export interface Found {
  readonly kind: AnomalyKind;
  readonly material: boolean;
  readonly found: boolean;
  /** Minutes from the onset; NaN when it was not found. */
  readonly delay: number;
}

/** What one tenant adds to the figures; sums of tallies are bootstrapped by tenant. */
export interface Tally {
  readonly id: string;
  readonly stratum: Stratum;
  readonly newcomer: boolean;
  readonly months: number;
  readonly anomalies: readonly Found[];
  readonly falseAlarms: number;
  readonly falseMinutes: number;
  readonly natural: number;
  readonly coldAlarms: number;
  readonly benign: readonly { readonly kind: BenignKind; readonly fired: boolean }[];
}

function overlaps(alarm: Alarm, from: number, to: number): boolean {
  return alarm.detected < to && alarm.ended > from;
}

/**
 * Judges findings by what was injected. Found = detected while the anomaly lasted, or already open for it; natural = the
 * oracle saw a surge that nobody injected; everything else is false.
 */
export function tally(tenant: ReplayTenant, alarms: readonly Alarm[], oracle: OracleKind = 'seasonal'): Tally {
  const { start, scoredFrom, events } = tenant;
  const local = alarms
    .map(({ started, detected, ended }) => ({
      started: started - start,
      detected: detected - start,
      ended: ended - start,
    }))
    .filter(({ detected }) => detected >= scoredFrom);
  const bursts = tenant[oracle].bursts;
  const excused = events.filter((event) => event.anomaly || event.kind === 'ignored');
  let [falseAlarms, falseMinutes, natural, coldAlarms] = [0, 0, 0, 0];
  const wrong: Alarm[] = [];
  for (const alarm of local) {
    if (excused.some((event) => overlaps(alarm, event.from, event.to + AFTERMATH))) continue;
    if (bursts.some(([from, to]) => overlaps(alarm, from, to))) {
      natural += 1;
      continue;
    }
    wrong.push(alarm);
    falseAlarms += 1;
    falseMinutes += alarm.ended - alarm.detected;
    if (tenant.kind === 'newcomer' && alarm.detected < COLD_MINUTES) coldAlarms += 1;
  }
  return {
    id: tenant.id,
    stratum: tenant.stratum,
    newcomer: tenant.kind === 'newcomer',
    months: (tenant.values.length - scoredFrom) / MINUTES_A_MONTH,
    anomalies: events
      .filter((event) => event.anomaly && event.scored)
      .map((event) => {
        const first = local.find((alarm) => alarm.detected >= event.from && alarm.detected <= event.to);
        return {
          kind: event.kind as AnomalyKind,
          material: event.material,
          found: first !== undefined,
          delay: first === undefined ? Number.NaN : Math.max(0, first.detected - event.onset),
        };
      }),
    falseAlarms,
    falseMinutes,
    natural,
    coldAlarms,
    benign: events
      .filter((event) => !event.anomaly && event.kind !== 'ignored')
      .map((event) => ({
        kind: event.kind as BenignKind,
        fired: wrong.some((alarm) => overlaps(alarm, event.from, event.to + AFTERMATH)),
      })),
  };
}

export interface Figures {
  readonly months: number;
  readonly falsePerMonth: number;
  readonly naturalPerMonth: number;
  readonly falseMinutesPerMonth: number;
  readonly recall: number;
  readonly materialRecall: number;
  readonly material: number;
  readonly precision: number;
}

const share = (part: number, whole: number) => (whole === 0 ? Number.NaN : part / whole);

export function recallOf(found: readonly Found[]): number {
  return share(found.filter((one) => one.found).length, found.length);
}

export function figures(tallies: readonly Tally[]): Figures {
  const sum = (of: (one: Tally) => number) => tallies.reduce((total, one) => total + of(one), 0);
  const anomalies = tallies.flatMap((one) => one.anomalies);
  const material = anomalies.filter((one) => one.material);
  const months = sum((one) => one.months);
  const falseAlarms = sum((one) => one.falseAlarms);
  const found = anomalies.filter((one) => one.found).length;
  return {
    months,
    falsePerMonth: share(falseAlarms, months),
    naturalPerMonth: share(
      sum((one) => one.natural),
      months,
    ),
    falseMinutesPerMonth: share(
      sum((one) => one.falseMinutes),
      months,
    ),
    recall: recallOf(anomalies),
    materialRecall: recallOf(material),
    material: material.length,
    precision: share(found, found + falseAlarms),
  };
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** 95 % interval of a figure by drawing tenants with replacement. */
export function interval(
  tallies: readonly Tally[],
  of: (drawn: readonly Tally[]) => number,
  random: () => number,
  rounds = 300,
): readonly [number, number] {
  const drawn = Array.from({ length: rounds }, () =>
    of(tallies.map((one) => tallies[Math.floor(random() * tallies.length)] ?? one)),
  );
  return [quantile(drawn, 0.025), quantile(drawn, 0.975)];
}
