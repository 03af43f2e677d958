import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import type {
  AllocationChange,
  AllocationRuleSet,
  BillDetail,
  BillImportReport,
  BillItem,
  BillList,
} from '../../api/bills-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { FOCUS_VERSIONS, type FocusVersion } from '../../cost/focus-columns.ts';
import { BillRefused } from '../../domain/bill-refused.ts';
import { formatMicro } from '../../domain/cost-amount.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer, fetchFromServer } from '../api-client.ts';
import { checkFocusFile } from '../bill-file.ts';
import { print, printTable } from '../terminal.ts';

const IMPORT_TIMEOUT_MS = 10 * 60_000;
const PROGRESS_EVERY_MS = 2_000;
/** Whoever reads the terminal has seen enough after so many. */
const LINES_SHOWN = 20;
const TENANTS_SHOWN = 20;

const money = (micro: number, currency = '') => `${formatMicro(BigInt(micro))} ${currency}`.trim();

interface ImportFlags {
  measure: string;
  encoding: string;
  into: string;
  rate: readonly string[];
  issuer?: string;
  account?: string;
  invoice?: string;
  split?: true;
  allowIdentical?: true;
  replace?: true;
  dryRun?: true;
}

function queryOf(path: string, flags: ImportFlags): URLSearchParams {
  const { measure, encoding, into, rate, issuer, account, invoice, split, allowIdentical, replace, dryRun } = flags;
  const asked = { issuer, account, invoice, rates: rate.length === 0 ? undefined : rate.join(',') };
  const switches = { split, allow_identical: allowIdentical, replace, dry_run: dryRun };
  return new URLSearchParams([
    ...Object.entries({ file_name: basename(path), measure, encoding, into }),
    ...Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ...Object.entries(switches).flatMap(([name, on]): [string, string][] => (on === true ? [[name, 'true']] : [])),
  ]);
}

/** Tells how far the import is while the server works; the answer comes at its end. */
function tellProgress(): () => void {
  const timer = setInterval(() => {
    askServer<BillList>(loadConfig(), 'GET', '/v1/bills?limit=5').then(
      ({ items }) => {
        const lines = items.filter(({ state }) => state === 'importing').reduce((sum, item) => sum + item.lines, 0);
        if (lines > 0) process.stderr.write(`${lines} lines read\n`);
      },
      () => undefined,
    );
  }, PROGRESS_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function importBill(path: string, flags: ImportFlags): Promise<void> {
  const body = await openAsBlob(path).catch((cause: unknown) => {
    throw new TenantryError('BAD_REQUEST', `${path} cannot be read.`, { cause });
  });
  const stopTelling = tellProgress();
  try {
    const response = await fetchFromServer(loadConfig(), 'POST', `/v1/bills?${queryOf(path, flags)}`, {
      ...{ body, contentType: 'application/octet-stream', timeoutMs: IMPORT_TIMEOUT_MS },
    });
    const report = (await response.json()) as BillImportReport;
    for (const bill of report.bills) {
      print(`Bill ${bill.id}: ${bill.lines} lines, ${money(bill.bill_micro, bill.currency)}.`);
      if (bill.replaced.length > 0) print(`It takes the place of ${bill.replaced.join(', ')}.`);
      if (bill.correction) print('Charges of closed months count in the first open one.');
      showAllocation(bill, bill.currency);
    }
    if (report.dry_run) print('Nothing was kept: this was a dry run.');
  } catch (error) {
    if (error instanceof BillRefused) showProblems(path, error);
    throw error;
  } finally {
    stopTelling();
  }
}

function showProblems(path: string, { problems, total }: BillRefused): void {
  for (const { line, problem } of problems.slice(0, LINES_SHOWN))
    process.stderr.write(`${path} line ${line}: ${problem}\n`);
  if (total > LINES_SHOWN) process.stderr.write(`… and ${total - LINES_SHOWN} more.\n`);
}

function showAllocation(sums: BillDetail['allocation'], currency: string): void {
  const dearest = sums.tenants.toSorted((a, b) => b.cost_micro - a.cost_micro);
  const shown = dearest.slice(0, TENANTS_SHOWN);
  const rest = dearest.slice(TENANTS_SHOWN).reduce((sum, { cost_micro: micro }) => sum + micro, 0);
  printTable([
    ['WHOSE', `COST ${currency}`],
    ...shown.map(({ tenant_id: tenant, cost_micro: micro }) => [tenant, money(micro)]),
    ...(dearest.length > TENANTS_SHOWN ? [[`(${dearest.length - TENANTS_SHOWN} more tenants)`, money(rest)]] : []),
    ['(shared)', money(sums.shared_micro)],
    ['(idle)', money(sums.idle_micro)],
    ['(unallocated)', money(sums.unallocated_micro)],
    ['(residual)', money(sums.residual_micro)],
    ['(bill)', money(sums.bill_micro)],
  ]);
  for (const { reason, cost_micro: micro, lines } of sums.unallocated) {
    print(`Unallocated: ${money(micro, currency)} of ${lines} lines: ${reason}.`);
  }
}

function showChange({ rules_version: version, differences, after }: AllocationChange, currency: string): void {
  print(version === 0 ? 'By the rules of the file:' : `By version ${version} of the rules:`);
  showAllocation(after, currency);
  if (differences.length === 0) print('Nobody’s costs change.');
  else {
    printTable([
      ['TENANT', 'BEFORE', 'AFTER', 'CHANGE'],
      ...differences
        .slice(0, TENANTS_SHOWN)
        .map(({ tenant_id: tenant, before_micro: before, after_micro: now }) => [
          ...[tenant, money(before), money(now), money(now - before)],
        ]),
    ]);
  }
}

async function readRules(path: string): Promise<{ rules: unknown }> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'));
    return Array.isArray(parsed) ? { rules: parsed } : (parsed as { rules: unknown });
  } catch (cause) {
    throw new TenantryError('BAD_REQUEST', `${path} cannot be read as JSON.`, {
      hint: '[{"id": "rest", "part": null, "match": {}, "method": {"kind": "even", "plans": null}}]',
      cause,
    });
  }
}

async function rules(file: string | undefined, flags: { preview?: string; comment?: string }): Promise<void> {
  const config = loadConfig();
  if (file === undefined) {
    print(JSON.stringify(await askServer<AllocationRuleSet>(config, 'GET', '/v1/allocation-rules'), null, 2));
    return;
  }
  const { rules: given } = await readRules(file);
  if (flags.preview !== undefined) {
    const body = JSON.stringify({ bill_id: flags.preview, rules: given });
    const sending = { body, contentType: 'application/json', timeoutMs: IMPORT_TIMEOUT_MS };
    const response = await fetchFromServer(config, 'POST', '/v1/allocation-rules/preview', sending);
    showChange((await response.json()) as AllocationChange, '');
    return;
  }
  const { version } = await askServer<AllocationRuleSet>(config, 'GET', '/v1/allocation-rules');
  const body = { based_on: version, rules: given, comment: flags.comment ?? null };
  const made = await askServer<AllocationRuleSet>(config, 'PUT', '/v1/allocation-rules', body);
  print(`The rules are at version ${made.version}. Bills keep their shares until \`tenantry bill allocate\`.`);
}

async function validate(path: string, { focusVersion }: { focusVersion: FocusVersion }): Promise<void> {
  const { columns, problems, totalProblems, rows } = await checkFocusFile(path, focusVersion);
  for (const problem of columns) print(`${path}: ${problem}`);
  for (const { line, problem } of problems.slice(0, LINES_SHOWN)) print(`${path} line ${line}: ${problem}`);
  if (problems.length > LINES_SHOWN) print(`… and ${totalProblems - columns.length - LINES_SHOWN} more.`);
  print(totalProblems === 0 ? `${rows} rows, FOCUS ${focusVersion}.` : `${totalProblems} faults in ${rows} rows.`);
  if (totalProblems > 0) process.exitCode = 1;
}

const pathOf = (id: string) => `/v1/bills/${encodeURIComponent(id)}`;
const row = (bill: BillItem) => [
  ...[bill.id, bill.state, bill.from.slice(0, 10), bill.to.slice(0, 10), money(bill.bill_micro, bill.currency)],
  ...[String(bill.lines), bill.file_name],
];

export function billCommand(): Command {
  const command = new Command('bill').description('import bills, and share them out over tenants by rules');
  command
    .command('import <file>')
    .description(
      'FOCUS 1.0 to 1.4, AWS cost and usage reports or simple CSV; also Parquet and gzip. All of it or nothing',
    )
    .addOption(new Option('--measure <which>', 'what counts').choices(['billed', 'effective']).default('billed'))
    .option('--encoding <name>', 'auto, utf-8, utf-16le, utf-16be or latin1', 'auto')
    .option(
      '--rate <CUR=rate>',
      'what one of a currency is in --into; repeatable',
      (one, all: string[]) => [...all, one],
      [],
    )
    .option('--into <currency>', 'currency of a bill with rates', 'USD')
    .option('--issuer <name>', 'for files that do not say who bills')
    .option('--account <id>', 'for files that do not say whose bill it is')
    .option('--invoice <id>', 'for lines without one; tells two bills of one period apart')
    .option('--split', 'one bill for each currency')
    .option('--allow-identical', 'lines that are alike in every cell are wanted')
    .option('--replace', 'take the place of the bills with the same charges')
    .option('--dry-run', 'read, check and share out, and keep nothing')
    .action(importBill);
  command
    .command('list')
    .description('bills and imports that are under way')
    .option('--ended', 'also those that were replaced or removed')
    .action(async ({ ended }: { ended?: true }) => {
      const { items } = await askServer<BillList>(loadConfig(), 'GET', `/v1/bills?ended=${ended === true}&limit=500`);
      if (items.length === 0) print('There is no bill.');
      else printTable([['BILL', 'STATE', 'FROM', 'TO', 'AMOUNT', 'LINES', 'FILE'], ...items.map(row)]);
    });
  command
    .command('show <bill>')
    .description('what a bill comes to for whom, and whether that adds up')
    .action(async (id: string) => {
      const bill = await askServer<BillDetail>(loadConfig(), 'GET', pathOf(id));
      printTable([row(bill)]);
      showAllocation(bill.allocation, bill.currency);
      if (bill.allocation.residual_micro !== 0) process.exitCode = 1;
    });
  command
    .command('allocate <bill>')
    .description('share a bill out anew by the newest rules and usage')
    .option('--dry-run', 'say what it would change, and keep nothing')
    .action(async (id: string, { dryRun }: { dryRun?: true }) => {
      const path = `${pathOf(id)}/allocate?dry_run=${dryRun === true}`;
      const response = await fetchFromServer(loadConfig(), 'POST', path, { timeoutMs: IMPORT_TIMEOUT_MS });
      showChange((await response.json()) as AllocationChange, '');
    });
  command
    .command('rules [file]')
    .description('print the rules, or put those of a JSON file (- for standard input) in their place')
    .option('--preview <bill>', 'only say what they would make of a bill')
    .option('--comment <text>', 'why; people read it')
    .action(rules);
  command
    .command('remove <bill>')
    .description('take a bill out of all answers; it stays listed')
    .action(async (id: string) => {
      await askServer(loadConfig(), 'DELETE', pathOf(id));
      print(`Bill ${id} counts no more.`);
    });
  command
    .command('validate <file>')
    .description('check a file against FOCUS: columns, types, nulls, values, times, periods, currencies')
    .addOption(new Option('--focus-version <version>', 'which').choices(FOCUS_VERSIONS).default('1.2'))
    .action(validate);
  return command;
}
