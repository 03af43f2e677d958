import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { Command, InvalidArgumentError, Option } from 'commander';
import { FOCUS_EXPORT_VERSIONS } from '../../api/bills-ports.ts';
import { loadConfig } from '../../config/config.ts';
import { fetchFromServer } from '../api-client.ts';
import { print } from '../terminal.ts';

const TIMEOUT_MS = 10 * 60_000;

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

/** The file appears when all of it is there: half an export looks like a whole one with fewer tenants. */
async function download(path: string, out: string): Promise<void> {
  const response = await fetchFromServer(loadConfig(), 'GET', path, { timeoutMs: TIMEOUT_MS });
  if (response.body === null) return;
  const part = `${out}.part`;
  try {
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(part));
    await rename(part, out);
  } finally {
    await rm(part, { force: true });
  }
  print(`Written: ${out}`);
}

export function exportCommand(): Command {
  const command = new Command('export').description('write costs to files');
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
  return command;
}
