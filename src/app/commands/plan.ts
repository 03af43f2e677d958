import { Command, InvalidArgumentError, Option } from 'commander';
import type {
  BurstAccountList,
  NewPlanTerms,
  PlanItem,
  PlanList,
  PlanQuotaItem,
  PlanVersionItem,
  QuotaList,
} from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { PLAN_FEATURE_NAMES, type PlanFeature } from '../../domain/plan-features.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const MICRO = 1_000_000;

type NewQuota = NonNullable<NewPlanTerms['quotas']>[number];

/** `requests/month=1000000`, `ai_tokens/day=50000,hard`, `requests/month=1000,hard,burst=10:500:90`. */
function quota(text: string, before: readonly NewQuota[] = []): readonly NewQuota[] {
  const [, key = '', period = '', limit = '', rest = ''] =
    /^([^/=,]+)\/(day|month)=(\d{1,15})((?:,[a-z]+(?:=[0-9:]+)?)*)$/.exec(text) ?? [];
  if (key === '' || (period !== 'day' && period !== 'month')) {
    throw new InvalidArgumentError('Give <key>/<day|month>=<limit>[,hard][,burst=<percent>:<capacity>:<days>].');
  }
  const made: NewQuota = { key, period, limit: Number(limit) };
  for (const part of rest.split(',').filter((one) => one !== '')) {
    const [, percent, capacity, days] = /^burst=(\d{1,3}):(\d{1,15}):(\d{1,4})$/.exec(part) ?? [];
    if (part === 'hard' || part === 'soft') made.kind = part;
    else if (percent !== undefined && capacity !== undefined && days !== undefined) {
      made.burst = {
        ...{ accrual_percent: Number(percent), capacity: Number(capacity), expires_after_days: Number(days) },
      };
    } else throw new InvalidArgumentError(`${part} is neither hard, soft nor burst=<percent>:<capacity>:<days>.`);
  }
  return [...before, made];
}

function rate(text: string): number {
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('Give a number, such as 12.5.');
  return Number(text);
}

/** The digits and not the product of a float: 0.1 + 0.2 is no amount. */
function price(text: string): { amount_micro: number; currency: string } {
  const [, whole = '', part = '', currency = ''] = /^(\d{1,9})(?:\.(\d{1,6}))? ?([A-Z]{3})$/.exec(text) ?? [];
  if (currency === '') throw new InvalidArgumentError('Give an amount a month with its currency, such as 99.50USD.');
  return { amount_micro: Number(whole) * MICRO + Number(part.padEnd(6, '0')), currency };
}

const orDash = (value: string | number | null | undefined) =>
  value === null || value === undefined ? '-' : `${value}`;
const money = (terms: PlanVersionItem | null) =>
  terms === null || terms.price === null
    ? '-'
    : `${(terms.price.amount_micro / MICRO).toFixed(2)} ${terms.price.currency}`;

function quotaText({ key, period, limit, unit, kind, burst }: PlanQuotaItem): string {
  const credits =
    burst === null ? '' : `, ${burst.accrual_percent} % of the rest as credits for ${burst.expires_after_days} days`;
  return `${key}: ${limit} ${unit} a ${period}, ${kind}${credits}`;
}

function show({ plan, tenants, terms, versions }: PlanItem): void {
  print(`${plan}: ${tenants} ${tenants === 1 ? 'tenant' : 'tenants'}`);
  if (terms === null) print('Nobody has said what it includes now.');
  for (const one of versions) {
    print('');
    print(`from ${one.effective_from} to ${one.effective_to ?? 'further notice'}, by ${one.set_by}`);
    print(`  price a month        ${money(one)}`);
    print(`  guarantee, ceiling   ${orDash(one.guarantee_rps)}, ${orDash(one.ceiling_rps)} requests/s`);
    print(`  weight               ${one.weight}`);
    print(`  features             ${one.features === null ? 'not said' : one.features.join(', ') || 'none'}`);
    const ours = one.tenantry_features;
    print(`  of Tenantry          ${ours === null ? 'all' : ours.join(', ') || 'none'}`);
    for (const each of one.quotas) print(`  ${quotaText(each)}`);
  }
}

interface SetOptions {
  quota?: readonly NewQuota[];
  guarantee?: number;
  ceiling?: number;
  weight?: number;
  feature?: string[];
  tenantryFeature?: PlanFeature[];
  price?: { amount_micro: number; currency: string };
  from?: string;
}

function termsOf({
  quota: quotas = [],
  guarantee,
  ceiling,
  weight,
  feature,
  tenantryFeature,
  price: amount,
  from,
}: SetOptions): NewPlanTerms {
  return {
    quotas: [...quotas],
    ...(guarantee === undefined ? {} : { guarantee_rps: guarantee }),
    ...(ceiling === undefined ? {} : { ceiling_rps: ceiling }),
    ...(weight === undefined ? {} : { weight }),
    ...(feature === undefined ? {} : { features: feature }),
    ...(tenantryFeature === undefined ? {} : { tenantry_features: tenantryFeature }),
    ...(amount === undefined ? {} : { price: amount }),
    ...(from === undefined ? {} : { effective_from: from }),
  };
}

const pathOf = (plan: string) => `/v1/plans/${encodeURIComponent(plan)}`;

async function showQuotas(tenant: string): Promise<void> {
  const query = new URLSearchParams({ tenant_id: tenant });
  const { items } = await askServer<QuotaList>(loadConfig(), 'GET', `/v1/quotas?${query}`);
  if (items.length === 0) {
    print('No quota.');
    return;
  }
  printTable([
    ['KEY', 'PERIOD', 'USED', 'OF', 'SHARE', 'STATE', 'WILL BE MET'],
    ...items.map((one) => [
      ...[one.key, `${one.period} from ${one.period_start}`, orDash(one.used), `${one.limit} ${one.unit}`],
      ...[one.share === null ? '-' : `${(one.share * 100).toFixed(1)} %`, one.state],
      orDash(one.forecast === null ? null : (one.forecast.at ?? one.forecast.kind)),
    ]),
  ]);
}

async function showCredits(tenant: string): Promise<void> {
  const query = new URLSearchParams({ tenant_id: tenant });
  const { items } = await askServer<BurstAccountList>(loadConfig(), 'GET', `/v1/burst-credits?${query}`);
  if (items.length === 0) {
    print('No burst credits.');
    return;
  }
  printTable([
    ['KEY', 'BALANCE', 'EARNED', 'SPENT', 'EXPIRED', 'NEXT TO END'],
    ...items.map(({ key, unit, balance, earned, spent, expired, lots: [first] }) => [
      ...[key, `${balance} ${unit}`, String(earned), String(spent), String(expired)],
      first === undefined ? '-' : `${first.remaining} at ${first.expires_at}`,
    ]),
  ]);
}

/** What customers may use for what they pay. */
export function planCommand(): Command {
  const command = new Command('plan').description('list, show and set plans: quotas, rates, features and price');
  command
    .command('list')
    .description('plans and what they include now')
    .action(async () => {
      const { items } = await askServer<PlanList>(loadConfig(), 'GET', '/v1/plans');
      if (items.length === 0) {
        print('No plan.');
        return;
      }
      printTable([
        ['PLAN', 'TENANTS', 'PRICE', 'GUARANTEE', 'CEILING', 'QUOTAS'],
        ...items.map(({ plan, tenants, terms }) => [
          ...[plan, String(tenants), money(terms), orDash(terms?.guarantee_rps), orDash(terms?.ceiling_rps)],
          (terms?.quotas ?? []).map(({ key, period, limit }) => `${key}/${period}=${limit}`).join(' ') || '-',
        ]),
      ]);
    });
  command
    .command('show <plan>')
    .description('everything that a plan includes, now and before')
    .action(async (plan: string) => show(await askServer<PlanItem>(loadConfig(), 'GET', pathOf(plan))));
  command
    .command('set <plan>')
    .description('say what a plan includes, whole; what held before goes on judging the past')
    .option(
      '--quota <quota>',
      '<key>/<day|month>=<limit>[,hard][,burst=<percent>:<capacity>:<days>]; may be repeated',
      quota,
    )
    .option('--guarantee <rps>', 'requests a second that no throttle goes below', rate)
    .option('--ceiling <rps>', 'requests a second whose passing is a finding', rate)
    .option('--weight <weight>', 'share in what is scarce, beside other tenants', rate)
    .option('--feature <names...>', 'what is included')
    .addOption(
      new Option('--tenantry-feature <names...>', "which of Tenantry's own features (default: all)").choices(
        PLAN_FEATURE_NAMES,
      ),
    )
    .option('--price <amount>', 'a month, such as 99.50USD', price)
    .option('--from <time>', 'RFC 3339; since when it holds (default: now)')
    .action(async (plan: string, options: SetOptions) =>
      show(await askServer<PlanItem>(loadConfig(), 'PUT', pathOf(plan), termsOf(options))),
    );
  command
    .command('quotas <tenant>')
    .description('how much of what its plan includes a tenant has used')
    .action(showQuotas);
  command
    .command('credits <tenant>')
    .description('burst credits of a tenant: what is left, and what ends next')
    .action(showCredits);
  return command;
}
