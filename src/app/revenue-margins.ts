import {
  type FeatureMeasure,
  type FeatureUseRow,
  featureUse,
} from '../aggregate/queries/across-tenants/margin-feature-use.ts';
import type { ForecastAsked, MarginAnswer, MarginQuestion } from '../api/revenue-ports.ts';
import { type DayAmount, forecastMonth, type MonthForecast } from '../cost/forecast.ts';
import { planMargins, tenantMargins, totalMargin } from '../cost/margin.ts';
import { type Feature, featureMargins } from '../cost/margin-features.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { CostDaysReader, CostReader, Costs } from '../domain/cost.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import { alignOutwards, DAY_MS, floorTo, type Window } from '../domain/window.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { RevenueFeatureStore } from '../store/postgres/revenue-feature-store.ts';
import { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import type { StoredRevenue } from './revenue-stored.ts';

const MARGINS: StaffActor = { kind: 'system', subject: 'margins' };
/** A quarter: enough for a range over a whole month. */
const HISTORY_DAYS = 92;

export interface MarginsOptions {
  readonly revenue: StoredRevenue;
  readonly costs: CostReader & CostDaysReader;
  readonly features: RevenueFeatureStore;
  readonly clickhouse: AnalyticsReader;
  readonly postgres: Postgres;
}

/** Revenue less cost, and what both will come to. Windows are whole days, as costs are. */
export class Margins {
  readonly #options: MarginsOptions;
  readonly #directory: TenantDirectory;

  constructor(options: MarginsOptions) {
    this.#options = options;
    this.#directory = new TenantDirectory(options.postgres);
  }

  async margins({ window: asked, groupBy, measure }: MarginQuestion): Promise<MarginAnswer> {
    const window = alignOutwards(asked, DAY_MS);
    const { costs: ledger, revenue } = this.#options;
    const [costs, paid] = await Promise.all([ledger.costs({ window }), revenue.revenue({ window })]);
    const tenants = [...costs.items, ...paid].map(({ tenantId }) => tenantId).filter(isTenantId);
    const plans = await this.#directory.plans(MARGINS, [...new Set(tenants)]);
    const margins = tenantMargins(paid, costs, plans);
    const answer = {
      window,
      currency: costs.currency,
      total: totalMargin(margins),
      tenants: [],
      plans: [],
      features: [],
    };
    if (groupBy === 'tenant') return { ...answer, tenants: margins };
    if (groupBy === 'plan') return { ...answer, plans: planMargins(margins) };
    return { ...answer, features: await this.#byFeature(window, costs, measure) };
  }

  async #byFeature(window: Window, costs: Costs, measure: FeatureMeasure) {
    const { features: store, revenue, clickhouse } = this.#options;
    const features = await store.list(MARGINS);
    const [recognised, use] = await Promise.all([
      revenue.recognised(window),
      readUse(clickhouse, window, features, measure),
    ]);
    const revenueByPlan = new Map<string, bigint>();
    for (const { currency, plans } of recognised) {
      if (currency !== costs.currency) continue;
      for (const [plan, amount] of plans) revenueByPlan.set(plan, (revenueByPlan.get(plan) ?? 0n) + amount);
    }
    return featureMargins({ features, costs, use, revenueByPlan });
  }

  /** Of all tenants, or of one. `now`: Unix ms. */
  async forecast({ of, tenant, now }: ForecastAsked): Promise<MonthForecast & { readonly currency: string | null }> {
    const today = floorTo(now, DAY_MS);
    const window = { from: today - HISTORY_DAYS * DAY_MS, to: today };
    const { days, currency } =
      of === 'cost' ? await this.#costDays(window, tenant) : await this.#revenueDays(window, tenant);
    const known = days.filter(({ amountMicro }) => amountMicro !== 0n);
    const knownFrom = known[0]?.day ?? today;
    // Bills come late: days behind the last one with a cost are not free, they are not billed yet.
    const last = known.at(-1)?.day;
    const knownUntil = of === 'cost' && last !== undefined ? last + DAY_MS : today;
    return { ...forecastMonth({ days, knownFrom, knownUntil, now }), currency };
  }

  async #costDays(window: Window, tenant: TenantId | undefined) {
    return this.#options.costs.days({ window, ...(tenant === undefined ? {} : { tenants: [tenant] }) });
  }

  async #revenueDays(window: Window, tenant: TenantId | undefined) {
    const { currency, days } = await this.#options.revenue.daily(window, tenant);
    return {
      days: days.map((amountMicro, index): DayAmount => ({ day: window.from + index * DAY_MS, amountMicro })),
      currency,
    };
  }
}

async function readUse(
  reader: AnalyticsReader,
  window: Window,
  features: readonly Feature[],
  measure: FeatureMeasure,
): Promise<ReadonlyMap<TenantId, readonly bigint[]>> {
  const rules = features.flatMap(({ routes }, place) => routes.map((rule) => ({ ...rule, place })));
  const asked = { services: rules.map(({ service }) => service), routes: rules.map(({ route }) => route) };
  const use = new Map<TenantId, bigint[]>();
  for (const { tenant_id: tenantId, rule, amount } of await reader.rows<FeatureUseRow>(
    featureUse(window, asked, measure),
  )) {
    if (!isTenantId(tenantId)) continue;
    const weights = use.get(tenantId) ?? new Array<bigint>(features.length + 1).fill(0n);
    use.set(tenantId, weights);
    const place = rules[rule - 1]?.place ?? features.length;
    weights[place] = (weights[place] ?? 0n) + BigInt(amount);
  }
  return use;
}
