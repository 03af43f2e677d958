import type { Logger } from 'pino';
import type { Sales } from '../api/plans-sales.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { BurstSpend } from '../domain/burst.ts';
import { TenantryError } from '../domain/errors.ts';
import type { MeterDefinition } from '../domain/meter.ts';
import { HOUR_MS } from '../domain/window.ts';
import { BurstReader } from '../store/postgres/burst-reader.ts';
import { BurstStore } from '../store/postgres/burst-store.ts';
import { PlanStore } from '../store/postgres/plan-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { QuotaStore } from '../store/postgres/quota-store.ts';
import { BurstDesk } from './burst-desk.ts';
import { BurstLoop } from './burst-loop.ts';
import { PostgresLeadership } from './leadership.ts';
import { QuotaDesk } from './quota-desk.ts';
import type { QuotaAiCost, QuotaUsage } from './quota-measures.ts';
import { runEvery } from './schedule.ts';
import { zoneOrUtc } from './spend-standing.ts';

export interface QuotaOptions {
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly usage: QuotaUsage;
  readonly aiCost: QuotaAiCost;
  /** The operator's own meters: sums of theirs come in billionths. */
  meters(): Promise<readonly MeterDefinition[]>;
  /** IANA name of the zone in which days and months begin. */
  readonly timeZone: string;
  /** Telemetry is accepted so late: before, a period that is over is not closed. */
  readonly settleMs: number;
  readonly log: Logger;
}

export interface QuotaParts {
  readonly ports: Pick<Sales, 'plans' | 'quotas' | 'burst'>;
  readonly desk: QuotaDesk;
  /** No further run is begun; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** Plans, quotas and burst credits, and the hourly run that earns, covers and expires credits. */
export function startQuotas(options: QuotaOptions): QuotaParts {
  const { postgres, postgresUrl, usage, aiCost, meters, timeZone, settleMs, log } = options;
  const plans = new PlanStore(postgres);
  const store = new QuotaStore(postgres);
  const reader = new BurstReader(postgres);
  const desk = new QuotaDesk({
    tenants: (actor, page) => store.tenants(actor, page),
    versions: (actor) => plans.versions(actor),
    covered: (actor, tenants, from) => reader.covered(actor, tenants, from),
    sources: (actor) => ({ usage, aiCost, meters, seats: (tenants, at) => store.seats(actor, tenants, at) }),
    zone: zoneOrUtc(timeZone),
  });
  const burst = new BurstDesk(new BurstStore(postgres));
  const leadership = new PostgresLeadership(postgresUrl, 'burst-credits');
  const loop = new BurstLoop({ leadership, quotas: desk, burst, settleMs });
  const schedule = runEvery(HOUR_MS, 'burst-credits', log, () => loop.tick(Date.now()));

  async function spend(actor: StaffActor, asked: BurstSpend) {
    const now = Date.now();
    const running = await desk.runningPeriod(actor, asked.tenantId, asked.key, now);
    if (running === undefined) {
      throw new TenantryError('NOT_FOUND', 'There is no such tenant with a plan.', {
        hint: 'Burst credits come from a quota of the plan: PUT /v1/tenants/{id}/plan, then PUT /v1/plans/{plan}.',
      });
    }
    return burst.spend(actor, asked, running);
  }

  return {
    ports: {
      plans,
      quotas: {
        standing: (actor, question) => desk.standing(actor, question),
        putSeats: (actor, tenantId, seats, at) => store.putSeats(actor, tenantId, seats, at),
        putBillingDay: (actor, tenantId, day) => store.putBillingDay(actor, tenantId, day),
      },
      burst: {
        accounts: (actor, filter) => reader.accounts(actor, filter),
        entries: (actor, filter) => reader.entries(actor, filter),
        spend,
      },
    },
    desk,
    stop: async () => {
      await schedule.stop();
      await leadership.release();
    },
  };
}
