import { Command, InvalidArgumentError, Option } from 'commander';
import type { NewThrottle, ThrottleItem } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const number = (text: string) => {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Give a number of at least 0.');
  return value;
};

const count = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Give a whole number of at least 1.');
  return value;
};

function show(items: readonly ThrottleItem[]): void {
  if (items.length === 0) {
    print('No throttle.');
    return;
  }
  printTable([
    ['ID', 'TENANT', 'SCOPE', 'MODE', 'LIMIT', 'STATUS', 'UNTIL', 'OBEYED BY', 'REASON'],
    ...items.map((item) => [
      item.id,
      item.tenant_id,
      scopeText(item.scope),
      item.mode,
      limitText(item.limit),
      item.status,
      item.ended_at ?? item.expires_at,
      `${item.acks.length} instances`,
      item.reason,
    ]),
  ]);
}

/** What of it differs from "every request of the tenant". */
function scopeText({ service, route, cost_class: costClass }: ThrottleItem['scope']): string {
  const parts = [service, route, costClass === undefined ? undefined : `class ${costClass}`];
  return parts.filter((part) => part !== undefined).join(' ') || 'all';
}

function limitText({ requests_per_second: rate, max_concurrent: most }: ThrottleItem['limit']): string {
  return most === undefined ? `${rate}/s` : `${rate}/s, ${most} at once`;
}

interface CreateOptions {
  rate: number;
  burst: number;
  seconds: number;
  reason: string;
  mode: NewThrottle['mode'];
  service?: string;
  route?: string;
  costClass?: string;
  concurrency?: number;
}

export function throttleCommand(): Command {
  const command = new Command('throttle').description('list, set and lift throttles of a running Tenantry');
  command
    .command('list')
    .description('throttles, newest first')
    .action(async () => show((await askServer<{ items: ThrottleItem[] }>(loadConfig(), 'GET', '/v1/throttles')).items));
  command
    .command('set <tenant>')
    .description('hold a tenant back for a while; it ends by itself')
    .requiredOption('--rate <n>', 'requests a second that pass', number)
    .requiredOption('--reason <text>', 'why; people read it')
    .option('--burst <n>', 'requests that may come at once', number, 10)
    .option('--seconds <n>', 'how long', number, 300)
    .addOption(new Option('--mode <mode>', 'shadow only counts').choices(['enforce', 'shadow']).default('enforce'))
    .option('--service <name>', 'only this service')
    .option('--route <route>', 'only this route, as the router names it')
    .option('--cost-class <name>', 'only requests that the app labels with this cost class')
    .option('--concurrency <n>', 'requests that may be under way at once, over all instances', count)
    .action(async (tenant: string, options: CreateOptions) => {
      const throttle: NewThrottle = {
        tenant_id: tenant,
        scope: {
          ...(options.service === undefined ? {} : { service: options.service }),
          ...(options.route === undefined ? {} : { route: options.route }),
          ...(options.costClass === undefined ? {} : { cost_class: options.costClass }),
        },
        limit: {
          requests_per_second: options.rate,
          burst: options.burst,
          ...(options.concurrency === undefined ? {} : { max_concurrent: options.concurrency }),
        },
        mode: options.mode,
        expires_in_seconds: options.seconds,
        reason: options.reason,
      };
      show([await askServer<ThrottleItem>(loadConfig(), 'POST', '/v1/throttles', throttle)]);
    });
  command
    .command('lift <id>')
    .description('end a throttle now')
    .action(async (id: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/throttles/${encodeURIComponent(id)}`);
      print(`Throttle ${id} is lifted.`);
    });
  return command;
}
