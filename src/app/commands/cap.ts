import { Command, InvalidArgumentError, Option } from 'commander';
import type { CapItem, CapList, NewCap, PlanCapItem, PlanCapList } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const MICRO = 1_000_000;
/** The most that one page of the API holds. */
const PAGE = 200;

function dollars(text: string): number {
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('Give US dollars, such as 12.50.');
  // The digits and not the product of a float: 0.1 + 0.2 is no amount.
  const [whole = '0', part = ''] = text.split('.');
  return Number(whole) * MICRO + Number(part.padEnd(6, '0'));
}

const money = (micro: number | null) => (micro === null ? '-' : `${(micro / MICRO).toFixed(2)} USD`);
const scope = ({ key, model }: { key: string | null; model: string | null }) =>
  [key === null ? '' : `key ${key}`, model === null ? '' : `model ${model}`].filter((part) => part !== '').join(', ') ||
  'all';

function outlook({ forecast, period_end: end }: CapItem): string {
  if (forecast === null) return '-';
  switch (forecast.kind) {
    case 'already_met':
      return 'met';
    case 'unknown':
      return 'too little history';
    case 'not_before_period_end':
      return `not before ${end}`;
    case 'met':
      return `${forecast.at} (${forecast.earliest} to ${forecast.latest ?? 'later than the period'})`;
  }
}

function show(items: readonly CapItem[]): void {
  if (items.length === 0) {
    print('No cap.');
    return;
  }
  printTable([
    ['TENANT', 'PERIOD', 'FOR', 'FROM', 'USED', 'OF', 'RESERVED', 'STEP', 'WILL BE MET'],
    ...items.map((item) => [
      item.tenant_id,
      item.period,
      scope(item),
      item.plan === null ? 'tenant' : `plan ${item.plan}`,
      money(item.used_micro),
      money(item.amount_micro),
      money(item.reserved_micro),
      item.step,
      outlook(item),
    ]),
  ]);
}

function showPlanCaps(items: readonly PlanCapItem[]): void {
  if (items.length === 0) {
    print('No plan has a cap.');
    return;
  }
  printTable([
    ['PLAN', 'PERIOD', 'FOR', 'AMOUNT'],
    ...items.map((item) => [item.plan, item.period, scope(item), money(item.amount_micro)]),
  ]);
}

async function list(tenant: string | undefined): Promise<void> {
  const config = loadConfig();
  const items: CapItem[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({
      limit: String(PAGE),
      ...(tenant === undefined ? {} : { tenant_id: tenant }),
      ...(cursor === null ? {} : { cursor }),
    });
    const page: CapList = await askServer<CapList>(config, 'GET', `/v1/caps?${query}`);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  show(items);
}

interface WhichOptions {
  period: 'day' | 'month';
  key?: string;
  model?: string;
  plan?: true;
}

interface SetOptions extends WhichOptions {
  amount: number;
  timeZone?: string;
  onUnavailable: 'open' | 'closed';
  onUnpriced: 'allow' | 'refuse';
}

function labels({ key, model }: WhichOptions) {
  return { ...(key === undefined ? {} : { key }), ...(model === undefined ? {} : { model }) };
}

const pathOf = (owner: string, plan: true | undefined) =>
  `/v1/${plan === true ? 'plan-caps' : 'caps'}/${encodeURIComponent(owner)}`;

function withWhich(command: Command): Command {
  return command
    .addOption(new Option('--period <period>', 'what it counts').choices(['day', 'month']).default('month'))
    .option('--key <label>', "only this label of the app's own")
    .option('--model <model>', 'only this model')
    .option('--plan', 'the name is that of a plan: for each of its tenants');
}

export function capCommand(): Command {
  const command = new Command('cap').description('list, set and remove caps on AI spend');
  command
    .command('list [tenant]')
    .description('caps in force, what they have come to and when they will be met')
    .option('--plans', 'caps of plans instead')
    .action(async (tenant: string | undefined, { plans }: { plans?: true }) => {
      if (plans !== true) return list(tenant);
      return showPlanCaps((await askServer<PlanCapList>(loadConfig(), 'GET', '/v1/plan-caps')).items);
    });
  withWhich(command.command('set <tenant>'))
    .description('cap what a tenant may spend on AI')
    .requiredOption('--amount <dollars>', 'US dollars a period; 0 switches AI off', dollars)
    .option('--time-zone <zone>', 'where the period begins at midnight')
    .addOption(
      new Option('--on-unavailable <what>', 'what apps do when no server can be asked')
        .choices(['open', 'closed'])
        .default('open'),
    )
    .addOption(
      new Option('--on-unpriced <what>', 'what becomes of calls without a known price')
        .choices(['allow', 'refuse'])
        .default('allow'),
    )
    .action(async (owner: string, options: SetOptions) => {
      const cap: NewCap = {
        period: options.period,
        amount_micro: options.amount,
        currency: 'USD',
        ...labels(options),
        ...(options.timeZone === undefined ? {} : { time_zone: options.timeZone }),
        on_unavailable: options.onUnavailable,
        on_unpriced: options.onUnpriced,
      };
      const path = pathOf(owner, options.plan);
      if (options.plan === true) showPlanCaps([await askServer<PlanCapItem>(loadConfig(), 'PUT', path, cap)]);
      else show([await askServer<CapItem>(loadConfig(), 'PUT', path, cap)]);
    });
  withWhich(command.command('remove <tenant>'))
    .description('take a cap away; what was counted stays')
    .action(async (owner: string, options: WhichOptions) => {
      const query = new URLSearchParams({ period: options.period, ...labels(options) });
      await askServer(loadConfig(), 'DELETE', `${pathOf(owner, options.plan)}?${query}`);
      print('The cap is removed.');
    });
  return command;
}
