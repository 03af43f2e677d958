import type { Logger } from 'pino';
import type { Sales } from '../api/plans-sales.ts';
import type { Config } from '../config/config.ts';
import type { TenantMargin } from '../cost/signal-conditions.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { CostReader } from '../domain/cost.ts';
import type { MeterDefinition } from '../domain/meter.ts';
import { HOUR_MS, type Window } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { DedicatedStore } from '../store/postgres/dedicated-store.ts';
import { PlanStore } from '../store/postgres/plan-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { RevenueFeatureStore } from '../store/postgres/revenue-feature-store.ts';
import { SignalFacts } from '../store/postgres/signal-facts.ts';
import { SignalStore } from '../store/postgres/signal-store.ts';
import { DedicatedAdviser, lastMonth } from './dedicated-adviser.ts';
import { PostgresLeadership } from './leadership.ts';
import type { QuotaAiCost, QuotaUsage } from './quota-measures.ts';
import { startQuotas } from './quotas.ts';
import { runEvery } from './schedule.ts';
import { readFeatureUse } from './signal-features.ts';
import { signalSources } from './signal-sources.ts';
import { SignalLoop } from './signals.ts';

const SIGNALS: StaffActor = { kind: 'system', subject: 'signals' };

export interface SalesOptions {
  readonly config: Pick<Config, 'TENANTRY_SPEND_TIME_ZONE' | 'TENANTRY_ACCEPT_PAST_HOURS'>;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly clickhouse: Pick<ClickHouse, 'rows'>;
  readonly usage: QuotaUsage;
  readonly aiCosts: QuotaAiCost;
  readonly costs: CostReader;
  meters(): Promise<readonly MeterDefinition[]>;
  /** What tenants paid and cost; null where it is not known. */
  margins(window: Window): Promise<readonly (TenantMargin & { readonly gap: string | null })[]>;
  readonly log: Logger;
}

/** Plans, quotas, burst credits and signals: what customers may use for what they pay, and what follows from it. */
export function startSales(options: SalesOptions): { readonly sales: Sales; stop(): Promise<void> } {
  const { config, postgres, postgresUrl, clickhouse, usage, aiCosts, costs, meters, log } = options;
  const quotas = startQuotas({
    ...{ postgres, postgresUrl, usage, meters, log },
    aiCost: aiCosts,
    timeZone: config.TENANTRY_SPEND_TIME_ZONE,
    settleMs: config.TENANTRY_ACCEPT_PAST_HOURS * HOUR_MS,
  });
  const signals = new SignalStore(postgres);
  const facts = new SignalFacts(postgres);
  const plans = new PlanStore(postgres);
  const features = new RevenueFeatureStore(postgres);
  const leadership = new PostgresLeadership(postgresUrl, 'signals');
  const loop = new SignalLoop({
    ...{ leadership, store: signals, log },
    sources: signalSources({
      ...{ quotas: quotas.desk, usage },
      firstSeen: () => facts.firstSeen(),
      limited: (window) => facts.limited(window),
      plans: async () => ({ versions: await plans.versions(SIGNALS), changes: await plans.changes(SIGNALS) }),
      features: async (window) => readFeatureUse(clickhouse, window, await features.list(SIGNALS)),
      margins: async (now) => {
        const rows = await options.margins(lastMonth(now));
        return rows.map(({ gap, ...row }) => (gap === null ? row : { ...row, revenueMicro: null, costMicro: null }));
      },
    }),
  });
  const schedule = runEvery(HOUR_MS, 'signals', log, () => loop.tick(Date.now()));
  const dedicated = new DedicatedStore(postgres);
  const adviser = new DedicatedAdviser({ clickhouse, costs, terms: (actor) => dedicated.terms(actor) });
  return {
    sales: {
      ...quotas.ports,
      signals,
      placements: {
        terms: (actor) => dedicated.terms(actor),
        putTerms: (actor, terms) => dedicated.putTerms(actor, terms),
        advice: (actor, now) => adviser.advice(actor, now),
        placement: (actor, tenantId) => dedicated.placement(actor, tenantId),
        putPlacement: (actor, tenantId, placement) => dedicated.putPlacement(actor, tenantId, placement),
      },
    },
    stop: async () => {
      await schedule.stop();
      await leadership.release();
      await quotas.stop();
    },
  };
}
