/** What each signal asks of the figures: when its condition holds, how strong it is, and the sentence that says so. */
import { quotaUnit } from '../domain/plan.ts';
import { isLevel, type QuotaStanding } from '../domain/quota.ts';
import type { SignalGrade, SignalObservation } from '../domain/signal.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { HOUR_MS } from '../domain/window.ts';
import type { Trend } from './signal-trend.ts';

const NEAR_ON = 0.9;
const NEAR_OFF = 0.8;
const GROWTH_ON = 0.25;
const GROWTH_OFF = 0.1;
const AGREEMENT = 0.7;
/** Of the usual week: less is as good as gone. */
const IDLE = 0.05;
const IDLE_OVER = 0.5;
/** Below so much a week, growth is a few people trying something. */
const LEAST_WEEKLY: Readonly<Record<TrendMetric, number>> = { requests: 1_000, ai_tokens: 100_000 };
const LIMITED_ON_MS = HOUR_MS;
const LIMITED_OFF_MS = HOUR_MS / 10;
const LEAST_FEATURE_USES = 10;
/** A dollar or euro: who costs less a month is no loss worth a talk. */
const LEAST_COST_MICRO = 1_000_000n;
const MARGIN_OFF_PERCENT = 5n;

export type TrendMetric = 'requests' | 'ai_tokens';

const TREND_WORDS: Readonly<Record<TrendMetric, string>> = { requests: 'requests', ai_tokens: 'AI tokens' };

function gradeOf(value: number, on: number, off: number): SignalGrade {
  if (value >= on) return 'on';
  return value < off ? 'off' : 'between';
}

const bounded = (strength: number) => Math.round(Math.max(0, Math.min(100, strength)));
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const grouped = (value: bigint | number) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
const path = (route: string, tenant: TenantId) => `${route}?tenant_id=${encodeURIComponent(tenant)}`;

/**
 * Near a quota: in the running period, or in the whole one before it. Without the one before, every signal would end with
 * the first of the month, when nothing is used yet.
 */
export function nearQuota(current: QuotaStanding, previous: QuotaStanding | undefined): SignalObservation {
  const { tenantId, quota, used } = current;
  const before = isLevel(quota.key) ? null : (previous?.share ?? null);
  const shares = [current.share, before].filter((share) => share !== null);
  const share = shares.length === 0 ? null : Math.max(...shares);
  const isNow = share === current.share;
  const shown = isNow ? used : (previous?.used ?? null);
  const limit = isNow ? quota.limit : (previous?.quota.limit ?? quota.limit);
  const when = isLevel(quota.key) ? 'now' : `${isNow ? 'this' : 'last'} ${quota.period}`;
  return {
    ...{ tenantId, kind: 'near_quota', subject: `${quota.key}/${quota.period}` },
    grade: share === null ? 'unknown' : gradeOf(share, NEAR_ON, NEAR_OFF),
    strength: bounded(((share ?? 0) - NEAR_OFF) * 300),
    sentence:
      share === null
        ? `${tenantId}: use of ${quota.key} is not known`
        : `${tenantId} has used ${percent(share)} of its ${grouped(limit)} ${quotaUnit(quota.key)} ${when} (${grouped(shown ?? 0n)})`,
    evidence: {
      figures: {
        ...{ key: quota.key, period: quota.period, limit: Number(limit), share },
        used: shown === null ? null : Number(shown),
        share_now: current.share,
        share_before: before,
      },
      links: [`${path('/v1/quotas', tenantId)}&key=${encodeURIComponent(quota.key)}`],
    },
  };
}

/** Growing and shrinking, from the same weeks. `trend` undefined: too few weeks are known. */
export function trendSignals(
  tenantId: TenantId,
  metric: TrendMetric,
  trend: Trend | undefined,
): readonly SignalObservation[] {
  const { perFourWeeks = 0, agreement = 0, median = 0, weeks = 0, last = null, before = 0 } = trend ?? {};
  const words = TREND_WORDS[metric];
  const isClear = agreement >= AGREEMENT && median >= LEAST_WEEKLY[metric];
  const growing = isClear ? gradeOf(perFourWeeks, GROWTH_ON, GROWTH_OFF) : 'off';
  const isIdle = last !== null && before >= LEAST_WEEKLY[metric] && last <= before * IDLE;
  const isBack = last !== null && last >= before * IDLE_OVER;
  const falling = isClear ? gradeOf(-perFourWeeks, GROWTH_ON, GROWTH_OFF) : isBack ? 'off' : 'between';
  const common = { tenantId, subject: metric };
  const change = percent(Math.abs(perFourWeeks));
  const evidence = {
    figures: { metric, weeks, median_week: median, last_week: last, per_four_weeks: perFourWeeks, agreement },
    links: [`/v1/tenants/${encodeURIComponent(tenantId)}/metrics?metric=requests`],
  };
  const unknown = trend === undefined;
  return [
    {
      ...{ ...common, kind: 'growth', grade: unknown ? 'unknown' : growing, evidence },
      strength: bounded(perFourWeeks * 100),
      sentence: `${tenantId}'s ${words} grow by ${change} in four weeks (median week ${grouped(Math.round(median))}, over ${weeks} weeks)`,
    },
    {
      ...{ ...common, kind: 'shrinking', grade: unknown ? 'unknown' : isIdle ? 'on' : falling, evidence },
      strength: isIdle ? 100 : bounded(-perFourWeeks * 100),
      sentence: isIdle
        ? `${tenantId} sent ${grouped(Math.round(last))} ${words} in the last week, usually ${grouped(Math.round(before))}`
        : `${tenantId}'s ${words} shrink by ${change} in four weeks (median week ${grouped(Math.round(median))}, over ${weeks} weeks)`,
    },
  ];
}

/** How long a tenant was held back within a window, in ms. */
export interface LimitedTime {
  readonly tenantId: TenantId;
  readonly throttledMs: number;
  readonly degradedMs: number;
}

/** Held back by limits. Throttles and degraded features count alike: both are felt. */
export function limitedExperience({ tenantId, throttledMs, degradedMs }: LimitedTime, days: number): SignalObservation {
  const together = throttledMs + degradedMs;
  const hours = (ms: number) => (ms / HOUR_MS).toFixed(1);
  return {
    ...{ tenantId, kind: 'limited_experience', subject: '', grade: gradeOf(together, LIMITED_ON_MS, LIMITED_OFF_MS) },
    strength: bounded((together / (days * 24 * HOUR_MS)) * 1_000),
    sentence: `${tenantId} was throttled for ${hours(throttledMs)} h and had degraded features for ${hours(degradedMs)} h in the last ${days} days`,
    evidence: {
      figures: { throttled_seconds: throttledMs / 1_000, degraded_seconds: degradedMs / 1_000, days },
      links: [path('/v1/throttles', tenantId), path('/v1/decisions', tenantId)],
    },
  };
}

export interface FeatureUse {
  readonly tenantId: TenantId;
  readonly feature: string;
  readonly requests: number;
}

/** Use of a feature that the tenant's plan does not include. */
export function beyondPlan(use: FeatureUse, plan: string, days: number): SignalObservation {
  const { tenantId, feature, requests } = use;
  return {
    ...{ tenantId, kind: 'beyond_plan', subject: feature, grade: gradeOf(requests, LEAST_FEATURE_USES, 1) },
    strength: bounded(20 + 20 * Math.log10(Math.max(1, requests))),
    sentence: `${tenantId} used ${feature} ${grouped(requests)} times in the last ${days} days, which its plan ${plan} does not include`,
    evidence: { figures: { feature, requests, plan, days }, links: [`/v1/plans/${encodeURIComponent(plan)}`] },
  };
}

/** What a tenant pays and costs over the same time, in one currency; null: not known. */
export interface TenantMargin {
  readonly tenantId: TenantId;
  readonly currency: string;
  readonly revenueMicro: bigint | null;
  readonly costMicro: bigint | null;
}

export function negativeMargin({ tenantId, currency, revenueMicro, costMicro }: TenantMargin): SignalObservation {
  const common = { tenantId, kind: 'negative_margin', subject: '' } as const;
  const links = [path('/v1/costs', tenantId), path('/v1/margins', tenantId)];
  if (revenueMicro === null || costMicro === null) {
    const evidence = { figures: { currency }, links };
    return { ...common, grade: 'unknown', strength: 0, sentence: `${tenantId}'s margin is not known`, evidence };
  }
  const lossMicro = costMicro - revenueMicro;
  const isOver = lossMicro * 100n <= -MARGIN_OFF_PERCENT * revenueMicro || costMicro < LEAST_COST_MICRO;
  const amount = (micro: bigint) => `${(Number(micro) / 1e6).toFixed(2)} ${currency}`;
  return {
    ...common,
    grade: isOver ? 'off' : lossMicro > 0n ? 'on' : 'between',
    strength: revenueMicro === 0n ? 100 : bounded((Number(lossMicro) / Number(revenueMicro)) * 100),
    sentence: `${tenantId} costs ${amount(costMicro)} and pays ${amount(revenueMicro)} in the last month`,
    evidence: {
      figures: { currency, revenue_micro: Number(revenueMicro), cost_micro: Number(costMicro) },
      links,
    },
  };
}
