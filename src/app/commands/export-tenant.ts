import { Command, Option } from 'commander';
import type { NewTenantExport, TenantExportItem } from '../../api/tenant-archives-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { EXPORT_AUDIENCES, EXPORT_FORMATS, EXPORT_SECTIONS } from '../../domain/tenant-archive.ts';
import { askServer } from '../api-client.ts';
import { download } from '../download.ts';
import { print, printProgress } from '../terminal.ts';

const POLL_MS = 500;

interface Flags {
  readonly format: NewTenantExport['format'];
  readonly out: string;
  readonly audience?: NewTenantExport['audience'];
  readonly section?: NonNullable<NewTenantExport['sections']>;
  readonly from?: string;
  readonly to?: string;
}

async function exportTenant(tenant: string, { out, format, audience, section, from, to }: Flags): Promise<void> {
  const config = loadConfig();
  const body: NewTenantExport = {
    ...{ tenant_id: tenant, format },
    ...(audience === undefined ? {} : { audience }),
    ...(section === undefined ? {} : { sections: section }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  let made = await askServer<TenantExportItem>(config, 'POST', '/v1/tenant-exports', body);
  while (made.state === 'waiting' || made.state === 'running') {
    const { tables_done: done, tables, rows, table } = made.progress;
    printProgress(`${done} of ${tables} tables, ${rows} rows${table === null ? '' : `, at ${table}`}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    made = await askServer<TenantExportItem>(config, 'GET', `/v1/tenant-exports/${made.id}`);
  }
  if (made.file === null) throw new TenantryError('CONFLICT', made.error ?? `The export was ${made.state}.`);
  await download(made.file, out);
  print(`${made.progress.rows} rows of ${tenant}; manifest.json in it lists what is there and what is left out.`);
}

export function exportTenantCommand(): Command {
  return new Command('export-tenant')
    .description('everything of one tenant as a file: to be restored (archive), or to be read')
    .argument('<tenant>')
    .addOption(new Option('--format <format>', 'archive can be restored').choices(EXPORT_FORMATS).default('archive'))
    .requiredOption('--out <file>', 'ending in .tar')
    .addOption(
      new Option(
        '--audience <who>',
        'tenant: what you may hand over; operator: with your own notes and figures',
      ).choices(EXPORT_AUDIENCES),
    )
    .addOption(new Option('--section <section...>', 'not of an archive; default: all').choices(EXPORT_SECTIONS))
    .option('--from <time>', 'RFC 3339, of telemetry and usage; not of an archive')
    .option('--to <time>', 'end, exclusive')
    .action(exportTenant);
}
