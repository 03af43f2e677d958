/** Words of how long telemetry of a tenant is kept. */
import { DAY_MS, floorTo, HOUR_MS } from './window.ts';

/** Kinds of tables that are kept for different times: spans, data points, and rollups by their step. */
export const RETENTION_LEVELS = ['spans', 'points', 'minutes', 'hours', 'days'] as const;
export type RetentionLevel = (typeof RETENTION_LEVELS)[number];

/** Days by level; null: nothing is said. */
export type RetentionDays = Readonly<Record<RetentionLevel, number | null>>;

export const NO_RETENTION: RetentionDays = { spans: null, points: null, minutes: null, hours: null, days: null };

/**
 * Less would break what others rely on: quotas and forecasts of the running month read hours, and what the last two
 * months cost, which bills of theirs may still change for everybody, is shared out by days.
 */
export const SHORTEST_DAYS: Readonly<Record<RetentionLevel, number>> = {
  ...{ spans: 1, points: 1, minutes: 2, hours: 35, days: 92 },
};

export interface EffectiveRetention {
  readonly days: number;
  readonly source: 'installation' | 'plan' | 'tenant';
}

/** What holds of a level: the tenant's own word, else the plan's; never more than the installation keeps for anybody. */
export function effectiveRetention(
  level: RetentionLevel,
  installation: Readonly<Record<RetentionLevel, number>>,
  plan: RetentionDays,
  tenant: RetentionDays,
): EffectiveRetention {
  const all = installation[level];
  const own = tenant[level] ?? plan[level];
  if (own === null || own >= all) return { days: all, source: 'installation' };
  return { days: own, source: tenant[level] === null ? 'plan' : 'tenant' };
}

/** Whole days in UTC, so that a day is there or not, and a second run on the same day finds nothing. */
export function cutAt(days: number, now: number): number {
  return floorTo(now, DAY_MS) - days * DAY_MS;
}

/** Counted from the hour that is set; later on the same night it is still the quiet time. */
const WINDOW_MS = 6 * HOUR_MS;
/** After so long without a run any time will do: what must go is more pressing than the load. */
const OVERDUE_MS = 2 * DAY_MS;
const RETRY_MS = HOUR_MS;

export interface LastRun {
  readonly startedAt: number;
  readonly state: 'asked' | 'running' | 'done' | 'failed';
}

/**
 * Whether the daily run is to begin.
 * @param last the newest run; undefined: there was none
 * @param hour of the day in UTC, 0 to 23
 */
export function isRetentionDue(last: LastRun | undefined, now: number, hour: number): boolean {
  const begin = lastSlot(now, hour);
  if (last === undefined) return now - begin < WINDOW_MS;
  if (last.state === 'asked' || last.state === 'running') return false;
  if (last.state === 'failed') return now - last.startedAt >= RETRY_MS;
  if (now - last.startedAt >= OVERDUE_MS) return true;
  return last.startedAt < begin && now - begin < WINDOW_MS;
}

/** When the next daily run begins, if nothing goes wrong. Unix ms. */
export function nextRetentionRun(now: number, hour: number): number {
  return lastSlot(now, hour) + DAY_MS;
}

function lastSlot(now: number, hour: number): number {
  const today = floorTo(now, DAY_MS) + hour * HOUR_MS;
  return today <= now ? today : today - DAY_MS;
}

/** One look through all tables for what was kept long enough. Times are Unix ms. */
export interface RetentionRun {
  readonly id: string;
  readonly state: LastRun['state'];
  readonly startedAt: number;
  readonly finishedAt: number | null;
  readonly askedBy: string;
  /** Tenants that have less kept than the installation keeps, and are under no legal hold. */
  readonly tenants: number;
  readonly tablesTotal: number;
  readonly tablesDone: number;
  readonly rowsRemoved: number;
  readonly problem: string | null;
}
