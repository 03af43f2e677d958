import type { Logger } from 'pino';
import { type LastSeenRow, lastSeen } from '../aggregate/queries/across-tenants/last-seen.ts';
import type { Directory, Lifecycle, TenantPlanChanges, TenantStates } from '../api/lifecycle-ports.ts';
import type { Config } from '../config/config.ts';
import { endedSuspension, judgeState } from '../control/tenant-state.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { periodAt } from '../domain/calendar-period.ts';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { TenantStanding } from '../domain/tenant-state.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { KeyStore } from '../store/postgres/key-store.ts';
import { PlanSchedule } from '../store/postgres/lifecycle-plans.ts';
import { TenantStateStore } from '../store/postgres/lifecycle-state.ts';
import { OnboardingStore } from '../store/postgres/onboarding.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';
import { TenantRoster } from '../store/postgres/tenant-roster.ts';
import { type RetentionOptions, startRetention } from './retention.ts';
import { runEvery } from './schedule.ts';
import { zoneOrUtc } from './spend-standing.ts';

const READER: StaffActor = { kind: 'system', subject: 'tenant-states' };
const TICK_MS = SECOND_MS;
const RENEW_EVERY_MS = 10 * MINUTE_MS;
const LATEST_CHANGE_MS = 2 * 366 * DAY_MS;

export interface LifecycleOptions extends RetentionOptions {
  readonly config: RetentionOptions['config'] & Pick<Config, 'TENANTRY_SPEND_TIME_ZONE'>;
  readonly postgres: Postgres;
  readonly clickhouse: Pick<ClickHouse, 'rows' | 'inspect' | 'command'>;
  readonly directory: TenantDirectory;
  readonly keys: Pick<KeyStore, 'refresh'>;
  readonly log: Logger;
}

export interface LifecycleParts {
  readonly ports: { readonly directory: Directory; readonly lifecycle: Lifecycle };
  /** No further run is begun; resolves when those under way have ended. */
  stop(): Promise<void>;
}

/** A tenant's life: the directory of all, sign-up, plans, suspension, closing, and how long what it sent is kept. */
export function startLifecycle(options: LifecycleOptions): LifecycleParts {
  const { postgres, config, keys, log } = options;
  const states = new TenantStateStore(postgres);
  const schedule = new PlanSchedule(postgres);
  const onboarding = new OnboardingStore(postgres);
  const retention = startRetention(options);
  const schedules = [
    runEvery(TICK_MS, 'lifecycle', log, async () => {
      await schedule.applyDue();
      await states.endDue(endSuspension);
    }),
    runEvery(RENEW_EVERY_MS, 'suspensions', log, async () => void (await states.renewFlags())),
  ];
  return {
    ports: {
      directory: directoryDesk(options),
      lifecycle: {
        states: stateDesk(states),
        plans: planDesk(schedule, options.directory, config.TENANTRY_SPEND_TIME_ZONE),
        onboarding: {
          onboard: async (actor, wanted, idempotencyKey) => {
            const made = await onboarding.onboard(actor, wanted, idempotencyKey);
            if (made.key === null) return made;
            // It is made: a read that fails must not look as if it were not, and is repeated within seconds.
            await keys.refresh().catch((error: unknown) => log.warn({ err: error }, 'a new key is not read yet'));
            return made;
          },
        },
        retention: retention.retention,
      },
    },
    stop: async () => {
      await Promise.all([retention.stop(), ...schedules.map((one) => one.stop())]);
    },
  };
}

/** What the store makes of a suspension whose time is over. */
function endSuspension(standing: TenantStanding, now: number) {
  const next = endedSuspension(standing, now);
  return next === undefined ? ({ kind: 'unchanged' } as const) : ({ kind: 'changed', next } as const);
}

/** A role for machines is no person, and neither is Tenantry itself. */
function isPerson(actor: StaffActor): boolean {
  return actor.kind === 'staff' && actor.role !== 'automation';
}

export function stateDesk(states: Pick<TenantStateStore, 'read' | 'change'>): TenantStates {
  return {
    standing: (tenantId) => states.read(READER, tenantId),
    command: async (actor, tenantId, command, version) => {
      const by = { isPerson: isPerson(actor), version };
      const change = await states.change(actor, tenantId, by.isPerson, (standing, now) =>
        judgeState(standing, command, by, now),
      );
      return change?.standing;
    },
  };
}

function planDesk(schedule: PlanSchedule, directory: TenantDirectory, timeZone: string): TenantPlanChanges {
  const zone = zoneOrUtc(timeZone);
  return {
    standing: (actor, tenantId) => schedule.standing(actor, tenantId),
    cancel: (actor, tenantId) => schedule.cancel(actor, tenantId),
    change: async (actor, tenantId, plan, moment) => {
      if (moment === 'now') {
        await directory.setPlan(actor, tenantId, plan);
        return;
      }
      const now = Date.now();
      if (moment !== 'period_end' && (moment <= now || moment > now + LATEST_CHANGE_MS)) {
        throw new TenantryError('BAD_REQUEST', 'body field "effective": must lie in the future, within two years.', {
          hint: 'Leave it out for a change at once.',
          pointer: '/effective',
        });
      }
      await directory.remember([tenantId]);
      const standing = await schedule.standing(actor, tenantId);
      const effectiveFrom =
        moment === 'period_end' ? periodAt('month', now, zone, standing?.billingDay ?? 1).to : moment;
      await schedule.schedule(actor, tenantId, { plan, effectiveFrom, why: 'change' });
    },
  };
}

/** Every tenant that was ever named: what people and Postgres know of it, and when telemetry last saw it. */
export function directoryDesk({
  postgres,
  clickhouse,
  log,
}: Pick<LifecycleOptions, 'postgres' | 'log'> & { readonly clickhouse: AnalyticsReader }): Directory {
  const roster = new TenantRoster(postgres);

  /** undefined: telemetry cannot be read. Who is on which plan must stay readable then. */
  async function seen(tenants: readonly TenantId[], now: number) {
    try {
      const rows = tenants.length === 0 ? [] : await clickhouse.rows<LastSeenRow>(lastSeen(tenants, now));
      return new Map(
        rows.map((row) => [row.tenant_id, { at: row.at * SECOND_MS, stepMs: row.step_seconds * SECOND_MS }]),
      );
    } catch (error) {
      log.warn({ err: error }, 'not known when tenants were last seen');
      return undefined;
    }
  }

  return {
    list: async (actor, { now, ...page }) => {
      const { total, entries } = await roster.list(actor, page);
      const known = await seen(
        entries.map(({ tenantId }) => tenantId),
        now,
      );
      return {
        ...{ total, lastSeenKnown: known !== undefined },
        entries: entries.map((entry) => ({ ...entry, lastSeen: known?.get(entry.tenantId) ?? null })),
      };
    },
  };
}
