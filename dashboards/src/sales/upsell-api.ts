import type { DirectoryList } from '../../../src/api/lifecycle-contract.ts';
import type { PlanList } from '../../../src/api/plans-contract.ts';
import type { TenantProfileList } from '../../../src/api/profiles-contract.ts';
import type { QuotaList } from '../../../src/api/quotas-contract.ts';
import type { RevenueAnswer } from '../../../src/api/revenue-contract.ts';
import type {
  DedicatedOffers,
  PlacementAdviceList,
  SignalItem,
  SignalList,
} from '../../../src/api/signals-contract.ts';
import { allPages } from '../shared/all-pages.ts';
import { get, send, serverNow } from '../shared/api-client.ts';
import type { UpsellFacts } from './upsell-model.ts';

const MONTH_MS = 30 * 86_400_000;

function allTenants(signal: AbortSignal) {
  return allPages((cursor) => get<DirectoryList>('/v1/tenant-directory', { limit: 1_000, cursor }, signal));
}

function allProfiles(signal: AbortSignal) {
  return allPages((cursor) => get<TenantProfileList>('/v1/tenant-profiles', { limit: 1_000, cursor }, signal));
}

function allQuotas(signal: AbortSignal) {
  return allPages((cursor) => get<QuotaList>('/v1/quotas', { limit: 500, cursor }, signal));
}

async function allPlans(signal: AbortSignal) {
  return (await get<PlanList>('/v1/plans', {}, signal)).items;
}

/** What tenants pay at the end of the last 30 days. */
async function payments(signal: AbortSignal): Promise<RevenueAnswer['items']> {
  const now = serverNow();
  const window = { from: new Date(now - MONTH_MS).toISOString(), to: new Date(now).toISOString() };
  return (await get<RevenueAnswer>('/v1/revenue', window, signal)).items;
}

/** Everything that leads are made of. Signals that were put aside are asked for by `withDismissed`. */
export async function upsellFacts(withDismissed: boolean, signal: AbortSignal): Promise<UpsellFacts> {
  const status = withDismissed ? 'dismissed' : 'open';
  const [signals, plans, quotas, tenants, profiles, revenue] = await Promise.all([
    allPages((cursor) => get<SignalList>('/v1/signals', { limit: 500, status, cursor }, signal)),
    allPlans(signal),
    allQuotas(signal),
    allTenants(signal),
    allProfiles(signal),
    payments(signal),
  ]);
  return { signals, plans, quotas, tenants, profiles, revenue };
}

export function dismissSignal(id: string, reason: string, until: string | null): Promise<SignalItem> {
  const body = { reason, ...(until === null ? {} : { until }) };
  return send('POST', `/v1/signals/${encodeURIComponent(id)}/dismiss`, body);
}

export async function placementFacts(signal: AbortSignal) {
  const [{ items }, terms] = await Promise.all([
    get<PlacementAdviceList>('/v1/placement-advice', {}, signal),
    get<DedicatedOffers>('/v1/dedicated-offers', {}, signal),
  ]);
  return { items, terms };
}
