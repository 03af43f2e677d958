/** Bills, revenue and profiles for the pages on cost and margin, brought in by the doors that people use. */
import { ADMIN_TOKEN, type FlowTenantry } from './flow-tenantry.ts';
import { INVOICE_HEADER, invoiceLine, SUBSCRIPTION_HEADER, subscriptionLine } from './revenue-samples.ts';

const DAY_MS = 86_400_000;

export interface SeededCustomer {
  readonly id: string;
  readonly plan: string;
  readonly segment: string | null;
  readonly owner: string | null;
  readonly name: string | null;
  /** US dollars a day of compute; databases are a third of it. */
  readonly daily: number;
  /** US dollars a month; null: nothing is known of what it pays. */
  readonly pays: number | null;
}

const RULES = [
  { id: 'compute', part: 'compute', match: { service: ['Compute'] }, method: direct() },
  { id: 'databases', part: 'databases', match: { service: ['Databases'] }, method: direct() },
  { id: 'support', part: 'support', match: { service: ['Support'] }, method: { kind: 'shared' } },
  {
    ...{ id: 'search', part: 'search', match: { service: ['Search'] } },
    method: { kind: 'proportional', key: 'requests', without_tenant: 'unallocated', idle: null },
  },
];

function direct() {
  return { kind: 'direct', from: 'resource', tenants: {} };
}

const dayText = (at: number) => new Date(at).toISOString().slice(0, 10);

/** First days of the newest `count` months in UTC, oldest first. */
function newestMonths(now: number, count: number): readonly number[] {
  const date = new Date(now);
  return Array.from({ length: count }, (_, index) =>
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - (count - 1 - index)),
  );
}

/** Lines up to and with today, a little different on each day, so that no sum comes out by chance. */
function billOf(month: number, until: number, customers: readonly SeededCustomer[], currency: string): string {
  const lines = ['date,provider,account,service,resource,description,amount,currency'];
  const date = new Date(month);
  const end = Math.min(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1), until);
  const growth = 1 + date.getUTCMonth() / 24;
  for (let day = month; day < end; day += DAY_MS) {
    const wave = growth * (1 + 0.1 * Math.sin(day / DAY_MS));
    const line = (service: string, resource: string, about: string, dollars: number) =>
      lines.push([dayText(day), 'cloud', 'main', service, resource, about, dollars.toFixed(6), currency].join(','));
    for (const { id, daily } of customers) {
      line('Compute', id, `nodes of ${id}`, daily * wave);
      line('Databases', id, `database of ${id}`, (daily / 3) * wave + 0.000_001);
    }
    line('Support', '', 'support plan', 1.5);
    line('Mystery', '', 'nobody knows', 0.25);
    if (day + DAY_MS >= until) line('Search', '', 'search cluster', 40);
  }
  return `${lines.join('\n')}\n`;
}

async function importBill(tenantry: FlowTenantry, text: string, invoice: string): Promise<void> {
  const query = new URLSearchParams({ file_name: `${invoice}.csv`, issuer: 'Cloud Inc', account: 'costs', invoice });
  const answer = await fetch(`${tenantry.url}/v1/bills?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'text/csv' },
    body: text,
  });
  if (answer.status !== 201) throw new Error(`no bill: ${answer.status} ${await answer.text()}`);
}

async function must(tenantry: FlowTenantry, method: string, path: string, body: unknown): Promise<void> {
  const answer = await tenantry.ask(path, { method, body });
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Plans, profiles, a bill of each month and what customers pay. `now`: Unix ms. */
export async function seedCosts(
  tenantry: FlowTenantry,
  customers: readonly SeededCustomer[],
  { months, now }: { readonly months: number; readonly now: number },
): Promise<void> {
  const { body } = await tenantry.ask<{ version: number }>('/v1/allocation-rules');
  await must(tenantry, 'PUT', '/v1/allocation-rules', {
    based_on: body.version,
    rules: RULES,
    comment: 'for the pages',
  });
  for (const { id, plan, segment, owner, name } of customers) {
    await must(tenantry, 'PUT', `/v1/tenants/${id}/plan`, { plan });
    await must(tenantry, 'PUT', `/v1/tenants/${id}/profile`, { segment, owner, display_name: name });
  }
  const until = Math.floor(now / DAY_MS) * DAY_MS + DAY_MS;
  const all = newestMonths(now, months);
  for (const month of all) await importBill(tenantry, billOf(month, until, customers, 'USD'), dayText(month));
  await importRevenue(tenantry, customers, all);
}

async function importRevenue(
  tenantry: FlowTenantry,
  customers: readonly SeededCustomer[],
  months: readonly number[],
): Promise<void> {
  const paying = customers.flatMap(({ pays, ...rest }) => (pays === null ? [] : [{ ...rest, pays }]));
  const [first = 0] = months;
  const midnight = (at: number) => `${dayText(at)} 00:00`;
  const subscriptions = paying.map(({ id, plan, pays }) =>
    subscriptionLine({
      ...{ id: `sub_${id}`, 'Customer ID': `cus_${id}`, Plan: plan, Amount: pays.toFixed(2) },
      ...{ 'Created (UTC)': midnight(first), 'Start Date (UTC)': midnight(first), 'tenant_id (metadata)': id },
    }),
  );
  const invoices = months.flatMap((month) => {
    const date = new Date(month);
    const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
    return paying.map(({ id, pays }) =>
      invoiceLine({
        ...{ id: `in_${id}_${dayText(month)}`, Customer: `cus_${id}`, Number: `${id}-${dayText(month)}` },
        ...{ 'Date (UTC)': midnight(month), Tax: '0.00', Total: pays.toFixed(2), Subscription: `sub_${id}` },
        'Minimum Line Item Period Start (UTC)': midnight(month),
        'Maximum Line Item Period End (UTC)': midnight(next),
      }),
    );
  });
  const send = (name: string, content: string) =>
    must(tenantry, 'POST', '/v1/revenue/imports', { file_name: name, content, as_of: new Date(first).toISOString() });
  await send('subscriptions.csv', [SUBSCRIPTION_HEADER, ...subscriptions].join('\n'));
  await send('invoices.csv', [INVOICE_HEADER, ...invoices].join('\n'));
  for (const { id } of paying) await must(tenantry, 'PUT', `/v1/revenue/customers/cus_${id}`, { tenant_id: id });
}
