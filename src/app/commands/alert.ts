import { readFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import type {
  AlertItem,
  AlertList,
  AlertRouteItem,
  AlertRouteList,
  AlertRouteTestResult,
  MuteItem,
  NewMute,
} from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { addSecretsKey } from '../secrets-keys.ts';
import { print, printTable } from '../terminal.ts';

const DEFAULT_MUTE_SECONDS = 3_600;

const seconds = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 60 || value > 2_592_000) {
    throw new InvalidArgumentError('Give whole seconds, 60 to 2592000 (30 days).');
  }
  return value;
};

async function list({ tenant, status }: { tenant?: string; status?: string }): Promise<void> {
  const asked = { tenant_id: tenant, status };
  const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { items } = await askServer<AlertList>(loadConfig(), 'GET', `/v1/alerts?${new URLSearchParams(given)}`);
  if (items.length === 0) {
    print('There was no alert within the last hour.');
    return;
  }
  const row = ({ id, severity, kind, status: standing, started_at: since, title }: AlertItem) => {
    return [id, severity, kind, standing, since, title];
  };
  printTable([['ALERT', 'SEVERITY', 'KIND', 'STATUS', 'SINCE', 'WHAT'], ...items.map(row)]);
}

async function routes(): Promise<void> {
  const { items } = await askServer<AlertRouteList>(loadConfig(), 'GET', '/v1/alert-routes');
  if (items.length === 0) {
    print('No route is set up: alerts are kept here, and nobody is told.');
    return;
  }
  const row = ({ id, name, channel, health }: AlertRouteItem) => {
    const trouble = health.problem ?? health.last_error ?? '-';
    return [id, name, channel, String(health.waiting), String(health.dead), trouble];
  };
  printTable([['ROUTE', 'NAME', 'CHANNEL', 'WAITING', 'GIVEN UP', 'PROBLEM OR LAST ERROR'], ...items.map(row)]);
}

/** From a file and not from options: what is typed stays in the shell's history and shows in the list of processes. */
async function readRoute(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'));
  } catch (cause) {
    throw new TenantryError('BAD_REQUEST', `${path} cannot be read as JSON.`, {
      hint: '{"name": "on call", "target": {"channel": "slack", "url": "https://hooks.slack.com/services/…"}}',
      cause,
    });
  }
}

export function alertCommand(): Command {
  const command = new Command('alert').description('list and acknowledge alerts, mute tenants, set up routes');
  command
    .command('list')
    .description('alerts that were open within the last hour')
    .option('--tenant <id>', 'only this tenant')
    .option('--status <status>', 'open, acknowledged or ended')
    .action(list);
  command
    .command('ack <alert>')
    .description('take an alert on: no escalation and no repetition any more')
    .action(async (alert: string) => {
      const path = `/v1/alerts/${encodeURIComponent(alert)}/ack`;
      const { title } = await askServer<AlertItem>(loadConfig(), 'POST', path);
      print(`Acknowledged: ${title}`);
    });
  command
    .command('mute <tenant>')
    .description('hold back the alerts of a tenant for a while')
    .requiredOption('--reason <text>', 'why; people read it')
    .option('--seconds <n>', 'how long', seconds, DEFAULT_MUTE_SECONDS)
    .action(async (tenant: string, options: { reason: string; seconds: number }) => {
      const body: NewMute = { tenant_id: tenant, expires_in_seconds: options.seconds, reason: options.reason };
      const made = await askServer<MuteItem>(loadConfig(), 'POST', '/v1/mutes', body);
      print(`Alerts of ${made.tenant_id} are held back until ${made.expires_at}.`);
      print(`Mute ${made.id}; \`tenantry alert unmute ${made.id}\` ends it before.`);
    });
  command
    .command('unmute <mute>')
    .description('end a mute now')
    .action(async (mute: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/mutes/${encodeURIComponent(mute)}`);
      print(`Mute ${mute} is over.`);
    });
  command.command('routes').description('where alerts go, and whether it works').action(routes);
  command
    .command('add-route <file>')
    .description('set up a route from a JSON file (- for standard input), as POST /v1/alert-routes takes it')
    .action(async (path: string) => {
      const made = await askServer<AlertRouteItem>(loadConfig(), 'POST', '/v1/alert-routes', await readRoute(path));
      print(`Route ${made.id} (${made.name}); \`tenantry alert test-route ${made.id}\` tries it.`);
    });
  command
    .command('test-route <route>')
    .description('send a message about nothing real')
    .action(async (route: string) => {
      const path = `/v1/alert-routes/${encodeURIComponent(route)}/test`;
      const { sent, detail } = await askServer<AlertRouteTestResult>(loadConfig(), 'POST', path);
      print(sent ? `It works: ${detail}.` : `It does not work: ${detail}.`);
      if (!sent) process.exitCode = 1;
    });
  command
    .command('rotate-secrets')
    .description('make a new key for the targets of routes; they are sealed with it at the next start of the server')
    .action(() => {
      const { id } = addSecretsKey(loadConfig());
      print(`Key ${id} is made. Restart the server: it seals every target with it and forgets the older keys.`);
    });
  command
    .command('remove-route <route>')
    .description('delete a route')
    .action(async (route: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/alert-routes/${encodeURIComponent(route)}`);
      print(`Route ${route} is deleted.`);
    });
  return command;
}
