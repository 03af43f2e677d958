import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import type {
  CustomerTenant,
  NewRevenueImport,
  RevenueAnswer,
  RevenueImportItem,
  RevenueImportList,
  UnmappedCustomerList,
} from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError, toError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const MICRO = 1_000_000;

type CouponTerms = NonNullable<NewRevenueImport['coupons']>[string];

/** `SPRING=25%` or `LOYAL=5.00`, repeatable. */
function coupon(text: string, before: Readonly<Record<string, CouponTerms>>): Record<string, CouponTerms> {
  const [, name, amount = '', percent] = /^([^=]+)=(\d{1,9}(?:\.\d{1,6})?)(%?)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('Give name=25% or name=5.00.');
  const [whole = '0', part = ''] = amount.split('.');
  const terms =
    percent === '%'
      ? { percent: Number(amount) }
      : { amount_micro: Number(whole) * MICRO + Number(part.padEnd(6, '0')) };
  return { ...before, [name]: terms };
}

const shown = (micro: number | string | null, currency: string) =>
  micro === null ? 'unknown' : `${(Number(micro) / MICRO).toFixed(2)} ${currency}`;

async function importFile(
  path: string,
  options: { asOf?: string; coupon: Record<string, CouponTerms> },
): Promise<void> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TenantryError('BAD_REQUEST', `The file cannot be read: ${toError(cause).message}`, { cause });
  });
  const made = await askServer<RevenueImportItem>(loadConfig(), 'POST', '/v1/revenue/imports', {
    file_name: basename(path),
    content,
    ...(options.asOf === undefined ? {} : { as_of: options.asOf }),
    coupons: options.coupon,
  });
  const counts = `${made.added} new, ${made.changed} changed, ${made.unchanged} as they were`;
  const what = `${made.subscriptions} subscriptions and ${made.invoices} invoices`;
  print(made.is_new ? `Imported ${what}: ${counts}.` : `This file was imported before (${what}); nothing was done.`);
  if (made.unmapped_customers > 0) {
    print(`${made.unmapped_customers} customers are no tenant yet: tenantry revenue unmapped lists them.`);
  }
}

async function list({ from, to, imports }: { from?: string; to?: string; imports?: true }): Promise<void> {
  const config = loadConfig();
  if (imports === true) {
    const { items } = await askServer<RevenueImportList>(config, 'GET', '/v1/revenue/imports');
    printTable([
      ['IMPORTED', 'FILE', 'AS OF', 'NEW', 'CHANGED', 'BY'],
      ...items.map((item) => [
        item.created_at,
        item.file_name,
        item.as_of,
        String(item.added),
        String(item.changed),
        item.created_by,
      ]),
    ]);
    return;
  }
  const range = new URLSearchParams({ ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) });
  const answer = await askServer<RevenueAnswer>(config, 'GET', `/v1/revenue?${range}`);
  printTable([
    ['TENANT', 'PLAN', 'MRR', 'RECOGNISED'],
    ...answer.items.map((item) => [
      item.tenant_id,
      item.plan ?? '-',
      shown(item.mrr_micro, item.currency),
      shown(item.revenue_micro, item.currency),
    ]),
  ]);
  if (answer.unmapped_customers > 0)
    print(`${answer.unmapped_customers} customers are in none of these: see tenantry revenue unmapped.`);
}

export function revenueCommand(): Command {
  const command = new Command('revenue').description('import and list what customers pay');
  command
    .command('import <file>')
    .description("import subscriptions or invoices: CSV of Stripe's dashboard, JSON of Stripe's API, or CSV of our own")
    .option('--as-of <time>', 'the moment that the file tells of, RFC 3339; now unless said')
    .option('--coupon <name=worth>', 'what a coupon is worth, such as SPRING=25%; may be repeated', coupon, {})
    .action(importFile);
  command
    .command('list')
    .description('revenue of every tenant; the last hour unless said otherwise')
    .option('--from <time>', 'RFC 3339')
    .option('--to <time>', 'RFC 3339')
    .option('--imports', 'the files that were imported instead')
    .action(list);
  command
    .command('unmapped')
    .description('customers of the billing system that are no tenant yet')
    .action(async () => {
      const { items } = await askServer<UnmappedCustomerList>(loadConfig(), 'GET', '/v1/revenue/unmapped');
      if (items.length === 0) print('Every customer is a tenant.');
      else {
        printTable([
          ['CUSTOMER', 'SUBSCRIPTIONS', 'INVOICES'],
          ...items.map((item) => [item.customer_id, String(item.subscriptions), String(item.invoices)]),
        ]);
      }
    });
  command
    .command('map <customer> <tenant>')
    .description('say which tenant a customer of the billing system is')
    .action(async (customer: string, tenant: string) => {
      const path = `/v1/revenue/customers/${encodeURIComponent(customer)}`;
      const made = await askServer<CustomerTenant>(loadConfig(), 'PUT', path, { tenant_id: tenant });
      print(`${made.customer_id} is ${made.tenant_id}.`);
    });
  return command;
}
