import { quotaShare, quotaState } from '../cost/quota.ts';
import type { Actor } from '../domain/actor.ts';
import { periodAt, type ZoneOffset } from '../domain/calendar-period.ts';
import {
  inForceAt,
  type PlanQuota,
  type PlanTerms,
  type PlanVersion,
  QUOTA_PERIODS,
  type QuotaKey,
  type QuotaPeriod,
} from '../domain/plan.ts';
import { isLevel, type QuotaStanding } from '../domain/quota.ts';
import type { SpendForecast } from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import { FORECAST_HISTORY_MS, forecastMeeting, type UsedHour } from '../domain/use-forecast.ts';
import { floorTo, HOUR_MS, type Window } from '../domain/window.ts';
import { measureHours, measureQuotas, type QuotaMeasures, type QuotaSources } from './quota-measures.ts';

/** What of a tenant decides about its quotas. Times are Unix ms. */
interface QuotaTenant {
  readonly tenantId: TenantId;
  readonly firstSeenAt: number;
  readonly billingDay: number | null;
  readonly changes: readonly { readonly effectiveFrom: number; readonly plan: string | null }[];
}

export interface QuotaDeskOptions {
  tenants(
    actor: Actor,
    page: { readonly tenants?: readonly TenantId[]; readonly offset: number; readonly limit: number },
  ): Promise<readonly QuotaTenant[]>;
  versions(actor: Actor): Promise<readonly PlanVersion[]>;
  /** What burst credits paid for in the period that began at `from`, by `${tenant} ${key}`. */
  covered(actor: Actor, tenants: readonly TenantId[], from: number): Promise<ReadonlyMap<string, bigint>>;
  sources(actor: Actor): QuotaSources;
  readonly zone: ZoneOffset;
}

export interface QuotaQuestion {
  readonly tenants?: readonly TenantId[];
  readonly offset: number;
  readonly limit: number;
  /** Unix ms: the periods that hold this moment. */
  readonly at: number;
  readonly now: number;
  /** Also say when what is left will be gone. */
  readonly withForecast: boolean;
  /** The periods before those that hold `at`. */
  readonly before?: boolean;
  /** Only quotas that earn burst credits: nothing else is measured. */
  readonly burstOnly?: boolean;
}

/** The quotas of a page of tenants. `tenants`: how many there were on the page, those without quotas included. */
export interface QuotaPage {
  readonly tenants: number;
  readonly standings: readonly QuotaStanding[];
}

/** One quota of one tenant, before anything is measured. */
interface HeldQuota {
  readonly tenant: QuotaTenant;
  readonly plan: string;
  readonly quota: PlanQuota;
  readonly window: Window;
}

/**
 * How much of what their plans include tenants have used. A period is judged by the plan that holds at its end, or now
 * while it runs: whoever moves up has the larger quota for the whole of the running period.
 */
export class QuotaDesk {
  readonly zone: ZoneOffset;
  readonly #options: QuotaDeskOptions;

  constructor(options: QuotaDeskOptions) {
    this.#options = options;
    this.zone = options.zone;
  }

  /** By tenant, key and period. Tenant actors get their own only. */
  async standing(actor: Actor, question: QuotaQuestion): Promise<QuotaPage> {
    const { tenants: asked, offset, limit } = question;
    const page = { offset, limit, ...(asked === undefined ? {} : { tenants: asked }) };
    const [tenants, versions] = await Promise.all([this.#options.tenants(actor, page), this.#options.versions(actor)]);
    const held = tenants.flatMap((tenant) => this.#held(tenant, versions, question));
    const standings = await Promise.all(byWindow(held).map((group) => this.#judge(actor, group, question)));
    return { tenants: tenants.length, standings: standings.flat().toSorted(byTenantAndKey) };
  }

  /**
   * The running period that use of a key beyond its quota falls into; a day where the plan has no quota on it any more.
   * Undefined: there is no such tenant, or it never was on a plan.
   */
  async runningPeriod(
    actor: Actor,
    tenantId: TenantId,
    key: QuotaKey,
    now: number,
  ): Promise<{ readonly period: QuotaPeriod; readonly from: number } | undefined> {
    const [tenants, versions] = await Promise.all([
      this.#options.tenants(actor, { tenants: [tenantId], offset: 0, limit: 1 }),
      this.#options.versions(actor),
    ]);
    const [tenant] = tenants;
    if (tenant === undefined) return undefined;
    const held = this.#held(tenant, versions, { at: now, now }).filter(({ quota }) => quota.key === key);
    const one = held.find(({ quota }) => quota.burst !== null) ?? held[0];
    if (one !== undefined) return { period: one.quota.period, from: one.window.from };
    return { period: 'day', from: periodAt('day', now, this.zone).from };
  }

  #held(
    tenant: QuotaTenant,
    versions: readonly PlanVersion[],
    { at, now, before = false, burstOnly = false }: Pick<QuotaQuestion, 'at' | 'now' | 'before' | 'burstOnly'>,
  ): readonly HeldQuota[] {
    const windowAt = (period: QuotaPeriod, moment: number) =>
      periodAt(period, moment, this.zone, tenant.billingDay ?? 1);
    return QUOTA_PERIODS.flatMap((period) => {
      const asked = windowAt(period, at);
      const window = before ? windowAt(period, asked.from - 1) : asked;
      const terms = termsAt(tenant, versions, Math.min(now, window.to - 1));
      if (terms === undefined) return [];
      return terms.quotas
        .filter((quota) => quota.period === period && (quota.burst !== null || !burstOnly))
        .map((quota) => ({ tenant, plan: terms.plan, quota, window }));
    });
  }

  /** All of one and the same window. */
  async #judge(actor: Actor, held: readonly HeldQuota[], { now, withForecast }: QuotaQuestion) {
    const [first] = held;
    if (first === undefined) return [];
    const { window } = first;
    const tenants = [...new Set(held.map(({ tenant }) => tenant.tenantId))];
    const keys = [...new Set(held.map(({ quota }) => quota.key))];
    const sources = this.#options.sources(actor);
    const soFar = { from: window.from, to: Math.min(window.to, now) };
    const running = now < window.to;
    const history = { from: floorTo(now, HOUR_MS) - FORECAST_HISTORY_MS, to: floorTo(now, HOUR_MS) };
    const [measures, covered, hours] = await Promise.all([
      measureQuotas(sources, { tenants, keys, window: soFar, levelAt: running ? now : window.to - 1 }),
      this.#options.covered(actor, tenants, window.from),
      withForecast && running ? measureHours(sources, { tenants, keys, window: history }) : undefined,
    ]);
    return held.map((one): QuotaStanding => {
      const { tenant, plan, quota } = one;
      const used = usedOf(measures, tenant.tenantId, quota.key);
      const known = hours?.get(tenant.tenantId)?.get(quota.key);
      return {
        ...{ tenantId: tenant.tenantId, plan, quota, window, used },
        burstSpent: covered.get(`${tenant.tenantId} ${quota.key}`) ?? 0n,
        share: quotaShare(used, quota.limit),
        state: quotaState(used, quota.limit),
        forecast: hours === undefined ? null : forecastOf(one, used, known, now),
      };
    });
  }
}

/** The terms that hold for a tenant at a moment; undefined: it is on no plan, or nobody has said what the plan is. */
function termsAt(
  tenant: QuotaTenant,
  versions: readonly PlanVersion[],
  at: number,
): (PlanTerms & { readonly plan: string }) | undefined {
  const plan = inForceAt(tenant.changes, at)?.plan;
  if (plan === undefined || plan === null) return undefined;
  return inForceAt(
    versions.filter((version) => version.plan === plan),
    at,
  );
}

function usedOf(measures: QuotaMeasures, tenant: TenantId, key: QuotaKey): bigint | null {
  return measures.get(tenant)?.get(key) ?? null;
}

/** Levels do not add up towards a limit, and what is not known by the hour has no scenarios. */
function forecastOf(
  { tenant, quota, window }: HeldQuota,
  used: bigint | null,
  hours: readonly UsedHour[] | undefined,
  now: number,
): SpendForecast | null {
  if (used === null || isLevel(quota.key)) return null;
  if (used >= quota.limit) return { kind: 'already_met' };
  if (hours === undefined) return null;
  return forecastMeeting({
    hours,
    knownFrom: Math.max(tenant.firstSeenAt, now - FORECAST_HISTORY_MS),
    now,
    remaining: Number(quota.limit - used),
    periodEnd: window.to,
  });
}

/** Billing days differ, so that tenants have months of their own. */
function byWindow(held: readonly HeldQuota[]): readonly (readonly HeldQuota[])[] {
  const groups = new Map<string, HeldQuota[]>();
  for (const one of held) {
    const name = `${one.window.from} ${one.window.to}`;
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push(one);
  }
  return [...groups.values()];
}

function byTenantAndKey(a: QuotaStanding, b: QuotaStanding): number {
  return (
    compareText(a.tenantId, b.tenantId) ||
    compareText(a.quota.key, b.quota.key) ||
    compareText(a.quota.period, b.quota.period)
  );
}
