import type { AuditItem, AuditList } from '../../../src/api/audit-contract.ts';
import type { ThrottleItem, WhoAmI } from '../../../src/api/contract.ts';
import type { DeletionRequestItem, DeletionRequestList } from '../../../src/api/deletions-contract.ts';
import type { DirectoryItem, DirectoryList } from '../../../src/api/lifecycle-contract.ts';
import type { RetentionOverviewItem, TenantRetentionItem } from '../../../src/api/lifecycle-retention-contract.ts';
import type { OnboardedTenant } from '../../../src/api/onboarding-contract.ts';
import type { PlanItem, PlanList } from '../../../src/api/plans-contract.ts';
import type { QuotaItem, QuotaList } from '../../../src/api/quotas-contract.ts';
import type { CapItem, CapList } from '../../../src/api/spend-contract.ts';
import { allPages } from '../shared/all-pages.ts';
import { get, listThrottles, send } from '../shared/api-client.ts';
import { isFor } from '../shared/page.ts';

const HISTORY = 8;

export interface LifecycleFacts {
  readonly tenants: readonly DirectoryItem[];
  readonly lastSeenKnown: boolean;
  readonly caps: readonly CapItem[];
  readonly throttles: readonly ThrottleItem[];
  readonly plans: readonly PlanItem[];
  /** undefined: not for this role to know. */
  readonly deletions: readonly DeletionRequestItem[] | undefined;
}

const path = (tenantId: string, rest: string) => `/v1/tenants/${encodeURIComponent(tenantId)}/${rest}`;

async function directory(signal: AbortSignal) {
  let lastSeenKnown = true;
  const tenants = await allPages(async (cursor) => {
    const list = await get<DirectoryList>('/v1/tenant-directory', { limit: 1_000, cursor }, signal);
    lastSeenKnown &&= list.last_seen_known;
    return list;
  });
  return { tenants, lastSeenKnown };
}

export async function lifecycleFacts(who: WhoAmI | undefined, signal: AbortSignal): Promise<LifecycleFacts> {
  const mayKnowDeletions = who !== undefined && isFor(who, ['admin']);
  const [known, caps, throttles, plans, deletions] = await Promise.all([
    directory(signal),
    allPages((cursor) => get<CapList>('/v1/caps', { limit: 200, cursor }, signal)),
    listThrottles({ activeOnly: true }, signal),
    get<PlanList>('/v1/plans', {}, signal),
    mayKnowDeletions ? get<DeletionRequestList>('/v1/deletion-requests', {}, signal) : undefined,
  ]);
  return { ...known, caps, throttles, plans: plans.items, deletions: deletions?.items };
}

/** Quotas of one tenant in the running periods. */
export async function quotasOf(tenantId: string, signal: AbortSignal): Promise<readonly QuotaItem[]> {
  return (await get<QuotaList>('/v1/quotas', { tenant_id: tenantId, limit: 500 }, signal)).items;
}

/** The newest that was done to a tenant. */
export async function historyOf(tenantId: string, signal: AbortSignal): Promise<readonly AuditItem[]> {
  return (await get<AuditList>('/v1/audit', { tenant_id: tenantId, limit: HISTORY }, signal)).items;
}

/** `effective`: `now`, `period_end`, or a moment in RFC 3339. */
export const setPlan = (tenantId: string, plan: string | null, effective: string) =>
  send('PUT', path(tenantId, 'plan'), { plan, effective });
export const cancelPlan = (tenantId: string) => send('DELETE', path(tenantId, 'plan/scheduled'));
export const changeState = (tenantId: string, change: string, body: object) =>
  send('POST', path(tenantId, change), body);
export const onboard = (body: object, idempotencyKey: string) =>
  send<OnboardedTenant>('POST', '/v1/tenants', body, { 'idempotency-key': idempotencyKey });
export const retentionOf = (tenantId: string, signal: AbortSignal) =>
  get<TenantRetentionItem>(path(tenantId, 'retention'), {}, signal);
export const setRetention = (tenantId: string, body: object) => send('PUT', path(tenantId, 'retention'), body);
export const retentionOverview = (signal: AbortSignal) => get<RetentionOverviewItem>('/v1/retention', {}, signal);
export const runRetention = () => send('POST', '/v1/retention/runs');
export const setSeats = (tenantId: string, seats: number) => send('PUT', path(tenantId, 'seats'), { seats });
export const setBillingDay = (tenantId: string, day: number | null) =>
  send('PUT', path(tenantId, 'billing-day'), { day });
export const setPlacement = (tenantId: string, placement: 'pooled' | 'dedicated', reason: string) =>
  send('PUT', path(tenantId, 'placement'), { placement, reason });
