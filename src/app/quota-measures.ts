/** What tenants used, in the keys that quotas are about. */
import type { QuotaKey } from '../domain/plan.ts';
import { isFromSpans, metricsOf } from '../domain/quota.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import { METER_PLACES } from '../domain/usage-event.ts';
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
  /** Sums of meters come in billionths of their unit (METER_PLACES), counts as they are. */
  meters(): Promise<readonly { readonly slug: string; readonly aggregation: string }[]>;
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

const METER_UNIT = 10n ** BigInt(METER_PLACES);
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
    measureCounts(sources, { tenants, window, keys: keys.filter(isCounted) }, note),
    keys.includes('storage_bytes') ? measureStored(sources.usage, tenants, window.to, note) : undefined,
    keys.includes('ai_cost') ? measureAiCost(sources, { tenants, keys, window }, note) : undefined,
    keys.includes('seats') ? measureSeats(sources, tenants, levelAt, note) : undefined,
  ]);
  return measures;
}

type Note = (tenant: TenantId, key: QuotaKey, value: bigint) => void;

const isCounted = (key: QuotaKey) => key !== 'storage_bytes' && metricsOf(key).length > 0;

async function measureCounts(
  sources: QuotaSources,
  { tenants, keys, window }: MeasureQuestion,
  note: Note,
): Promise<void> {
  if (keys.length === 0 || window.from >= window.to) return;
  const { usage } = sources;
  const metrics = [...new Set<UsageKey>(['spans', ...keys.flatMap(metricsOf)])];
  const [rows, sums] = await Promise.all([usage.totals({ window, metrics, tenants }), meterSums(sources, keys)]);
  const known = new Map(rows.map((row) => [row.tenantId, row.values]));
  const spoke = (tenant: TenantId) => (known.get(tenant)?.get('spans') ?? 0n) > 0n;
  const othersSpoke = tenants.every(spoke) || rows.some(hasSpans) || (await anySpans(usage, window));
  for (const tenant of tenants) {
    const didNothing = othersSpoke && !spoke(tenant);
    const measuredOf = (metric: UsageKey) =>
      known.get(tenant)?.get(metric) ?? (didNothing && isFromSpans(metric) ? 0n : undefined);
    for (const key of keys) {
      const value = sumOf(metricsOf(key).map(measuredOf));
      if (value !== undefined) note(tenant, key, sums.has(key) ? value / METER_UNIT : value);
    }
  }
}

/** What was measured of it; undefined: nothing. */
function sumOf(parts: readonly (bigint | undefined)[]): bigint | undefined {
  const measured = parts.filter((part) => part !== undefined);
  return measured.length === 0 ? undefined : measured.reduce((sum, part) => sum + part, 0n);
}

/** Meters whose values are sums, and so may have been fractions. */
async function meterSums(
  sources: Pick<QuotaSources, 'meters'>,
  keys: readonly QuotaKey[],
): Promise<ReadonlySet<string>> {
  if (!keys.some((key) => key.startsWith('meter:'))) return new Set();
  const meters = await sources.meters();
  return new Set(meters.filter(({ aggregation }) => aggregation === 'sum').map(({ slug }) => `meter:${slug}`));
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

/** Who made no call is absent from the costs: that is nothing spent, where spans arrived at all. */
async function measureAiCost(sources: QuotaSources, { tenants, window }: MeasureQuestion, note: Note): Promise<void> {
  const costs = await sources.aiCost.byTenant(window, tenants);
  const spentNothing = tenants.filter((tenant) => !costs.has(tenant));
  const heard = spentNothing.length > 0 && (costs.size > 0 || (await anySpans(sources.usage, window)));
  for (const [tenant, { costMicro }] of costs) if (costMicro !== null) note(tenant, 'ai_cost', costMicro);
  if (heard) for (const tenant of spentNothing) note(tenant, 'ai_cost', 0n);
}

async function measureSeats(
  sources: QuotaSources,
  tenants: readonly TenantId[],
  at: number,
  note: Note,
): Promise<void> {
  for (const [tenant, seats] of await sources.seats(tenants, at)) note(tenant, 'seats', seats);
}

type UsedHours = ReadonlyMap<TenantId, ReadonlyMap<QuotaKey, readonly UsedHour[]>>;

/**
 * Hour by hour, for the forecast. AI spend is read by the day, as each day is priced by itself, and spread evenly over its
 * hours. Levels have no hours.
 */
export async function measureHours(
  sources: Pick<QuotaSources, 'usage' | 'meters' | 'aiCost'>,
  question: MeasureQuestion,
): Promise<UsedHours> {
  const { tenants, keys } = question;
  if (tenants.length === 0) return new Map();
  const [counted, spent] = await Promise.all([
    countedHours(sources, { ...question, keys: keys.filter(isCounted) }),
    keys.includes('ai_cost') ? spentHours(sources.aiCost, question) : new Map<TenantId, readonly UsedHour[]>(),
  ]);
  return new Map(
    tenants.map((tenant) => {
      const hours = spent.get(tenant);
      return [
        tenant,
        new Map([...(counted.get(tenant) ?? []), ...(hours === undefined ? [] : [['ai_cost', hours] as const])]),
      ];
    }),
  );
}

async function countedHours(
  sources: Pick<QuotaSources, 'usage' | 'meters'>,
  { tenants, keys, window }: MeasureQuestion,
): Promise<UsedHours> {
  if (keys.length === 0) return new Map();
  const metrics = [...new Set(keys.flatMap(metricsOf))];
  const [series, sums] = await Promise.all([
    sources.usage.series({ window, metrics, tenants, step: 'hour' }),
    meterSums(sources, keys),
  ]);
  return new Map(
    series.map(({ tenantId, steps }) => [
      tenantId,
      new Map(
        keys.map((key) => {
          const unit = sums.has(key) ? METER_UNIT : 1n;
          const amountOf = (values: ReadonlyMap<UsageKey, bigint>) =>
            Number((sumOf(metricsOf(key).map((metric) => values.get(metric))) ?? 0n) / unit);
          return [key, steps.map(({ at, values }) => ({ at, amount: amountOf(values) }))] as const;
        }),
      ),
    ]),
  );
}

async function spentHours(
  cost: QuotaAiCost,
  { tenants, window }: MeasureQuestion,
): Promise<ReadonlyMap<TenantId, readonly UsedHour[]>> {
  const hours = new Map<TenantId, UsedHour[]>(tenants.map((tenant) => [tenant, []]));
  for (let from = window.from; from < window.to; from += DAY_MS) {
    const to = Math.min(window.to, from + DAY_MS);
    const count = Math.max(1, Math.round((to - from) / HOUR_MS));
    for (const [tenant, { costMicro }] of await cost.byTenant({ from, to }, tenants)) {
      const amount = Number(costMicro ?? 0n) / count;
      for (let index = 0; index < count; index += 1) hours.get(tenant)?.push({ at: from + index * HOUR_MS, amount });
    }
  }
  return hours;
}
