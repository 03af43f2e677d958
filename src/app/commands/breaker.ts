import { Command, Option } from 'commander';
import type { BreakerItem, BreakerList, BreakerOrderItem, NewBreakerOrder } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';
import { flagSeconds } from './flag-seconds.ts';

/** The most that one answer of the API holds. */
const MOST = 1_000;
const DEFAULT_SECONDS = 600;

function row(item: BreakerItem): string[] {
  const { open = 0, half_open: halfOpen = 0, closed = 0 } = item.instances ?? {};
  return [
    item.tenant_id,
    item.integration,
    item.state,
    `${open} open, ${halfOpen} half-open, ${closed} closed`,
    item.since ?? '-',
    item.last_error ?? '-',
    item.order === null ? '-' : `${item.order.state} until ${item.order.expires_at} (${item.order.id})`,
  ];
}

function show({ items, total }: BreakerList): void {
  if (items.length === 0) {
    print('Every breaker that is known is closed, and no order is in force.');
    return;
  }
  printTable([['TENANT', 'INTEGRATION', 'STATE', 'INSTANCES', 'SINCE', 'LAST ERROR', 'ORDER'], ...items.map(row)]);
  if (total > items.length) print(`${total - items.length} more; narrow the list with --tenant or --integration.`);
  for (const { tenant_id: tenant, integration, flapping } of items) {
    if (flapping === null) continue;
    print(`Flapping: ${flapping.reason}.`);
    const { expires_in_seconds: offered } = flapping.offer;
    print(`  To hold it open: tenantry breaker open ${tenant} ${integration} --seconds ${offered} --reason flapping`);
  }
}

interface ListOptions {
  readonly tenant?: string;
  readonly integration?: string;
  readonly state?: BreakerItem['state'];
}

async function list({ tenant, integration, state }: ListOptions): Promise<void> {
  const asked = { tenant_id: tenant, integration, state, limit: String(MOST) };
  const given = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
  show(await askServer<BreakerList>(loadConfig(), 'GET', `/v1/breakers?${new URLSearchParams(given)}`));
}

function addOrder(command: Command, name: string, state: NewBreakerOrder['state'], description: string): void {
  command
    .command(`${name} <tenant> <integration>`)
    .description(`${description}; ends by itself`)
    .requiredOption('--reason <text>', 'why; people read it')
    .option('--seconds <n>', 'how long', flagSeconds, DEFAULT_SECONDS)
    .action(async (tenant: string, integration: string, options: { reason: string; seconds: number }) => {
      const wanted = { tenant_id: tenant, integration, state };
      const body: NewBreakerOrder = { ...wanted, expires_in_seconds: options.seconds, reason: options.reason };
      const made = await askServer<BreakerOrderItem>(loadConfig(), 'POST', '/v1/breakers/orders', body);
      print(`The breaker of ${made.tenant_id} for ${made.integration} is ${made.state} until ${made.expires_at}.`);
      print(`Order ${made.id}; \`tenantry breaker lift ${made.id}\` ends it before.`);
    });
}

export function breakerCommand(): Command {
  const command = new Command('breaker').description(
    'list circuit breakers of the apps, and force them open or closed',
  );
  command
    .command('list')
    .description('breakers that an app instance or an order is about, open ones first')
    .option('--tenant <id>', 'only this tenant')
    .option('--integration <name>', 'only this integration')
    .addOption(new Option('--state <state>', 'only those that do this').choices(['open', 'half_open', 'closed']))
    .action(list);
  addOrder(command, 'open', 'open', 'refuse every call of a tenant to an integration');
  addOrder(command, 'close', 'closed', 'let every call of a tenant to an integration through, however many fail');
  addOrder(command, 'auto', 'auto', 'let the breaker judge by itself, whatever was ordered before');
  command
    .command('lift <order>')
    .description('end an order now')
    .action(async (order: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/breakers/orders/${encodeURIComponent(order)}`);
      print(`Order ${order} is lifted.`);
    });
  return command;
}
