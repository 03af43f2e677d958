import { Command, InvalidArgumentError } from 'commander';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { AuditedStatement, QueryAuditReport } from '../../domain/query-audit.ts';
import { lookAt, targetOf } from '../query-audit.ts';
import { print, printProgress, printTable } from '../terminal.ts';

const SHOWN_CHARACTERS = 100;

interface Options {
  readonly url?: string;
  readonly tenantColumn?: readonly string[];
  readonly limit: number;
  readonly all?: boolean;
}

function shown({ verdict, calls, totalMs, rows, user, tables, query }: AuditedStatement): string[] {
  const names = [...new Set(tables.filter((table) => table.verdict === verdict).map(({ table }) => table))];
  const text = query.length > SHOWN_CHARACTERS ? `${query.slice(0, SHOWN_CHARACTERS - 1)}…` : query;
  return [verdict ?? '-', String(calls), totalMs.toFixed(0), String(rows), user, names.join(', ') || '-', text];
}

function show(target: string, report: QueryAuditReport, { limit, all }: Options): void {
  const { summary, tables, findings, top, hidden, from } = report;
  const since = from === null ? 'its counters began' : new Date(from).toISOString();
  print(`${target}: ${tables.length} tables with a tenant column; statements since ${since}:`);
  print(
    `  ${summary.unfiltered} unfiltered, ${summary.unknown} unknown, ${summary.row_security} by row security alone, ${summary.filtered} filtered, ${summary.none} on other tables`,
  );
  if (hidden > 0) print(`  ${hidden} statements of other users are not shown: grant pg_read_all_stats to the login.`);
  const statements = (all === true ? top.time : findings).slice(0, limit);
  if (statements.length === 0) return;
  printTable([['VERDICT', 'CALLS', 'MS', 'ROWS', 'USER', 'TABLES', 'STATEMENT'], ...statements.map(shown)]);
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1 to 9999.');
  return Number(text);
}

function urlsOf({ url }: Options, configured: readonly string[]): readonly string[] {
  if (url !== undefined && !(URL.canParse(url) && /^postgres(?:ql)?:$/.test(new URL(url).protocol))) {
    throw new TenantryError('BAD_REQUEST', '--url is not the address of a PostgreSQL database', {
      hint: 'It looks like postgres://login:password@host:5432/database.',
    });
  }
  const urls = url === undefined ? configured : [url];
  if (urls.length > 0) return urls;
  throw new TenantryError('BAD_REQUEST', 'No database was named', {
    hint: 'Give --url postgres://login:password@host:5432/database, or set TENANTRY_QUERY_AUDIT_URL.',
  });
}

export function queryAuditCommand(): Command {
  return new Command('query-audit')
    .description(
      "list statements of your own PostgreSQL that touch tenants' tables without a tenant filter; exits with 1 if there are any",
    )
    .option('--url <url>', 'the database; default: those of TENANTRY_QUERY_AUDIT_URL')
    .option('--tenant-column <name...>', 'names of columns that hold the tenant; default: TENANTRY_TENANT_COLUMNS')
    .option('--limit <n>', 'statements shown', positive, 50)
    .option('--all', 'show the statements that took most time, whatever they touch')
    .action(async (options: Options) => {
      const config = loadConfig();
      for (const url of urlsOf(options, config.TENANTRY_QUERY_AUDIT_URL)) {
        printProgress(`asking ${targetOf(url)}`);
        const tenantColumns = options.tenantColumn ?? config.TENANTRY_TENANT_COLUMNS;
        const { report } = await lookAt({ url, tenantColumns }, undefined);
        show(targetOf(url), report, options);
        if (report.summary.unfiltered > 0) process.exitCode = 1;
      }
    });
}
