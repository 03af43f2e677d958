/** Customers for the pages of sales: plans with prices, use against quotas, signals, and one that came by itself. */
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { type SeededSignal, seedSignals } from './dashboards-postgres.ts';
import { type DashboardsWorld, requestSpans } from './dashboards-world.ts';

const DAY_MS = 86_400_000;
const USD = (amount_micro: number) => ({ amount_micro, currency: 'USD' });
const monthly = (requests: number, tokens: number) => [
  { key: 'requests', period: 'month', limit: requests, kind: 'soft' },
  { key: 'ai_tokens', period: 'month', limit: tokens, kind: 'hard' },
  { key: 'seats', period: 'month', limit: 10, kind: 'soft' },
];

const CUSTOMER_PLANS = {
  'sales-team': { quotas: monthly(200, 100_000), features: ['search'], price: USD(49_000_000), ceiling_rps: 20 },
  'sales-business': { quotas: monthly(2_000, 1_000_000), features: ['search', 'sso'], price: USD(249_000_000) },
  'sales-scale': { quotas: monthly(50_000, 9_000_000), features: ['search', 'sso'], price: USD(990_000_000) },
};

/** Requests that each sends, all of them in the last two hours. */
export const CUSTOMERS = {
  'sales-near': { plan: 'sales-team', requests: 190 },
  'sales-over': { plan: 'sales-team', requests: 230 },
  'sales-calm': { plan: 'sales-business', requests: 40 },
  'sales-newcomer': { plan: null, requests: 12 },
} as const;

function signalsAt(now: number): readonly SeededSignal[] {
  const of = (tenantId: string) => tenantId as TenantId;
  const near = {
    key: 'requests',
    period: 'month',
    limit: 200,
    share: 0.95,
    used: 190,
    share_now: 0.95,
    share_before: 0.62,
  };
  const over = { ...near, share: 1.15, used: 230, share_now: 1.15, share_before: null };
  return [
    {
      ...{ tenantId: of('sales-near'), kind: 'near_quota', subject: 'requests/month', strength: 45 },
      sentence: 'sales-near has used 95.0 % of its 200 requests this month (190)',
      ...{
        evidence: { figures: near, links: ['/v1/quotas?tenant_id=sales-near&key=requests'] },
        since: now - 5 * DAY_MS,
      },
    },
    {
      ...{ tenantId: of('sales-near'), kind: 'growth', subject: 'requests', strength: 38 },
      sentence: "sales-near's requests grow by 38.0 % in four weeks (median week 1,600, over 8 weeks)",
      evidence: {
        figures: {
          metric: 'requests',
          weeks: 8,
          median_week: 1_600,
          last_week: 2_300,
          per_four_weeks: 0.38,
          agreement: 0.9,
        },
        links: [],
      },
      since: now - 2 * DAY_MS,
    },
    {
      ...{ tenantId: of('sales-over'), kind: 'near_quota', subject: 'requests/month', strength: 100 },
      sentence: 'sales-over has used 115.0 % of its 200 requests this month (230)',
      ...{ evidence: { figures: over, links: [] }, since: now - 9 * DAY_MS },
    },
    {
      ...{ tenantId: of('sales-calm'), kind: 'negative_margin', subject: '', strength: 22 },
      sentence: 'sales-calm costs 312.40 USD and pays 249.00 USD in the last month',
      evidence: { figures: { currency: 'USD', revenue_micro: 249_000_000, cost_micro: 312_400_000 }, links: [] },
      since: now - 20 * DAY_MS,
    },
    {
      ...{ tenantId: of('sales-calm'), kind: 'limited_experience', subject: '', strength: 12 },
      sentence: 'sales-calm was throttled for 3.5 h and had degraded features for 1.0 h in the last 14 days',
      evidence: { figures: { throttled_seconds: 12_600, degraded_seconds: 3_600, days: 14 }, links: [] },
      since: now - DAY_MS,
    },
  ];
}

async function put(world: DashboardsWorld, path: string, body: unknown): Promise<void> {
  const answer = await world.tenantry.ask(path, { method: 'PUT', body });
  if (answer.status !== 200) throw new Error(`PUT ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

/** Once for all suites that show customers: later calls wait for the first. */
const seeded = new WeakMap<DashboardsWorld, Promise<void>>();

export function seedCustomers(world: DashboardsWorld): Promise<void> {
  const known = seeded.get(world);
  if (known !== undefined) return known;
  const work = seed(world);
  seeded.set(world, work);
  return work;
}

async function seed(world: DashboardsWorld): Promise<void> {
  for (const [plan, terms] of Object.entries(CUSTOMER_PLANS)) await put(world, `/v1/plans/${plan}`, terms);
  const spans = Object.entries(CUSTOMERS).flatMap(([tenant, { requests }]) =>
    Array.from({ length: requests }, (_, index) =>
      requestSpans(tenant, index, world.seededTo - 7_200_000 + index * 20_000),
    ),
  );
  await world.send(spans.flat());
  for (const [tenant, { plan }] of Object.entries(CUSTOMERS)) {
    if (plan !== null) await put(world, `/v1/tenants/${tenant}/plan`, { plan });
  }
  await put(world, '/v1/tenants/sales-near/seats', { seats: 9 });
  await put(world, '/v1/tenants/sales-near/profile', { segment: 'retail', owner: 'kim', display_name: 'Near & Co.' });
  await put(world, '/v1/tenants/sales-over/profile', { segment: 'finance', owner: 'lee' });
  await seedSignals(world.tenantry.dataDir, signalsAt(Date.now()), Date.now());
}
