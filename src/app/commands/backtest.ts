import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { destination, pino } from 'pino';
import { StoredMinutes } from '../../aggregate/stored-minutes.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { scoreLabels } from '../../detect/label-score.ts';
import { RULE_SETS, RULE_VERSIONS, type RuleSetName } from '../../detect/rule-sets.ts';
import type { StaffActor } from '../../domain/actor.ts';
import type { BacktestResult } from '../../domain/backtest.ts';
import { TenantryError } from '../../domain/errors.ts';
import { DAY_MS } from '../../domain/window.ts';
import type { ClickHouse } from '../../store/clickhouse/clickhouse.ts';
import { BacktestStore } from '../../store/postgres/control-backtests.ts';
import { readLabels, scoreLines } from '../backtest-labels.ts';
import { backtestPool } from '../backtest-pool.ts';
import type { BadLine } from '../backtest-rows.ts';
import { type BacktestEvent, backtestSeries } from '../backtest-series.ts';
import { backtestStored } from '../backtest-stored.ts';
import { replayStored } from '../control-backtest-runner.ts';
import { ruleHash as ruleHashOf } from '../control-rules.ts';
import { policyParamsOf } from '../policy-settings.ts';
import { openClickHouse, openStores } from '../stores.ts';
import { print, printTable } from '../terminal.ts';

interface Options {
  readonly input?: string;
  readonly events?: string;
  readonly labels?: string;
  readonly pool?: string;
  readonly blame?: string;
  readonly rules: RuleSetName;
  readonly from?: number;
  readonly to?: number;
  readonly tenant?: string;
  readonly record?: boolean;
}

/** Whoever reads the terminal has seen enough after so many. */
const BAD_LINES_SHOWN = 20;
const FINDINGS_SHOWN = 50;
const RECORDER: StaffActor = { kind: 'system', subject: 'command line' };
const WINDOW_MS = 7 * DAY_MS;
const HISTORY_MS = 8 * DAY_MS;

const time = (text: string) => {
  const unixMs = Date.parse(text);
  if (Number.isNaN(unixMs)) throw new InvalidArgumentError('Give a time as in 2026-11-02T10:00:00Z.');
  return unixMs;
};

export function backtestCommand(): Command {
  return new Command('backtest')
    .description('replay what was measured through the detectors, and say what they would have found')
    .option('--input <file>', 'CSV of ts_unix,tenant_id,metric,value, one row a minute, sorted by time')
    .option('--events <file>', 'where findings go, one JSON object a line')
    .option('--labels <file>', 'what is known to have happened, lines like those of an events file; prints a score')
    .addOption(new Option('--rules <set>', 'which rules').choices(RULE_SETS).default('tenantry'))
    .option('--pool <file>', 'CSV of ts_unix,resource,tenant_id,requests,cpu_ms,db_ms,p95_ms: who hurt whom')
    .option('--blame <file>', 'with --pool: where verdicts go, one JSON object a line')
    .option('--from <time>', 'without --input: beginning of the stored minutes; default: 7 days before the end', time)
    .option('--to <time>', 'without --input: their end; default: now', time)
    .option('--tenant <id>', 'without --input: only this tenant')
    .option('--record', 'without --input: replay the policy too, and keep the result as proof for a promotion')
    .addHelpText(
      'after',
      '\nWithout --input the stored minutes are replayed; on embedded stores the server must not be running.',
    )
    .action(async (options: Options) => {
      if (options.pool !== undefined || options.blame !== undefined) await runPool(options);
      else if (options.record === true) await runRecorded(options);
      else if (options.input === undefined) await runStored(options);
      else await runSeries(options.input, options);
    });
}

/** Says what is wrong with the first bad lines of a file; `end` counts the others and fails. */
function badLineTeller(input: string): { onBadLine: (bad: BadLine) => void; end: (badLines: number) => void } {
  let told = 0;
  return {
    onBadLine: ({ line, problem }) => {
      told += 1;
      if (told <= BAD_LINES_SHOWN) process.stderr.write(`${input} line ${line}: ${problem}\n`);
    },
    end: (badLines) => {
      if (told > BAD_LINES_SHOWN) process.stderr.write(`… and ${told - BAD_LINES_SHOWN} more.\n`);
      if (badLines === 0) return;
      throw new TenantryError('BAD_REQUEST', `${badLines} lines could not be used; the others were.`, {
        hint: 'Mend the lines named above, or leave them out.',
      });
    },
  };
}

async function runPool({ pool, blame, input }: Options): Promise<void> {
  if (pool === undefined || blame === undefined || input !== undefined) {
    throw new TenantryError('BAD_REQUEST', 'A replay of pools needs --pool and --blame, and no --input.', {
      hint: 'tenantry backtest --pool pool.csv --blame blame.jsonl',
    });
  }
  const teller = badLineTeller(pool);
  const { rows, badLines, verdicts } = await backtestPool({
    input: pool,
    output: blame,
    onBadLine: teller.onBadLine,
  });
  const { culprit, global_slowdown: slowdowns, unclear } = verdicts;
  print(`${rows} rows: tenants were hurt in ${culprit + slowdowns + unclear} minutes.`);
  print(`A culprit is named in ${culprit}, nobody in particular in ${slowdowns}, ${unclear} are unclear.`);
  teller.end(badLines);
}

async function runSeries(input: string, { events, rules, labels }: Options): Promise<void> {
  const teller = badLineTeller(input);
  // Read first: hours of work must not end at a label that is none.
  const known = labels === undefined ? undefined : await readLabels(labels);
  const found: BacktestEvent[] = [];
  const startedAt = Date.now();
  const report = await backtestSeries({
    input,
    events,
    rules,
    onBadLine: teller.onBadLine,
    ...(known === undefined ? {} : { onEvent: (event) => found.push(event) }),
  });
  const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
  const { rows, tenants, findings, tenantMinutes, badLines, skippedRows } = report;
  print(`${rows} rows of ${tenants} tenants in ${seconds} s: ${findings} findings (rules: ${rules}).`);
  if (known !== undefined) for (const line of scoreLines(scoreLabels(found, known, tenantMinutes))) print(line);
  if (skippedRows > 0) print(`${skippedRows} rows were late or there already, and do not count.`);
  teller.end(badLines);
}

/** Whom the rule and the policy as they are configured would have throttled, kept with the hash of what was replayed. */
async function runRecorded({ input, labels, rules, from, to = Date.now(), tenant }: Options): Promise<void> {
  if (input !== undefined || tenant !== undefined) {
    throw new TenantryError('BAD_REQUEST', 'A proof is about every tenant and about what is stored.', {
      hint: 'Leave --input and --tenant out.',
    });
  }
  const known = labels === undefined ? null : await readLabels(labels);
  const config = loadConfig();
  const log = pino({ level: config.TENANTRY_LOG_LEVEL }, destination(2));
  const stores = await openStores(config, log);
  try {
    const params = policyParamsOf(config);
    const rule = RULE_VERSIONS[rules];
    const question = { from: from ?? to - WINDOW_MS, to, draft: {}, labels: known };
    const result = await replayStored(stores.clickhouse, { rule, params, question, onProgress: async () => true });
    const ruleHash = ruleHashOf(rule, params);
    const { id } = await new BacktestStore(stores.postgres).record(RECORDER, { rule, ruleHash, question, result });
    for (const line of resultLines(result)) print(line);
    print(`Kept as backtest ${id} of ${rule}.`);
  } finally {
    await stores.close();
  }
}

function resultLines({
  minutes,
  tenants,
  findings,
  throttles,
  heldBack,
  examples,
  ...score
}: BacktestResult): string[] {
  const { precision, recall, falsePerThousandTenantDays: falseOnes } = score;
  const share = (value: number | null) => (value === null ? 'not known' : `${(100 * value).toFixed(1)} %`);
  return [
    `${minutes} minutes of ${tenants} tenants: ${findings} findings would have led to ${throttles} throttles.`,
    ...Object.entries(heldBack).map(([guard, count]) => `  held back by ${guard}: ${count}`),
    ...examples.map(({ at, reason }) => `  ${new Date(at).toISOString()} ${reason}`),
    `precision ${share(precision)}, recall ${share(recall)}, ` +
      `${falseOnes === null ? 'not known' : falseOnes.toFixed(2)} false throttles in 1,000 tenant-days`,
  ];
}

async function runStored({ events, labels, rules, from, to = Date.now(), tenant }: Options): Promise<void> {
  const known = labels === undefined ? undefined : await readLabels(labels);
  const clickhouse = await openServed(loadConfig());
  const stored = new StoredMinutes(clickhouse);
  try {
    const report = await backtestStored({
      window: { from: from ?? to - WINDOW_MS, to },
      historyMs: HISTORY_MS,
      rules,
      tenantId: tenant,
      minutes: (window) => stored.read(window),
    });
    showFindings(report.events);
    print(
      `${report.minutes} minutes of ${report.tenants} tenants: ${report.events.length} findings (rules: ${rules}).`,
    );
    if (known !== undefined)
      for (const line of scoreLines(scoreLabels(report.events, known, report.tenantMinutes))) print(line);
    if (events !== undefined)
      await writeFile(events, report.events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  } finally {
    await clickhouse.close();
  }
}

/** The store that a server has filled. @throws TenantryError NOT_FOUND where none ever ran; nothing is made there then */
async function openServed(config: Config): Promise<ClickHouse> {
  const { CLICKHOUSE_URL: url, TENANTRY_DATA_DIR: dataDir } = config;
  const nothing = (where: string) =>
    new TenantryError('NOT_FOUND', `There are no stored minutes in ${where}: no server has run on it yet.`, {
      hint: 'Give this command the settings of the server (TENANTRY_DATA_DIR, CLICKHOUSE_URL), or a file with --input.',
    });
  if (url === undefined && !existsSync(join(dataDir, 'clickhouse'))) throw nothing(dataDir);
  const clickhouse = await openClickHouse(config);
  try {
    const tables = await clickhouse.inspect(`SELECT name FROM system.tables WHERE name = 'requests_by_minute'`);
    if (tables.length === 0) throw nothing(url === undefined ? dataDir : 'the ClickHouse server');
    return clickhouse;
  } catch (error) {
    await clickhouse.close();
    throw error;
  }
}

function showFindings(events: readonly BacktestEvent[]): void {
  if (events.length === 0) return;
  const utc = (seconds: number) => new Date(seconds * 1_000).toISOString().slice(0, 16).replace('T', ' ');
  const rows = events
    .slice(0, FINDINGS_SHOWN)
    .map((event) => [
      utc(event.detected_at),
      `${Math.round((event.ended_at - event.detected_at) / 60)} min`,
      event.reason,
    ]);
  printTable([['FOUND AT (UTC)', 'FOR', 'WHY'], ...rows]);
  if (events.length > FINDINGS_SHOWN) print(`… and ${events.length - FINDINGS_SHOWN} more; --events writes them all.`);
}
