import { Command, InvalidArgumentError, Option } from 'commander';
import type { AuditChain, AuditItem, AuditList } from '../../api/audit-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { SECOND_MS } from '../../domain/window.ts';
import { askServer, fetchFromServer } from '../api-client.ts';
import { print, printProgress, printTable } from '../terminal.ts';

const POLL_MS = 500;
const FILE_TIMEOUT_MS = 10 * 60 * SECOND_MS;
const HEAD = /^[1-9]\d{0,14}:[0-9a-f]{64}$/;

const head = (text: string) => {
  if (!HEAD.test(text))
    throw new InvalidArgumentError('Give a place and a hash as this command prints them: 1234:9f86d0…');
  return text;
};

const limitOf = (text: string) => {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 1 || Number(text) > 500)
    throw new InvalidArgumentError('Give 1 to 500.');
  return text;
};

/** Asks until a check that began with the first question has ended. */
async function check(kept: string | undefined): Promise<AuditChain> {
  const config = loadConfig();
  const ask = (fresh: boolean) => {
    const query = new URLSearchParams({ fresh: String(fresh), ...(kept === undefined ? {} : { head: kept }) });
    return askServer<AuditChain>(config, 'GET', `/v1/audit/chain?${query}`);
  };
  for (let chain = await ask(true); ; chain = await ask(false)) {
    if (chain.state !== 'checking') return chain;
    const { checked = 0, total = 0 } = chain.progress ?? {};
    printProgress(`${checked} of ${total} records checked`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function verify(options: { head?: string }): Promise<void> {
  const chain = await check(options.head);
  for (const { kind, position, id, detail } of chain.problems) {
    const place = position === null ? '' : ` at place ${position}`;
    print(`${kind}${place}${id === null ? '' : ` (record ${id})`}: ${detail}`);
  }
  const more = chain.problems_total - chain.problems.length;
  if (more > 0) print(`… and ${more} more.`);
  if (chain.state === 'intact') print(`The audit log is intact: ${chain.entries} records.`);
  else {
    print(`The audit log is not whole: ${chain.problems_total} problems in ${chain.entries} records.`);
    process.exitCode = 1;
  }
  // Of a log that is not whole it would vouch for what was done to it.
  if (chain.state === 'intact' && chain.head !== null) {
    print(`Its head, to be kept elsewhere: ${chain.head.position}:${chain.head.hash}`);
    print('Later `tenantry audit verify --head <that>` shows whether the log was cut off or written anew.');
  }
}

interface Filters {
  readonly tenant?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly from?: string;
  readonly to?: string;
  readonly search?: string;
}

function queryOf({ tenant, actor, action, from, to, search }: Filters, more: Readonly<Record<string, string>>) {
  const asked = { tenant_id: tenant, actor, action, from, to, q: search, ...more };
  return new URLSearchParams(
    Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function list({ limit, ...filters }: Filters & { limit: string }): Promise<void> {
  const path = `/v1/audit?${queryOf(filters, { limit })}`;
  const { items } = await askServer<AuditList>(loadConfig(), 'GET', path);
  if (items.length === 0) {
    print('Nothing was recorded that fits.');
    return;
  }
  const row = ({ id, at, actor, role, action, tenant_id: tenant, resource }: AuditItem) => {
    return [id, at, `${actor} (${role})`, action, tenant ?? '-', resource];
  };
  printTable([['RECORD', 'AT', 'WHO', 'ACTION', 'TENANT', 'WHAT'], ...items.map(row)]);
}

async function exportAll({ format, ...filters }: Filters & { format: string }): Promise<void> {
  const path = `/v1/audit?${queryOf(filters, { format })}`;
  const response = await fetchFromServer(loadConfig(), 'GET', path, { timeoutMs: FILE_TIMEOUT_MS });
  if (response.body === null) return;
  for await (const chunk of response.body) process.stdout.write(chunk);
}

function withFilters(command: Command): Command {
  return command
    .option('--tenant <id>', 'only about this tenant')
    .option('--actor <name>', 'only by this person, key or part of Tenantry')
    .option('--action <action>', 'only this: throttle.create, or throttle for all that is done to throttles')
    .option('--from <time>', 'RFC 3339; default: the beginning of the log')
    .option('--to <time>', 'RFC 3339; default: now')
    .option('--search <text>', 'part of any field');
}

export function auditCommand(): Command {
  const command = new Command('audit').description('who did what, and whether the record of it is whole');
  command
    .command('verify')
    .description('walk the whole log: an edit, a deletion, a record slipped in or a cut end exits with 1')
    .option('--head <place:hash>', 'a head that an earlier run printed and you kept', head)
    .action(verify);
  withFilters(command.command('list').description('the newest records'))
    .option('--limit <n>', 'how many', limitOf, '50')
    .action(list);
  withFilters(command.command('export').description('every record that fits, to standard output'))
    .addOption(new Option('--format <format>', 'of the file').choices(['json', 'csv']).default('json'))
    .action(exportAll);
  return command;
}
