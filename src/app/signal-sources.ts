/** What signals are made from, gathered from all over the house. Each source may fail by itself. */
import {
  beyondPlan,
  type FeatureUse,
  type LimitedTime,
  limitedExperience,
  nearQuota,
  negativeMargin,
  type TenantMargin,
  type TrendMetric,
  trendSignals,
} from '../cost/signal-conditions.ts';
import { weeklyTrend } from '../cost/signal-trend.ts';
import type { StaffActor } from '../domain/actor.ts';
import { inForceAt, type PlanChange, type PlanVersion } from '../domain/plan.ts';
import { metricsOf } from '../domain/quota.ts';
import { type SignalKind, type SignalObservation, signalKey } from '../domain/signal.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { DAY_MS, floorTo, type Window } from '../domain/window.ts';
import type { QuotaDesk } from './quota-desk.ts';
import type { QuotaUsage } from './quota-measures.ts';

const SIGNALS: StaffActor = { kind: 'system', subject: 'signals' };
const PAGE = 1_000;
const WEEK_MS = 7 * DAY_MS;
const TREND_WEEKS = 8;
const RECENT_DAYS = 7;
const TREND_METRICS: readonly TrendMetric[] = ['requests', 'ai_tokens'];

export interface SignalSourceOptions {
  readonly quotas: Pick<QuotaDesk, 'standing'>;
  readonly usage: Pick<QuotaUsage, 'totals'>;
  firstSeen(): Promise<ReadonlyMap<TenantId, number>>;
  limited(window: Window): Promise<readonly LimitedTime[]>;
  plans(): Promise<{ readonly versions: readonly PlanVersion[]; readonly changes: readonly PlanChange[] }>;
  /** Requests by feature; none where features are not told apart. */
  features(window: Window): Promise<readonly FeatureUse[]>;
  /** What tenants paid and cost in the last whole month. */
  margins(now: number): Promise<readonly TenantMargin[]>;
}

/** One way to come to observations, and the kinds that are judged when it worked. */
export interface SignalSource {
  readonly name: string;
  readonly kinds: readonly SignalKind[];
  observe(now: number): Promise<readonly SignalObservation[]>;
}

export function signalSources(options: SignalSourceOptions): readonly SignalSource[] {
  const { limited, features, margins } = options;
  return [
    { name: 'quotas', kinds: ['near_quota'], observe: (now) => observeQuotas(options.quotas, now) },
    { name: 'trends', kinds: ['growth', 'shrinking'], observe: oncePerDay((now) => observeTrends(options, now)) },
    {
      name: 'limits',
      kinds: ['limited_experience'],
      observe: async (now) => (await limited(recentWindow(now))).map((time) => limitedExperience(time, RECENT_DAYS)),
    },
    {
      name: 'features',
      kinds: ['beyond_plan'],
      observe: async (now) => beyondPlans(await features(recentWindow(now)), await options.plans(), now),
    },
    { name: 'margins', kinds: ['negative_margin'], observe: async (now) => (await margins(now)).map(negativeMargin) },
  ];
}

const recentWindow = (now: number): Window => ({ from: now - RECENT_DAYS * DAY_MS, to: now });

/** Weeks end with whole days: within a day nothing of them changes, and eight questions over a week each are dear. */
function oncePerDay(observe: SignalSource['observe']): SignalSource['observe'] {
  let known: { readonly day: number; readonly observations: readonly SignalObservation[] } | undefined;
  return async (now) => {
    const day = floorTo(now, DAY_MS);
    if (known?.day !== day) known = { day, observations: await observe(now) };
    return known.observations;
  };
}

async function observeQuotas(quotas: Pick<QuotaDesk, 'standing'>, now: number): Promise<readonly SignalObservation[]> {
  const observations: SignalObservation[] = [];
  for (let offset = 0; ; offset += PAGE) {
    const question = { offset, limit: PAGE, at: now, now, withForecast: false };
    const [current, previous] = await Promise.all([
      quotas.standing(SIGNALS, question),
      quotas.standing(SIGNALS, { ...question, before: true }),
    ]);
    const of = new Map(previous.standings.map((one) => [`${one.tenantId} ${one.quota.key} ${one.quota.period}`, one]));
    for (const one of current.standings) {
      // What a plan does not include at all is a matter of features, not of a quota that fills up.
      if (one.quota.limit === 0n) continue;
      observations.push(nearQuota(one, of.get(`${one.tenantId} ${one.quota.key} ${one.quota.period}`)));
    }
    if (current.tenants < PAGE) return observations;
  }
}

async function observeTrends(
  { usage, firstSeen }: SignalSourceOptions,
  now: number,
): Promise<readonly SignalObservation[]> {
  const end = floorTo(now, DAY_MS);
  const weeks = Array.from({ length: TREND_WEEKS }, (_, index) => {
    const to = end - (TREND_WEEKS - 1 - index) * WEEK_MS;
    return { from: to - WEEK_MS, to };
  });
  const metrics = ['spans' as const, ...TREND_METRICS.flatMap(metricsOf)];
  const totals: ReadonlyMap<TenantId, ReadonlyMap<string, bigint>>[] = [];
  // One after the other: this is nobody's question, and people's go first.
  for (const window of weeks) {
    const rows = await usage.totals({ window, metrics });
    totals.push(new Map(rows.map((row) => [row.tenantId, row.values])));
  }
  const heard = totals.map((week) => [...week.values()].some((values) => (values.get('spans') ?? 0n) > 0n));
  return [...(await firstSeen())].flatMap(([tenant, since]) =>
    TREND_METRICS.flatMap((metric) => {
      const values = weeks.map((window, index) => {
        // A week in which nobody was heard, or that the tenant was not there for, is not known.
        if (heard[index] !== true || since > window.from) return null;
        const parts = metricsOf(metric).map((part) => totals[index]?.get(tenant)?.get(part) ?? 0n);
        return Number(parts.reduce((sum, part) => sum + part, 0n));
      });
      return trendSignals(tenant, metric, weeklyTrend(values));
    }),
  );
}

/** Only plans of which somebody has said what they include. */
function beyondPlans(
  uses: readonly FeatureUse[],
  { versions, changes }: { readonly versions: readonly PlanVersion[]; readonly changes: readonly PlanChange[] },
  now: number,
): readonly SignalObservation[] {
  const changesOf = new Map<TenantId, PlanChange[]>();
  for (const change of changes) changesOf.set(change.tenantId, [...(changesOf.get(change.tenantId) ?? []), change]);
  const found = uses.flatMap((use) => {
    const plan = inForceAt(changesOf.get(use.tenantId) ?? [], now)?.plan ?? null;
    const ofPlan = versions.filter((version) => version.plan === plan);
    const included = inForceAt(ofPlan, now)?.features ?? null;
    return plan === null || included === null || included.includes(use.feature)
      ? []
      : [beyondPlan(use, plan, RECENT_DAYS)];
  });
  return [...new Map(found.map((one) => [signalKey(one), one])).values()];
}
