import { backtestPolicy } from '../../src/app/backtest-policy.ts';
import { POLICY_DEFAULTS, type PolicyParams } from '../../src/control/policy.ts';
import { RULE_VERSIONS } from '../../src/detect/rule-sets.ts';
import type { BacktestLabel, BacktestResult, WouldThrottle } from '../../src/domain/backtest.ts';
import type { Window } from '../../src/domain/window.ts';
import { type PoolSample, simulatedPoolMonth } from '../support/control-pools.ts';
import type { Bench } from './bench.ts';
import { print, printTable } from './measure.ts';

const POOLS = 28;
const DAYS = 30;
const TENANTS = 12;
const POOL = 'pool';

interface Total {
  tenantMonths: number;
  harmful: number;
  harmless: number;
  findings: number;
  right: number;
  wrong: number;
  /** On events that come near to harm. */
  near: number;
  hit: number;
  readonly delays: number[];
  readonly heldBack: Map<string, number>;
}

/** What of the way to a throttle is left out, to show what it is for. */
const VARIANTS: readonly (readonly [name: string, params: PolicyParams])[] = [
  ['as in production', POLICY_DEFAULTS],
  ['without impact and blame', { ...POLICY_DEFAULTS, needsImpact: false }],
];

async function replay(pool: PoolSample, params: PolicyParams): Promise<BacktestResult> {
  let part: { readonly window: Window; readonly minutes: ReturnType<PoolSample['minutes']> } | undefined;
  const of = (window: Window) => {
    if (part?.window.from !== window.from) part = { window, minutes: pool.minutes(window) };
    return part.minutes;
  };
  return backtestPolicy({
    ...{ window: pool.window, historyMs: pool.historyMs, rules: 'tenantry', rule: RULE_VERSIONS.tenantry, params },
    labels: pool.labels,
    minutes: async (window) => of(window).map(({ measured }) => measured),
    pools: async (window) =>
      new Map([[POOL, of(window).map(({ measured, uses }) => ({ at: measured.minute * 60_000, uses }))]]),
    onProgress: async () => true,
  });
}

function add(total: Total, pool: PoolSample, result: BacktestResult): void {
  const { throttles, findings, heldBack, examples } = result;
  if (examples.length < throttles) throw new Error('a pool had more throttles than are listed');
  const belongs = ({ tenantId, at }: WouldThrottle, { tenant_id, started_at, ended_at }: BacktestLabel) =>
    tenantId === tenant_id && at >= started_at * 1_000 && at <= (ended_at + 120) * 1_000;
  total.tenantMonths += (TENANTS * DAYS) / 30;
  total.harmful += pool.labels.length;
  total.harmless += pool.harmless;
  total.findings += findings;
  for (const one of examples) {
    if (pool.labels.some((label) => belongs(one, label))) total.right += 1;
    else if (pool.borderline.some((label) => belongs(one, label))) total.near += 1;
    else total.wrong += 1;
  }
  for (const [guard, count] of Object.entries(heldBack)) {
    total.heldBack.set(guard, (total.heldBack.get(guard) ?? 0) + count);
  }
  for (const label of pool.labels) {
    const first = examples.find((one) => belongs(one, label));
    if (first === undefined) continue;
    total.hit += 1;
    total.delays.push((first.at - label.started_at * 1_000) / 60_000);
  }
}

const share = (part: number, whole: number) => (whole === 0 ? '-' : (part / whole).toFixed(3));
const percentile = (values: readonly number[], rank: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * rank)]?.toFixed(1) ?? '-';

/** detection.md 4.3 and gates 9 and 10 of 6.2, on pools of this project's own; detector, blame and policy are production's. */
export const control: Bench = {
  name: 'control',
  summary:
    'whom the policy would throttle: simulated shared pools with harmful and harmless surges (--pools=n --seed=n)',
  async run(options) {
    const given = (name: string, fallback: number) =>
      Number(options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1] ?? fallback);
    const [pools, seed] = [given('pools', POOLS), given('seed', 1)];
    print(`${pools} pools of ${TENANTS} tenants, ${DAYS} days each after 8 of history; seeds from ${seed}.`);
    print(
      'A throttle is right while an event holds that takes the pool by itself to 0.9 of its capacity, where the others',
    );
    print(
      'are twice as slow, for 3 minutes; on events that come to 0.85, or for less long, it is neither right nor false.',
    );
    const rows: string[][] = [];
    for (const [name, params] of VARIANTS) {
      const total: Total = {
        ...{ tenantMonths: 0, harmful: 0, harmless: 0, findings: 0, right: 0, wrong: 0, near: 0, hit: 0 },
        ...{ delays: [], heldBack: new Map() },
      };
      // What is left out is seen in a quarter of the pools as well.
      const replayed = params === POLICY_DEFAULTS ? pools : Math.ceil(pools / 4);
      for (let index = 0; index < replayed; index += 1) {
        const pool = simulatedPoolMonth(seed + index, DAYS);
        add(total, pool, await replay(pool, params));
      }
      const { tenantMonths, harmful, harmless, findings, right, wrong, near, hit, delays, heldBack } = total;
      rows.push([
        ...[name, String(tenantMonths), `${harmful} / ${harmless}`, String(findings), `${right} / ${near} / ${wrong}`],
        ...[(wrong / tenantMonths).toFixed(4), share(right, right + wrong), share(hit, harmful)],
        `${percentile(delays, 0.5)} / ${percentile(delays, 0.9)}`,
      ]);
      if (params === POLICY_DEFAULTS) {
        const held = [...heldBack].toSorted((a, b) => b[1] - a[1]).map(([guard, count]) => `${guard} ${count}`);
        print(`Findings held back by: ${held.join(', ')}.`);
      }
    }
    print();
    printTable([
      [
        ...[
          'policy',
          'tenant-months',
          'harmful / harmless',
          'findings',
          'right / near / false',
          'false / tenant-month',
        ],
        ...['precision', 'recall of harmful', 'delay min p50 / p90'],
      ],
      ...rows,
      ['first class (gates 9, 10)', '>= 300', '', '', '', '<= 0.01', '>= 0.95', '>= 0.75', '3'],
    ]);
  },
};
