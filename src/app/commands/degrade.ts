import { Argument, Command, InvalidArgumentError } from 'commander';
import type { DegradationItem, DegradationList, NewDegradation } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { ORDERED_STEPS } from '../../domain/degrade-order.ts';
import { isDegradeFeature } from '../../domain/spend.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';
import { flagSeconds } from './flag-seconds.ts';

/** The most that one answer of the API holds. */
const MOST = 1_000;
const DEFAULT_SECONDS = 900;

const feature = (text: string) => {
  if (!isDegradeFeature(text)) throw new InvalidArgumentError('Give ai, ai.key.<key> or ai.model.<model>.');
  return text;
};

function row(item: DegradationItem): string[] {
  const by = item.automatic ? 'its spend cap' : item.created_by;
  return [item.id, item.tenant_id, item.feature, item.step, by, item.expires_at, item.reason];
}

async function list({ tenant }: { readonly tenant?: string }): Promise<void> {
  const query = new URLSearchParams({ limit: String(MOST), ...(tenant === undefined ? {} : { tenant_id: tenant }) });
  const { items, total } = await askServer<DegradationList>(loadConfig(), 'GET', `/v1/degradations?${query}`);
  if (items.length === 0) {
    print('No feature is taken from anybody.');
    return;
  }
  printTable([['ID', 'TENANT', 'FEATURE', 'STEP', 'BY', 'UNTIL', 'REASON'], ...items.map(row)]);
  if (total > items.length) print(`${total - items.length} more; narrow the list with --tenant.`);
}

interface SetOptions {
  readonly feature: string;
  readonly reason: string;
  readonly seconds: number;
}

async function set(tenant: string, step: NewDegradation['step'], options: SetOptions): Promise<void> {
  const wanted = { tenant_id: tenant, feature: options.feature, step, reason: options.reason };
  const body: NewDegradation = { ...wanted, expires_in_seconds: options.seconds };
  const made = await askServer<DegradationItem>(loadConfig(), 'POST', '/v1/degradations', body);
  print(`${made.feature} of ${made.tenant_id} is at the step ${made.step} until ${made.expires_at}.`);
  print(`Id ${made.id}; \`tenantry degrade lift ${made.id}\` ends it before.`);
}

export function degradeCommand(): Command {
  const command = new Command('degrade').description('take AI from a tenant for a while: warn, stored answers, none');
  command
    .command('list')
    .description('what is taken from tenants now, by people and by spend caps')
    .option('--tenant <id>', 'only this tenant')
    .action(list);
  command
    .command('set')
    .argument('<tenant>')
    .addArgument(new Argument('<step>', 'how far').choices(ORDERED_STEPS))
    .description('take a feature from a tenant, in the place of what holds for it; ends by itself')
    .requiredOption('--reason <text>', 'why; people read it')
    .option('--feature <name>', 'all AI, or ai.key.<key>, ai.model.<model>', feature, 'ai')
    .option('--seconds <n>', 'how long', flagSeconds, DEFAULT_SECONDS)
    .action(set);
  command
    .command('lift <id>')
    .description('end it now; what a spend cap has set does not come back in its period')
    .action(async (id: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/degradations/${encodeURIComponent(id)}`);
      print(`${id} is lifted.`);
    });
  return command;
}
