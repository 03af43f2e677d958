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

function show(items: readonly ThrottleItem[]): void {
  if (items.length === 0) {
    print('No throttle.');
    return;
  }
  printTable([
    ['ID', 'TENANT', 'MODE', 'LIMIT', 'STATUS', 'UNTIL', 'OBEYED BY', 'REASON'],
    ...items.map((item) => [
      item.id,
      item.tenant_id,
      item.mode,
      `${item.limit.requests_per_second}/s`,
      item.status,
      item.ended_at ?? item.expires_at,
      `${item.acks.length} instances`,
      item.reason,
    ]),
  ]);
}

interface CreateOptions {
  rate: number;
  burst: number;
  seconds: number;
  reason: string;
  mode: NewThrottle['mode'];
  service?: string;
  route?: string;
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
    .action(async (tenant: string, options: CreateOptions) => {
      const throttle: NewThrottle = {
        tenant_id: tenant,
        scope: {
          ...(options.service === undefined ? {} : { service: options.service }),
          ...(options.route === undefined ? {} : { route: options.route }),
        },
        limit: { requests_per_second: options.rate, burst: options.burst },
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
