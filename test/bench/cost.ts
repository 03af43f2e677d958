import { performance } from 'node:perf_hooks';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { Window } from '../../src/domain/window.ts';
import type { Bench } from './bench.ts';
import { buildCostWorld, type CostWorld, importBill } from './cost-world.ts';
import { median, p95, print, printTable } from './measure.ts';
import { benchTenant, tenantsOption } from './tenants.ts';

const ROUNDS = 30;
const RAW_ROUNDS = 5;
const AI_SUMS = 'TenantId, Provider, Model, sum(Calls) AS n, sum(InputTokens) AS input, sum(OutputTokens) AS output';

/** Wall-clock milliseconds of each round; the first is not counted. */
async function times(rounds: number, work: (round: number) => Promise<unknown>): Promise<readonly number[]> {
  const all: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const startedAt = performance.now();
    await work(Math.max(0, round));
    if (round >= 0) all.push(performance.now() - startedAt);
  }
  return all;
}

const row = (name: string, all: readonly number[], goal = '') => [
  ...[name, median(all).toFixed(1), p95(all).toFixed(1), goal],
];

async function askForCosts({ tenants, billing, months, ai, usage }: CostWorld): Promise<void> {
  const someTenant = (round: number) => benchTenant((round * 7_919) % tenants) as TenantId;
  const month = (round: number): Window => months[round % months.length] ?? { from: 0, to: 0 };
  const { costs } = billing;
  const whole = await costs.costs({ window: month(0) });
  print(`a month's costs: ${whole.items.length} tenants, residual ${String(whole.residualMicro)} micro-units`);
  const year = { from: month(0).from, to: months.at(-1)?.to ?? 0 };
  const one = (round: number) => ({ window: month(round), tenants: [someTenant(round)] });
  printTable([
    ['question', 'median ms', 'P95 ms', 'goal P95'],
    row(
      'costs of all tenants, one month',
      await times(ROUNDS, (round) => costs.costs({ window: month(round) })),
      '300',
    ),
    row('  of it bills alone', await times(ROUNDS, (i) => costs.costs({ window: month(i), estimates: false }))),
    row('  of it AI by the price book', await times(ROUNDS, (round) => ai.byTenant(month(round)))),
    row('costs of one tenant, one month', await times(ROUNDS, (round) => costs.costs(one(round))), '50'),
    row(
      'one tenant unfolded to lines and rules',
      await times(ROUNDS, (round) =>
        costs.explain({
          ...{ tenantId: someTenant(round), window: month(round), part: 'databases', currency: 'USD' },
          ...{ limit: 50, offset: 0, lines: 5 },
        }),
      ),
      '50',
    ),
    row('costs of all tenants, 13 months', await times(RAW_ROUNDS, () => costs.costs({ window: year }))),
    row(
      'usage of all tenants, one month, 4 metrics',
      await times(ROUNDS, (round) =>
        usage.totals({ window: month(round), metrics: ['requests', 'busy_ns', 'db_ns', 'response_bytes'] }),
      ),
    ),
    row(
      'usage of one tenant by day, one month',
      await times(ROUNDS, (round) =>
        usage.series({ ...one(round), metrics: ['requests', 'busy_ns', 'db_ns', 'response_bytes'], step: 'day' }),
      ),
      '50',
    ),
  ]);
  print();
}

/** The same sums from rollups and from the spans that they were made of. */
async function compareWithSpans({ clickhouse, months }: CostWorld): Promise<void> {
  const { from, to } = months.at(-1) ?? { from: 0, to: 0 };
  const between = (column: string) =>
    `${column} >= toDateTime(${from / 1_000}, 'UTC') AND ${column} < toDateTime(${to / 1_000}, 'UTC')`;
  const rollup = `SELECT ${AI_SUMS} FROM tenantry.ai_usage_by_day WHERE ${between('Time')} GROUP BY TenantId, Provider, Model`;
  const raw = `SELECT TenantId, AiProvider AS Provider, AiModel AS Model, count() AS n, sum(AiInputTokens) AS input, sum(AiOutputTokens) AS output
               FROM tenantry.spans WHERE AiOperation != '' AND ${between('Timestamp')} GROUP BY TenantId, Provider, Model`;
  const digest = async (sql: string) =>
    JSON.stringify(
      await clickhouse.inspect(
        `SELECT count() AS rows, sum(n) AS calls, groupBitXor(cityHash64(TenantId, Provider, Model, n, input, output)) AS digest FROM (${sql})`,
      ),
    );
  const [fromRollups, fromSpans] = [await digest(rollup), await digest(raw)];
  if (fromRollups !== fromSpans) throw new Error(`rollups and spans disagree: ${fromRollups} and ${fromSpans}`);
  const timesOf = (sql: string) => times(RAW_ROUNDS, () => digest(sql));
  const [quick, slow] = [await timesOf(rollup), await timesOf(raw)];
  print(`AI usage of a month by tenant and model: the same rows from both, ${fromSpans}`);
  printTable([
    ['from', 'median ms', 'P95 ms'],
    row('day rollups', quick).slice(0, 3),
    row('raw spans', slow).slice(0, 3),
  ]);
  print(
    `raw / rollups: ${(median(slow) / median(quick)).toFixed(1)} with 200 calls a tenant; it grows with their number`,
  );
}

export const cost: Bench = {
  name: 'cost',
  summary:
    'costs of 10,000 tenants over 13 months of rollups and bills: all of a month, one drilled down, beside raw spans',
  run: async (options) => {
    const tenants = tenantsOption(options);
    print(`making 13 months of ${tenants} tenants; with 10,000 a few minutes`);
    const world = await buildCostWorld(tenants);
    try {
      const imports: number[] = [];
      for (const month of world.months) {
        const startedAt = performance.now();
        await importBill(world, month);
        imports.push(performance.now() - startedAt);
      }
      print(`a bill of some 720 lines read, shared out and kept: median ${median(imports).toFixed(0)} ms`);
      await askForCosts(world);
      await compareWithSpans(world);
    } finally {
      await world.close();
    }
  },
};
