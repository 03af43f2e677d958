import type { AnomalyItem, TenantFigures, ThrottleItem } from '../../../src/api/contract.ts';
import { isReservedTenant } from '../../../src/domain/tenant-id.ts';
import { listAnomalies, listBreakers, listTenants, listThrottles, serverNow } from '../shared/api-client.ts';
import type { Mark } from '../shared/chart-options.ts';
import { type RangeWindow, rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';

const INTERVAL_MS = 5_000;
const LOOKUP_PAGE = 200;
/** One tenant's row is found by searching its id; so many pages of ids that contain it are looked through. */
const LOOKUP_PAGES = 5;

interface Found {
  readonly figures: TenantFigures | undefined;
  readonly sparkStepSeconds: number;
  readonly dataUntil: number | null;
}

async function findTenant(tenantId: string, window: RangeWindow, signal: AbortSignal): Promise<Found> {
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const query = { window, sort: 'tenant_id', order: 'asc', search: tenantId, limit: LOOKUP_PAGE, cursor } as const;
    const list = await listTenants(query, signal);
    const figures = list.items.find((item) => item.tenant_id === tenantId);
    if (figures || list.next_cursor === null || page === LOOKUP_PAGES) {
      return { figures, sparkStepSeconds: list.spark_step_seconds, dataUntil: list.data_until };
    }
    cursor = list.next_cursor;
  }
}

/** Stretches of time that the charts shade. */
export function marksOf(throttles: readonly ThrottleItem[], anomalies: readonly AnomalyItem[]): Mark[] {
  const held = throttles.map((throttle) => ({
    from: Date.parse(throttle.created_at),
    to: Date.parse(throttle.ended_at ?? throttle.expires_at),
    kind: throttle.mode,
  }));
  const found = anomalies.map((anomaly) => ({
    from: Date.parse(anomaly.started_at),
    to: anomaly.ended_at === null ? Number.MAX_SAFE_INTEGER : Date.parse(anomaly.ended_at),
    kind: 'anomaly' as const,
  }));
  return [...found, ...held];
}

/** What the head of a tenant's page needs at once; everything else is asked for by the section that shows it. */
export function useTenant(tenantId: string, query: URLSearchParams) {
  const range = rangeFromQuery(query);
  const interval = range.kind === 'last' ? INTERVAL_MS : null;
  const key = JSON.stringify([tenantId, range]);
  const found = useLive(key, (signal) => findTenant(tenantId, windowOf(range, serverNow()), signal), interval);
  // Spans without a tenant are nobody's: they can be neither throttled nor out of line.
  const isTenant = !isReservedTenant(tenantId);
  const throttles = useLive(
    tenantId,
    async (signal) => (isTenant ? await listThrottles({ tenantId }, signal) : []),
    INTERVAL_MS,
  );
  const anomalies = useLive(
    key,
    async (signal) => (isTenant ? await listAnomalies({ tenantId, window: windowOf(range, serverNow()) }, signal) : []),
    INTERVAL_MS,
  );
  const breakers = useLive(
    tenantId,
    async (signal) => (isTenant ? await listBreakers(tenantId, signal) : []),
    INTERVAL_MS,
  );
  return { range, found, throttles, anomalies, breakers, isTenant };
}

export type TenantAnswers = ReturnType<typeof useTenant>;
