import { loadavg } from 'node:os';
import { type NoiseOutcome, NoiseWorld, percentile } from '../support/flow-noise.ts';
import { endEverything } from '../support/flow-tenantry.ts';
import type { Bench } from './bench.ts';
import { print, printTable } from './measure.ts';

const RUNS = 50;
/** What is asked of the whole chain. */
const GOAL_MS = 10_000;
const BACK_WITHIN = 1.2;

function runsOf(options: readonly string[]): number {
  const [, text] = /^--runs=(\d+)$/.exec(options[0] ?? '') ?? [];
  if (options.length > 0 && (text === undefined || options.length > 1)) {
    throw new Error(`The only option is --runs=<n>; default ${RUNS}, about 35 s each.`);
  }
  return text === undefined ? RUNS : Number(text);
}

function row(name: string, values: readonly number[], unit: number, digits: number): string[] {
  return [name, ...[0.5, 0.9, 0.99, 1].map((share) => (percentile(values, share) / unit).toFixed(digits))];
}

function printOutcomes(outcomes: readonly NoiseOutcome[]): void {
  const back = outcomes.map(({ victims }) => victims.after / victims.before);
  printTable([
    ['s since the noise began', 'P50', 'P90', 'P99', 'highest'],
    row(
      'decided',
      outcomes.map(({ decidedMs }) => decidedMs),
      1_000,
      2,
    ),
    row(
      'obeyed by the app',
      outcomes.map(({ obeyedMs }) => obeyedMs),
      1_000,
      2,
    ),
    row(
      'first refusal',
      outcomes.map(({ refusedMs }) => refusedMs),
      1_000,
      2,
    ),
  ]);
  print();
  printTable([
    ["victims' P95 against before", 'P50', 'P90', 'P99', 'highest'],
    row(
      'until the refusal',
      outcomes.map(({ victims }) => victims.during / victims.before),
      1,
      2,
    ),
    row('once the queue was gone', back, 1, 2),
  ]);
  print();
  const within = back.filter((ratio) => ratio <= BACK_WITHIN).length;
  print(`victims' P95 is back within 20 % of before in ${within} of ${outcomes.length} runs`);
  const late = outcomes.filter(({ releasedBeforeExpiryMs }) => releasedBeforeExpiryMs < 0);
  print(`refused after the expiry of the throttle: ${late.length} of ${outcomes.length} runs`);
  const p99 = percentile(
    outcomes.map(({ refusedMs }) => refusedMs),
    0.99,
  );
  print(`goal: P99 of the first refusal below ${GOAL_MS / 1_000} s: ${p99 < GOAL_MS ? 'met' : 'MISSED'}`);
}

export const noisyToRefusal: Bench = {
  name: 'noisy-to-refusal',
  summary: 'from the first request too many of a noisy tenant to its first 429, and back, in real time',
  run: async (options) => {
    const runs = runsOf(options);
    const outcomes: NoiseOutcome[] = [];
    try {
      while (outcomes.length < runs) {
        const world = await NoiseWorld.start();
        for (let index = 0; index < NoiseWorld.mostRuns && outcomes.length < runs; index += 1) {
          const outcome = await world.run(index);
          outcomes.push(outcome);
          const { refusedMs, victims } = outcome;
          const p95 = [victims.before, victims.during, victims.after].map((ms) => ms.toFixed(0)).join(' / ');
          const load = loadavg()[0]?.toFixed(1);
          print(
            `run ${outcomes.length}: first 429 after ${(refusedMs / 1_000).toFixed(2)} s; victims' P95 ${p95} ms; load ${load}`,
          );
        }
        await world.end();
        await endEverything();
      }
      print();
      print(
        `${runs} runs; every chain (finding, decision, revision, acknowledgement, end) was read through the API and held`,
      );
      printOutcomes(outcomes);
    } finally {
      await endEverything();
    }
  },
};
