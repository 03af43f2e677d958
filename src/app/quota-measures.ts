/** What tenants used, in the keys that quotas are about. */
import type { QuotaKey } from '../domain/plan.ts';
import { isFromSpans, metricsOf } from '../domain/quota.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import type { UsedHour } from '../domain/use-forecast.ts';
import { DAY_MS, floorTo, HOUR_MS, type Window } from '../domain/window.ts';

interface UsageQuestion {
  readonly window: Window;
  readonly metrics: readonly UsageKey[];
  readonly tenants?: readonly TenantId[];
}

/** What tenants used, from rollups; whoever used nothing, and what nobody measured, is absent. */
export interface QuotaUsage {
  totals(
    question: UsageQuestion,
  ): Promise<readonly { readonly tenantId: TenantId; readonly values: ReadonlyMap<UsageKey, bigint> }[]>;
  series(question: UsageQuestion & { readonly step: 'hour' }): Promise<
    readonly {
      readonly tenantId: TenantId;
      readonly steps: readonly { readonly at: number; readonly values: ReadonlyMap<UsageKey, bigint> }[];
    }[]
  >;
}

/** What AI calls cost; null where a part of them has no price. */
export interface QuotaAiCost {
  byTenant(
    window: Window,
    tenants?: readonly TenantId[],
  ): Promise<ReadonlyMap<TenantId, { readonly costMicro: bigint | null }>>;
}

export interface QuotaSources {
  readonly usage: QuotaUsage;
  readonly aiCost: QuotaAiCost;
  /** As last said by `at`, Unix ms. */
  seats(tenants: readonly TenantId[], at: number): Promise<ReadonlyMap<TenantId, bigint>>;
}

/** Values by tenant and key; what was not measured is absent. */
export type QuotaMeasures = ReadonlyMap<TenantId, ReadonlyMap<QuotaKey, bigint>>;

export interface MeasureQuestion {
  readonly tenants: readonly TenantId[];
  readonly keys: readonly QuotaKey[];
  /** Up to now at most. */
  readonly window: Window;
}

interface LevelQuestion extends MeasureQuestion {
  /** Unix ms at which levels are asked for: now, or the last moment of a window that is over. */
  readonly levelAt: number;
}

/** What is stored "now" is the mean of so long: collectors run once an hour, and bills go by the day. */
const STORED_OVER_MS = DAY_MS;

/** Uses of the window by key. */
export async function measureQuotas(
  sources: QuotaSources,
  { tenants, keys, window, levelAt }: LevelQuestion,
): Promise<QuotaMeasures> {
  const measures = new Map<TenantId, Map<QuotaKey, bigint>>(tenants.map((tenant) => [tenant, new Map()]));
  const note = (tenant: TenantId, key: QuotaKey, value: bigint) => measures.get(tenant)?.set(key, value);
  await Promise.all([
    measureCounts(sources.usage, { tenants, window, keys: keys.filter((key) => isCounted(key)) }, note),
    keys.includes('storage_bytes') ? measureStored(sources.usage, tenants, window.to, note) : undefined,
    keys.includes('ai_cost') ? measureAiCost(sources.aiCost, tenants, window, note) : undefined,
    keys.includes('seats') ? measureSeats(sources, tenants, levelAt, note) : undefined,
  ]);
  return measures;
}

type Note = (tenant: TenantId, key: QuotaKey, value: bigint) => void;

const isCounted = (key: QuotaKey) => key !== 'storage_bytes' && metricsOf(key).length > 0;

async function measureCounts(usage: QuotaUsage, { tenants, keys, window }: MeasureQuestion, note: Note): Promise<void> {
  if (keys.length === 0 || window.from >= window.to) return;
  const metrics = [...new Set<UsageKey>(['spans', ...keys.flatMap(metricsOf)])];
  const rows = await usage.totals({ window, metrics, tenants });
  const known = new Map(rows.map((row) => [row.tenantId, row.values]));
  const silent = tenants.filter((tenant) => (known.get(tenant)?.get('spans') ?? 0n) === 0n);
  const othersSpoke = silent.length > 0 && (rows.some(hasSpans) || (await anySpans(usage, window)));
  for (const tenant of tenants) {
    const values = known.get(tenant);
    const didNothing = othersSpoke && (values?.get('spans') ?? 0n) === 0n;
    for (const key of keys) {
      const parts = metricsOf(key).map(
        (metric) => values?.get(metric) ?? (didNothing && isFromSpans(metric) ? 0n : null),
      );
      const measured = parts.filter((part) => part !== null);
      if (measured.length > 0)
        note(
          tenant,
          key,
          measured.reduce((sum, part) => sum + part, 0n),
        );
    }
  }
}

const hasSpans = ({ values }: { readonly values: ReadonlyMap<UsageKey, bigint> }) => (values.get('spans') ?? 0n) > 0n;

/** Whether anybody's spans arrived at all: without, silence says nothing about anybody. */
async function anySpans(usage: QuotaUsage, window: Window): Promise<boolean> {
  return (await usage.totals({ window, metrics: ['spans'] })).some(hasSpans);
}

async function measureStored(usage: QuotaUsage, tenants: readonly TenantId[], at: number, note: Note): Promise<void> {
  const to = floorTo(at, HOUR_MS);
  const window = { from: to - STORED_OVER_MS, to };
  const hours = BigInt(STORED_OVER_MS / HOUR_MS);
  for (const { tenantId, values } of await usage.totals({ window, metrics: ['storage_byte_hours'], tenants })) {
    const byteHours = values.get('storage_byte_hours');
    if (byteHours !== undefined) note(tenantId, 'storage_bytes', byteHours / hours);
  }
}

async function measureAiCost(
  cost: QuotaAiCost,
  tenants: readonly TenantId[],
  window: Window,
  note: Note,
): Promise<void> {
  for (const [tenant, { costMicro }] of await cost.byTenant(window, tenants)) {
    if (costMicro !== null) note(tenant, 'ai_cost', costMicro);
  }
}

async function measureSeats(
  sources: QuotaSources,
  tenants: readonly TenantId[],
  at: number,
  note: Note,
): Promise<void> {
  for (const [tenant, seats] of await sources.seats(tenants, at)) note(tenant, 'seats', seats);
}

/** Hour by hour, for the forecast. Keys that come together otherwise than by the hour have no hours here. */
export async function measureHours(
  usage: QuotaUsage,
  { tenants, keys, window }: MeasureQuestion,
): Promise<ReadonlyMap<TenantId, ReadonlyMap<QuotaKey, readonly UsedHour[]>>> {
  const counted = keys.filter(isCounted);
  if (counted.length === 0 || tenants.length === 0) return new Map();
  const metrics = [...new Set(counted.flatMap(metricsOf))];
  const series = await usage.series({ window, metrics, tenants, step: 'hour' });
  return new Map(
    series.map(({ tenantId, steps }) => [
      tenantId,
      new Map(
        counted.map((key) => {
          const amountOf = (values: ReadonlyMap<UsageKey, bigint>) =>
            metricsOf(key).reduce((sum, metric) => sum + (values.get(metric) ?? 0n), 0n);
          return [key, steps.map(({ at, values }) => ({ at, amount: Number(amountOf(values)) }))] as const;
        }),
      ),
    ]),
  );
}
