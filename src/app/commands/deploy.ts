import { Command } from 'commander';
import type { DeployItem, DeployList, NewDeploy } from '../../api/deploys-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { DAY_MS } from '../../domain/window.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const LISTED_MS = 7 * DAY_MS;

interface MarkOptions {
  readonly at?: string;
  readonly note?: string;
  readonly url?: string;
  readonly key?: string;
}

async function mark(service: string, version: string, { at, note, url, key }: MarkOptions): Promise<void> {
  const body: NewDeploy = {
    ...{ service, version },
    ...(at === undefined ? {} : { at }),
    ...(note === undefined ? {} : { note }),
    ...(url === undefined ? {} : { url }),
    ...(key === undefined ? {} : { idempotency_key: key }),
  };
  const made = await askServer<DeployItem>(loadConfig(), 'POST', '/v1/deploys', body);
  print(`${made.service} ${made.version} went out at ${made.at}; the charts show it.`);
}

async function list({ service }: { readonly service?: string }): Promise<void> {
  const to = Date.now();
  const window = { from: new Date(to - LISTED_MS).toISOString(), to: new Date(to).toISOString() };
  const query = new URLSearchParams({ ...window, ...(service === undefined ? {} : { service }) });
  const { items } = await askServer<DeployList>(loadConfig(), 'GET', `/v1/deploys?${query}`);
  if (items.length === 0) {
    print('No deploy in the last 7 days.');
    return;
  }
  const rows = items.map((item) => [item.at, item.service, item.version, item.note ?? '-', item.created_by]);
  printTable([['AT', 'SERVICE', 'VERSION', 'NOTE', 'BY'], ...rows]);
}

export function deployCommand(): Command {
  const command = new Command('deploy').description('mark deploys, so that charts show what changed and when');
  command
    .command('mark <service> <version>')
    .description('note that a version goes out; sent again it changes nothing')
    .option('--at <time>', 'RFC 3339; default now')
    .option('--note <text>', 'what is in it')
    .option('--url <address>', 'where people read more')
    .option('--key <key>', 'idempotency key, such as the id of the pipeline run')
    .action(mark);
  command
    .command('list')
    .description('deploys of the last 7 days, newest first')
    .option('--service <name>', 'only this service')
    .action(list);
  return command;
}
