import type { Logger } from 'pino';
import { MeterUsageSource } from '../aggregate/meter-usage-source.ts';
import { UsageReader } from '../aggregate/usage-reader.ts';
import { UsageRollups } from '../aggregate/usage-rollups.ts';
import type { Sales } from '../api/plans-sales.ts';
import type { Config } from '../config/config.ts';
import type { MeterDefinition } from '../domain/meter.ts';
import { HOUR_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { QuotaAiCost } from './quota-measures.ts';
import { startQuotas } from './quotas.ts';

export interface SalesOptions {
  readonly config: Pick<Config, 'TENANTRY_SPEND_TIME_ZONE' | 'TENANTRY_ACCEPT_PAST_HOURS'>;
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly clickhouse: Pick<ClickHouse, 'rows'>;
  readonly aiCosts: QuotaAiCost;
  meters(): Promise<readonly MeterDefinition[]>;
  readonly log: Logger;
}

/** Plans, quotas, burst credits and signals: what customers may use for what they pay, and what follows from it. */
export function startSales(options: SalesOptions): { readonly sales: Sales; stop(): Promise<void> } {
  const { config, postgres, postgresUrl, clickhouse, aiCosts, meters, log } = options;
  const usage = new UsageReader([new UsageRollups(clickhouse), new MeterUsageSource(clickhouse, meters)]);
  const quotas = startQuotas({
    ...{ postgres, postgresUrl, usage, meters, log },
    aiCost: aiCosts,
    timeZone: config.TENANTRY_SPEND_TIME_ZONE,
    settleMs: config.TENANTRY_ACCEPT_PAST_HOURS * HOUR_MS,
  });
  return { sales: quotas.ports, stop: () => quotas.stop() };
}
