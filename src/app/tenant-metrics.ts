import type { AiCostSource } from '../aggregate/figures.ts';
import { ranking } from '../aggregate/queries/across-tenants/ranking.ts';
import { type TenantTopRow, tenantTop } from '../aggregate/queries/across-tenants/tenant-top.ts';
import type { Throttles } from '../api/ports.ts';
import type { TenantMetrics, TenantMetricsRow } from '../api/tenant-metrics-ports.ts';
import type { Config } from '../config/config.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { isReservedTenant, OTHER_TENANTS, type TenantId } from '../domain/tenant-id.ts';
import { floorTo, MINUTE_MS, SECOND_MS, type Window } from '../domain/window.ts';

export interface TenantMetricsOptions {
  readonly config: Pick<Config, 'TENANTRY_METRICS_TENANTS_TOP'>;
  readonly clickhouse: AnalyticsReader;
  readonly aiCosts: Pick<AiCostSource, 'byTenant'>;
  readonly throttles: Pick<Throttles, 'list'>;
  /** Findings that are open now. */
  readonly anomalies: { openOnes(): Promise<readonly Pick<Anomaly, 'tenantId'>[]> };
}

const SCRAPE: StaffActor = { kind: 'system', subject: 'tenant-metrics' };
/** More than can be in force at once. */
const MOST_THROTTLES = 10_000;

const WINDOW_MS = 5 * MINUTE_MS;
/** So long spans may be on their way: a minute that is read too early would be told too small. */
const SETTLE_MS = 15 * SECOND_MS;

/** What Prometheus is told of tenants: bounded to the `top` with the most requests, whole by the row of the others. */
export function tenantMetrics(options: TenantMetricsOptions): TenantMetrics {
  return {
    read: async (now) => {
      const to = floorTo(now - SETTLE_MS, MINUTE_MS);
      const window = { from: to - WINDOW_MS, to };
      const [named, throttled, findings] = await Promise.all([
        topTenants(options, window),
        throttledTenants(options),
        options.anomalies.openOnes(),
      ]);
      const [rows, costs] = await Promise.all([
        options.clickhouse.rows<TenantTopRow>(tenantTop(window, named)),
        costsByRow(options, window, named),
      ]);
      const rowOf = grouping(named);
      const held = new Set(throttled.map(rowOf));
      const found = findings.map(({ tenantId }) => rowOf(tenantId));
      const measured = new Map(rows.map((row) => [row.tenant_id, row]));
      const ids = new Set([...measured.keys(), ...held, ...found, OTHER_TENANTS]);
      return {
        ...{ window, throttledTenants: new Set(throttled).size },
        rows: [...ids].map((tenant) => ({
          ...sumsOf(tenant, measured.get(tenant)),
          ...(costs.get(tenant) ?? { aiCostMicro: 0n, aiUnpricedCalls: 0 }),
          isThrottled: held.has(tenant),
          openAnomalies: found.filter((one) => one === tenant).length,
        })),
      };
    },
  };
}

async function throttledTenants({ throttles }: TenantMetricsOptions): Promise<readonly TenantId[]> {
  const active = await throttles.list(SCRAPE, { activeOnly: true, limit: MOST_THROTTLES });
  return active.filter(({ flag }) => flag.mode === 'enforce').map(({ flag }) => flag.tenantId);
}

async function topTenants({ clickhouse, config }: TenantMetricsOptions, window: Window): Promise<readonly TenantId[]> {
  const top = config.TENANTRY_METRICS_TENANTS_TOP;
  if (top === 0) return [];
  const rows = await clickhouse.rows<{ tenant_id: TenantId }>(
    ranking({ window, sort: 'requests', order: 'desc', search: undefined, limit: top, offset: 0 }),
  );
  return rows.map((row) => row.tenant_id).filter((tenant) => !isReservedTenant(tenant));
}

/** Names that are no tenants keep rows of their own: nobody's requests are not the requests of small tenants. */
function grouping(named: readonly TenantId[]): (tenant: TenantId) => string {
  const own = new Set(named);
  return (tenant) => (own.has(tenant) || isReservedTenant(tenant) ? tenant : OTHER_TENANTS);
}

function sumsOf(
  tenant: string,
  row: TenantTopRow | undefined,
): Pick<TenantMetricsRow, 'tenant' | 'requests' | 'errors' | 'p95Ms' | 'dbMs' | 'aiInputTokens' | 'aiOutputTokens'> {
  return {
    ...{ tenant, requests: row?.requests ?? 0, errors: row?.errors ?? 0, p95Ms: row?.p95_ms ?? null },
    ...{ dbMs: (row?.db_ns ?? 0) / 1e6, aiInputTokens: row?.ai_input_tokens ?? 0 },
    aiOutputTokens: row?.ai_output_tokens ?? 0,
  };
}

type RowCost = Pick<TenantMetricsRow, 'aiCostMicro' | 'aiUnpricedCalls'>;

/** null only where nothing in the row has a price: what is known is told, and beside it how many calls are missing. */
async function costsByRow(
  { aiCosts }: TenantMetricsOptions,
  window: Window,
  named: readonly TenantId[],
): Promise<ReadonlyMap<string, RowCost>> {
  const rowOf = grouping(named);
  const costs = new Map<string, RowCost>();
  for (const [tenant, { costMicro, unpricedCalls }] of await aiCosts.byTenant(window)) {
    const row = rowOf(tenant);
    const before = costs.get(row);
    const known = [before?.aiCostMicro ?? null, costMicro].filter((micro) => micro !== null);
    costs.set(row, {
      aiCostMicro: known.length === 0 ? null : known.reduce((sum, micro) => sum + micro, 0n),
      aiUnpricedCalls: (before?.aiUnpricedCalls ?? 0) + unpricedCalls,
    });
  }
  return costs;
}
