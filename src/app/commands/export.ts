import { Command, InvalidArgumentError, Option } from 'commander';
import { FOCUS_EXPORT_VERSIONS } from '../../api/bills-ports.ts';
import { REPORT_DATASETS, REPORT_FORMATS, REPORT_STEPS, type ReportDataset } from '../../domain/report.ts';
import { download } from '../download.ts';

const time = (text: string) => {
  const unixMs = Date.parse(text);
  if (Number.isNaN(unixMs)) throw new InvalidArgumentError('Give a time as in 2026-11-01 or 2026-11-01T00:00:00Z.');
  return new Date(unixMs).toISOString();
};

interface FocusFlags {
  from?: string;
  to?: string;
  out: string;
  focusVersion: string;
  currency?: string;
}

export function exportCommand(): Command {
  const command = new Command('export').description('write usage, quotas, costs, margins and statements to files');
  command
    .command('focus')
    .description('bills as they were shared out, in FOCUS; SubAccountId is the tenant')
    .option('--from <time>', 'beginning of the first day; default: of this month', time)
    .option('--to <time>', 'end of the last day; default: now', time)
    .requiredOption('--out <file>', 'ending in .csv or .parquet')
    .addOption(new Option('--focus-version <version>', 'which').choices(FOCUS_EXPORT_VERSIONS).default('1.3'))
    .option('--currency <code>', 'bills of this currency; default: that of most bills')
    .action(async ({ from, to, out, focusVersion, currency }: FocusFlags) => {
      const asked = {
        from,
        to,
        currency,
        focus_version: focusVersion,
        format: out.endsWith('.parquet') ? 'parquet' : 'csv',
      };
      const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
      await download(`/v1/export/focus?${new URLSearchParams(given)}`, out);
    });
  for (const dataset of REPORT_DATASETS) command.addCommand(reportCommand(dataset));
  return command.addCommand(statementCommand());
}

const DESCRIPTIONS: Readonly<Record<ReportDataset, string>> = {
  usage: 'what tenants used: requests, calls, bytes, tokens, storage',
  quotas: 'quotas of the period that holds the end of the time, and how much of them is used',
  'ai-costs': 'what AI calls cost by tenant and model',
  costs: 'what tenants cost by part, with the lines of nobody in particular',
  margins: 'revenue, cost and margin by tenant',
};

interface ReportFlags {
  from?: string;
  to?: string;
  out: string;
  step?: string;
  tenant?: string;
}

function reportCommand(dataset: ReportDataset): Command {
  const command = new Command(dataset)
    .description(DESCRIPTIONS[dataset])
    .option('--from <time>', 'beginning; default: an hour before --to', time)
    .option('--to <time>', 'end, exclusive; default: now', time)
    .option('--tenant <id>', 'of this tenant alone')
    .requiredOption('--out <file>', `ending in .${REPORT_FORMATS.join(', .')}`);
  if (dataset === 'usage') {
    command.addOption(new Option('--step <step>', 'a row for the whole time, or for each').choices(REPORT_STEPS));
  }
  return command.action(async ({ from, to, out, step, tenant }: ReportFlags) => {
    const format = REPORT_FORMATS.find((one) => out.endsWith(`.${one}`)) ?? 'csv';
    const asked = Object.entries({ from, to, step, format, tenant_id: tenant });
    const given = asked.filter((entry): entry is [string, string] => entry[1] !== undefined);
    await download(`/v1/exports/${dataset}?${new URLSearchParams(given)}`, out);
  });
}

function statementCommand(): Command {
  return new Command('statement')
    .description("a tenant's monthly statement as a page that a browser prints or saves as PDF")
    .argument('<tenant>')
    .requiredOption('--month <month>', 'such as 2026-10')
    .option('--internal', 'with cost, revenue and margin')
    .requiredOption('--out <file>', 'ending in .html')
    .action(async (tenant: string, { month, internal, out }: { month: string; internal?: true; out: string }) => {
      const query = new URLSearchParams({ month, audience: internal === true ? 'internal' : 'customer' });
      await download(`/v1/statements/${encodeURIComponent(tenant)}?${query}`, out);
    });
}
