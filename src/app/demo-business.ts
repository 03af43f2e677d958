import type { AllocationRuleItem, AllocationRuleSet } from '../api/bills-contract.ts';
import type { Config } from '../config/config.ts';
import { DAY_MS } from '../domain/window.ts';
import { askServer, fetchFromServer } from './api-client.ts';

/** A customer of the simulated SaaS, as its own billing knows it. */
export interface DemoCustomer {
  readonly id: string;
  readonly plan: string;
}

interface PlanTerms {
  /** US dollars a month. */
  readonly price: number;
  readonly requestsADay: number;
  readonly aiTokensADay: number;
  readonly seats: number;
  readonly segment: string;
}

const TERMS: Readonly<Record<string, PlanTerms>> = {
  free: { price: 0, requestsADay: 2_000, aiTokensADay: 200_000, seats: 3, segment: 'self-serve' },
  team: { price: 49, requestsADay: 20_000, aiTokensADay: 2_000_000, seats: 15, segment: 'small business' },
  business: { price: 249, requestsADay: 100_000, aiTokensADay: 10_000_000, seats: 60, segment: 'mid-market' },
  enterprise: { price: 1_900, requestsADay: 500_000, aiTokensADay: 40_000_000, seats: 400, segment: 'enterprise' },
};
const OWNERS = ['Ada Okafor', 'Jonas Lind', 'Mei Tanaka'];
const MICRO = 1_000_000;

/** What the cloud charges for the month, by service, in US dollars. */
const CLOUD_BILL = [
  ['Compute Engine', 1_840.12],
  ['Cloud SQL', 1_210.4],
  ['Cloud Storage', 312.77],
  ['Networking', 428.06],
  ['Support', 250],
] as const;

const RULES: AllocationRuleItem[] = [
  {
    id: 'compute',
    part: 'compute',
    match: { service: ['Compute*'] },
    method: { kind: 'proportional', key: 'busy_ns', without_tenant: 'unallocated', idle: null },
  },
  {
    id: 'databases',
    part: 'databases',
    match: { service: ['Cloud SQL'] },
    method: { kind: 'proportional', key: 'db_ns', without_tenant: 'unallocated', idle: null },
  },
  {
    id: 'network',
    part: 'network',
    match: { service: ['Networking'] },
    method: { kind: 'proportional', key: 'response_bytes', without_tenant: 'spread', idle: null },
  },
  { id: 'storage', part: 'storage', match: { service: ['Cloud Storage'] }, method: { kind: 'even', plans: null } },
  { id: 'support', part: 'support', match: { service: ['Support'] }, method: { kind: 'shared' } },
];

const monthOf = (now: number) => new Date(now).toISOString().slice(0, 7);

/**
 * What an operator's other systems would tell Tenantry, through the same API: what plans hold, who the customers are and
 * what they pay, which version went out. Telemetry knows none of it.
 * @param config of a server that runs
 */
export async function enterBusiness(config: Config, customers: readonly DemoCustomer[], now: number): Promise<void> {
  for (const [plan, { price, requestsADay, aiTokensADay, seats }] of Object.entries(TERMS)) {
    await askServer(config, 'PUT', `/v1/plans/${plan}`, {
      quotas: [
        { key: 'requests', period: 'day', limit: requestsADay },
        { key: 'ai_tokens', period: 'day', limit: aiTokensADay },
        { key: 'seats', period: 'month', limit: seats, kind: 'hard' },
      ],
      price: { amount_micro: price * MICRO, currency: 'USD' },
      effective_from: new Date(now - 90 * DAY_MS).toISOString(),
    });
  }
  for (const { id, plan } of customers) {
    await askServer(config, 'PUT', `/v1/tenants/${encodeURIComponent(id)}/plan`, { plan });
  }
  await askServer(config, 'POST', '/v1/tenant-profiles/imports', { content: profiles(customers) });
  await askServer(config, 'POST', '/v1/revenue/imports', {
    file_name: 'subscriptions.csv',
    content: subscriptions(customers, now),
  });
  await askServer(config, 'POST', '/v1/revenue/imports', {
    file_name: 'invoices.csv',
    content: invoices(customers, now),
  });
  const noisy = customers.find(({ plan }) => plan === 'team');
  if (noisy !== undefined) {
    const cap = { period: 'month', amount_micro: 40 * MICRO, currency: 'USD' };
    await askServer(config, 'PUT', `/v1/caps/${encodeURIComponent(noisy.id)}`, cap);
  }
  await askServer(config, 'POST', '/v1/deploys', {
    ...{ service: 'demo-saas', version: '2.8.0', note: 'Search by customer' },
    at: new Date(now).toISOString(),
  });
  const { version } = await askServer<AllocationRuleSet>(config, 'GET', '/v1/allocation-rules');
  // On data of an earlier run they are there, perhaps changed by whoever tried them.
  if (version === 0) {
    await askServer(config, 'PUT', '/v1/allocation-rules', {
      based_on: 0,
      rules: RULES,
      comment: 'Shares of the demo',
    });
  }
}

/** The month's bill up to now, shared out by what was used up to now; sent again, it takes its own place. */
export async function enterCloudBill(config: Config, now: number): Promise<void> {
  const month = monthOf(now);
  const lines = CLOUD_BILL.map(([service, amount]) => `${month},cloud,main,${service},${amount.toFixed(2)},USD`);
  const query = new URLSearchParams({ file_name: `cloud-${month}.csv`, invoice: month, issuer: 'Example Cloud' });
  query.set('replace', 'true');
  await fetchFromServer(config, 'POST', `/v1/bills?${query}`, {
    body: `period,provider,account,service,amount,currency\n${lines.join('\n')}\n`,
    contentType: 'text/csv',
  });
}

function profiles(customers: readonly DemoCustomer[]): string {
  const lines = customers.map(({ id, plan }, index) => {
    const owner = plan === 'free' ? '' : OWNERS[index % OWNERS.length];
    return `${id},${TERMS[plan]?.segment ?? ''},${owner ?? ''}`;
  });
  return `tenant_id,segment,owner\n${lines.join('\n')}\n`;
}

function subscriptions(customers: readonly DemoCustomer[], now: number): string {
  const paying = customers.flatMap(({ id, plan }, index) => {
    const price = TERMS[plan]?.price ?? 0;
    // The same in every run of a month: a file that tells the same twice counts once.
    const started = `${monthOf(now - (60 + 20 * index) * DAY_MS)}-01T00:00:00Z`;
    return price === 0 ? [] : [`sub_${id},cus_${id},${id},${plan},active,USD,${price.toFixed(2)},month,${started}`];
  });
  return `subscription_id,customer_id,tenant_id,plan,status,currency,amount,interval,started_at\n${paying.join('\n')}\n`;
}

/** Of the present month and the one before. */
function invoices(customers: readonly DemoCustomer[], now: number): string {
  const at = new Date(now);
  const begin = (back: number) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - back, 1)).toISOString();
  const lines = customers.flatMap(({ id, plan }) => {
    const price = TERMS[plan]?.price ?? 0;
    if (price === 0) return [];
    return [1, 0].map((back) =>
      [
        ...[`in_${id}_${monthOf(Date.parse(begin(back)))}`, `cus_${id}`, id, plan, 'paid', 'USD', price.toFixed(2)],
        ...[begin(back), begin(back), begin(back - 1)],
      ].join(),
    );
  });
  return `invoice_id,customer_id,tenant_id,plan,status,currency,amount,issued_at,period_from,period_to\n${lines.join('\n')}\n`;
}
