import { DETECTION_DATA, hasDetectionData } from '../support/detect-data.ts';
import type { OracleKind } from '../support/detect-oracle.ts';
import { seeded } from '../support/detect-random.ts';
import { type ReplayTenant, replayTenant } from '../support/detect-replay.ts';
import { RIVALS, rivalAlarms } from '../support/detect-rivals.ts';
import { alarmsOf, emitted } from '../support/detect-run.ts';
import { type Alarm, figures, interval, type Tally, tally } from '../support/detect-score.ts';
import { plainTenants } from '../support/detect-tenants.ts';
import type { Bench } from './bench.ts';
import { costGate, latencyGate, nabGate, printTokens, restartGate } from './detect-others.ts';
import { countGates, figure, type Gate } from './detect-table.ts';
import { print, printTable } from './measure.ts';

const NEWCOMERS = 40;
/** Twice as dense as life, for figures with less noise in the same time. */
const DENSITY = { perDay: 0.25 };
const SEEDS = [1, 2];
const STRATA = ['smooth', 'moderate', 'wild'] as const;

/** `--seeds 3,4`: other events and other minute noise on the same tenants. */
function seedsOf(options: readonly string[]): number[] {
  const at = options.indexOf('--seeds');
  if (at === -1) return SEEDS;
  const seeds = (options[at + 1] ?? '').split(',').map(Number);
  if (seeds.length === 0 || seeds.some((seed) => !Number.isInteger(seed) || seed < 1)) {
    throw new RangeError('--seeds takes whole numbers from 1 on with commas between them');
  }
  return seeds;
}

interface Played {
  readonly tenant: ReplayTenant;
  readonly alarms: readonly Alarm[];
}

function play(tenants: readonly ReplayTenant[]): Played[] {
  return tenants.map((tenant) => {
    const { id, start, values } = tenant;
    return { tenant, alarms: alarmsOf(emitted({ id, start, metrics: { requests: values } })) };
  });
}

const tallies = (played: readonly Played[], oracle: OracleKind = 'seasonal') =>
  played.map(({ tenant, alarms }) => tally(tenant, alarms, oracle));

function within(all: readonly Tally[]): (of: (drawn: readonly Tally[]) => number) => string {
  return (of) => {
    const [low, high] = interval(all, of, seeded('bootstrap'));
    return `[${figure(low)}, ${figure(high)}]`;
  };
}

function rowOf(name: string, found: readonly Tally[]): string[] {
  const { precision, recall, materialRecall, falsePerMonth, naturalPerMonth, falseMinutesPerMonth } = figures(found);
  const interval95 = within(found);
  return [
    name,
    figure(precision),
    figure(recall, 3),
    `${figure(materialRecall, 3)} ${interval95((drawn) => figures(drawn).materialRecall)}`,
    `${figure(falsePerMonth)} ${interval95((drawn) => figures(drawn).falsePerMonth)}`,
    figure(naturalPerMonth, 1),
    figure(falseMinutesPerMonth, 0),
    ...STRATA.map((stratum) => {
      const part = figures(found.filter((one) => one.stratum === stratum));
      return `${figure(part.materialRecall)} @ ${figure(part.falsePerMonth, 1)}`;
    }),
  ];
}

function printComparison(played: readonly Played[]): void {
  const header = ['rule', 'P', 'R', 'material R', 'false/TM', 'natural/TM', 'false min/TM'];
  const rows = [rowOf('tenantry', tallies(played)), rowOf('tenantry, local oracle', tallies(played, 'local'))];
  for (const rival of RIVALS) {
    const theirs = played.map(({ tenant }) => ({ tenant, alarms: rivalAlarms(rival, tenant.values, tenant.start) }));
    rows.push(rowOf(rival, tallies(theirs)));
  }
  printTable([[...header, ...STRATA.map((stratum) => `${stratum} R @ false`)], ...rows]);
}

function printGates(gates: readonly Gate[]): void {
  const rows = gates
    .toSorted((left, right) => left.number - right.number)
    .map(({ number, measure, floor, firstClass, measured, verdict }) => [
      `${number} ${measure}`,
      floor,
      firstClass,
      measured,
      verdict,
    ]);
  printTable([['gate', 'floor', 'first class', 'measured', 'verdict'], ...rows]);
  const missed = gates.filter(({ verdict }) => verdict === 'MISSED').map(({ number }) => number);
  print(missed.length === 0 ? 'No gate was missed.' : `MISSED: gates ${missed.join(', ')}.`);
}

async function run(options: readonly string[] = []): Promise<void> {
  if (!hasDetectionData()) {
    print(`SKIPPED: there are no traces in ${DETECTION_DATA}; nothing was measured.`);
    return;
  }
  const seeds = seedsOf(options);
  const played: Played[] = [];
  for (const seed of seeds) {
    const plain = plainTenants(seed, { newcomers: NEWCOMERS });
    played.push(...play(plain.map((tenant) => replayTenant(tenant, seed, DENSITY))));
  }
  const found = tallies(played);
  const { months, material } = figures(found);
  print(
    `seeds ${seeds.join(', ')}: ${figure(months, 0)} tenant-months (TM), ${material} material anomalies; one configuration`,
  );
  print('for all tenants; [95 % intervals] by drawing tenants; found = emitted while the anomaly lasted.');
  print();
  printComparison(played);
  print();
  const [first = 1] = seeds;
  const plain = plainTenants(first, { newcomers: NEWCOMERS });
  const gates = [
    ...countGates(found, within(found)),
    nabGate(),
    latencyGate(plain, first),
    costGate(),
    restartGate(played.slice(0, 60).map(({ tenant }) => tenant)),
  ];
  printTokens(plain, first);
  print();
  printGates(gates);
  print('Gates 9, 10, 13 and 14 are about blame and throttling: `npm run bench -- blame`.');
}

export const detect: Bench = {
  name: 'detect',
  summary: 'anomaly detection on real traces with injected events, beside simple rules (--seeds 1,2)',
  run,
};
