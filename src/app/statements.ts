import {
  STATEMENT_METRICS,
  type Statement,
  type StatementAudience,
  type StatementMoney,
  statementUsage,
} from '../cost/statement.ts';
import type { Actor } from '../domain/actor.ts';
import { periodAt, type ZoneOffset } from '../domain/calendar-period.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import { DAY_MS, type Window } from '../domain/window.ts';
import type { ReportSources } from './report-tables.ts';

export interface StatementSources extends Pick<ReportSources, 'usage' | 'quotas' | 'aiCosts'> {
  /** Undefined: the tenant is on no plan. */
  plan(actor: Actor, tenantId: TenantId): Promise<string | undefined>;
  /** What the tenant cost and brought in; for the operator's own eyes. */
  money(actor: Actor, window: Window, tenantId: TenantId): Promise<StatementMoney>;
}

export interface StatementQuestion {
  readonly tenantId: TenantId;
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly audience: StatementAudience;
  /** Unix ms. */
  readonly now: number;
}

/** Makes statements of months as the operator's calendar has them. */
export class Statements {
  readonly #sources: StatementSources;
  readonly #zone: ZoneOffset;

  constructor(sources: StatementSources, zone: ZoneOffset) {
    this.#sources = sources;
    this.#zone = zone;
  }

  async statement(actor: Actor, question: StatementQuestion): Promise<Statement> {
    const { tenantId, audience, now } = question;
    const window = monthOf(question, this.#zone);
    const before = periodAt('month', window.from - 1, this.#zone);
    const sources = this.#sources;
    const [plan, used, usedBefore, days, quotas, costs, money] = await Promise.all([
      sources.plan(actor, tenantId),
      this.#usage(window, tenantId),
      this.#usage(before, tenantId),
      this.#days(window, tenantId, now),
      sources.quotas(actor, tenantId, Math.min(window.to - 1, Math.max(now, window.from))),
      sources.aiCosts(window, [tenantId]),
      audience === 'internal' ? sources.money(actor, window, tenantId) : undefined,
    ]);
    const models = costs.get(tenantId)?.byModel ?? [];
    const priced = models.flatMap(({ costMicro }) => (costMicro === null ? [] : [costMicro]));
    return {
      tenantId,
      plan: plan ?? null,
      window,
      isRunning: now < window.to,
      madeAt: now,
      usage: statementUsage(used, usedBefore),
      days,
      quotas,
      models,
      aiCostMicro: priced.length === 0 ? null : priced.reduce((sum, micro) => sum + micro, 0n),
      aiUnpricedCalls: models.reduce((sum, { unpricedCalls }) => sum + unpricedCalls, 0),
      ...(money === undefined ? {} : { money }),
    };
  }

  async #usage(window: Window, tenantId: TenantId): Promise<ReadonlyMap<UsageKey, bigint>> {
    const totals = await this.#sources.usage.totals({ window, metrics: STATEMENT_METRICS, tenants: [tenantId] });
    return totals.find((one) => one.tenantId === tenantId)?.values ?? new Map();
  }

  async #days(window: Window, tenantId: TenantId, now: number): Promise<Statement['days']> {
    const asked = { window, metrics: ['requests'] as const, tenants: [tenantId], step: 'day' as const };
    const [series] = await this.#sources.usage.series(asked);
    const counted = new Map(series?.steps.map(({ at, values }) => [at, values.get('requests') ?? null]));
    const first = Math.floor(window.from / DAY_MS) * DAY_MS;
    const end = Math.min(window.to, now);
    const days: { at: number; requests: bigint | null }[] = [];
    for (let at = first; at < end; at += DAY_MS) days.push({ at, requests: counted.get(at) ?? null });
    return days;
  }
}

/** The month as the operator's calendar has it. */
function monthOf({ year, month }: StatementQuestion, zone: ZoneOffset): Window {
  // Noon of the 15th in UTC lies in that month in every zone.
  return periodAt('month', Date.UTC(year, month - 1, 15, 12), zone);
}
