import { Command, Option } from 'commander';
import { RULE_SETS, type RuleSetName } from '../../detect/rule-sets.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { BadLine } from '../backtest-rows.ts';
import { backtestSeries } from '../backtest-series.ts';
import { print } from '../terminal.ts';

interface Options {
  readonly input?: string;
  readonly events?: string;
  readonly rules: RuleSetName;
}

/** Whoever reads the terminal has seen enough after so many. */
const BAD_LINES_SHOWN = 20;

export function backtestCommand(): Command {
  return new Command('backtest')
    .description('replay what was measured through the detectors, and say what they would have found')
    .option('--input <file>', 'CSV of ts_unix,tenant_id,metric,value, one row a minute, sorted by time')
    .option('--events <file>', 'where findings go, one JSON object a line')
    .addOption(new Option('--rules <set>', 'which rules').choices(RULE_SETS).default('tenantry'))
    .action(async (options: Options) => {
      if (options.input !== undefined) return runSeries(options.input, options);
      throw new TenantryError('BAD_REQUEST', 'There is nothing to replay.', { hint: 'Give --input <file>.' });
    });
}

async function runSeries(input: string, { events, rules }: Options): Promise<void> {
  let shown = 0;
  const onBadLine = ({ line, problem }: BadLine) => {
    shown += 1;
    if (shown <= BAD_LINES_SHOWN) process.stderr.write(`${input} line ${line}: ${problem}\n`);
  };
  const startedAt = Date.now();
  const report = await backtestSeries({ input, events, rules, onBadLine });
  const seconds = (Date.now() - startedAt) / 1_000;
  print(
    `${report.rows} rows of ${report.tenants} tenants in ${seconds.toFixed(1)} s: ${report.findings} findings (rules: ${rules}).`,
  );
  if (report.badLines === 0) return;
  if (report.badLines > BAD_LINES_SHOWN) process.stderr.write(`… and ${report.badLines - BAD_LINES_SHOWN} more.\n`);
  throw new TenantryError('BAD_REQUEST', `${report.badLines} lines could not be used; the others were.`, {
    hint: 'Mend the lines named above, or leave them out.',
  });
}
