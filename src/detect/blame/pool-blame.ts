import { compareText } from '../../domain/text-order.ts';
import {
  BASELINE_DEFAULTS,
  type BaselineParams,
  medianOf,
  PoolBaseline,
  type PoolUse,
  type TenantUse,
  type UsualUse,
} from './pool-baseline.ts';

/** `culprit`: the first suspect did it. `global_slowdown`: nobody in particular. `unclear`: somebody hurts, the figures do not say by whom. */
export type VerdictKind = 'culprit' | 'global_slowdown' | 'unclear';

export interface Victim {
  readonly tenantId: string;
  readonly p95Ms: number;
  readonly usualP95Ms: number;
  readonly requests: number;
}

/** Which meter shows the excess: CPU time, time in the database, or, where neither is metered, the number of requests. */
export type Meter = 'cpu' | 'db' | 'requests';

const FIELDS = { cpu: 'cpuMs', db: 'dbMs', requests: 'requests' } as const satisfies Record<Meter, keyof PoolUse>;

export interface Suspect {
  readonly tenantId: string;
  /** 0 to 1: its share of all excess use, times how much of its own use is excess. */
  readonly score: number;
  readonly meter: Meter;
  /** Milliseconds (or requests) a minute over the last minutes, and usually. */
  readonly now: number;
  readonly usual: number;
  /** Share of what all tenants together use above their usual, 0 to 1. */
  readonly excessShare: number;
  readonly requestsPerMinute: number;
  readonly usualRequestsPerMinute: number;
}

export interface Verdict {
  /** Start of the minute, in the unit that the caller counts time in. */
  readonly at: number;
  readonly kind: VerdictKind;
  readonly victims: readonly Victim[];
  /** Most suspect first; at most `maxSuspects`. */
  readonly suspects: readonly Suspect[];
  /** Others' use per request against their usual, for the meter of the suspects; 1 = as usual. */
  readonly othersCostRatio: number;
}

export interface BlameParams {
  readonly baseline: BaselineParams;
  /** A tenant is hurt when its P95 is this many times its usual ... */
  readonly hurtRatio: number;
  /** ... in a minute with at least so many requests: the P95 of fewer is noise. */
  readonly minRequests: number;
  /** The resource is in trouble while so large a share of the measured tenants is hurt ... */
  readonly hurtShare: number;
  /** ... in so many of the last three minutes. */
  readonly hurtMinutes: number;
  /** Use of at most so many of the newest minutes is looked at. */
  readonly windowMinutes: number;
  /** Nobody is accused who has less than this share of all excess, ... */
  readonly accuseShare: number;
  /** ... who uses less than this many times its usual, ... */
  readonly accuseRatio: number;
  /** ... whose excess is less than this share of what all usually use, or than what became dearer for all:
   * it could not have done it, ... */
  readonly accusePoolShare: number;
  /** ... or while the other tenants' requests cost this many times their usual: then the cause is common to all. */
  readonly commonCostRatio: number;
  readonly maxSuspects: number;
}

/** Source of the accusation's conditions: measured on simulated incidents, see the bench `blame`. */
export const BLAME_DEFAULTS: BlameParams = {
  baseline: BASELINE_DEFAULTS,
  hurtRatio: 2,
  minRequests: 10,
  hurtShare: 0.3,
  hurtMinutes: 2,
  windowMinutes: 5,
  accuseShare: 0.4,
  accuseRatio: 1.5,
  accusePoolShare: 0.05,
  commonCostRatio: 1.3,
  maxSuspects: 5,
};

/** Latency follows load within a minute or two; fewer minutes are too noisy a sample of use. */
const MIN_WINDOW_MINUTES = 3;

const IDLE: PoolUse = { requests: 0, cpuMs: 0, dbMs: 0, p95Ms: null };

interface Tenant {
  readonly baseline: PoolBaseline;
  /** The newest minutes, oldest first, those of an incident included. */
  readonly recent: PoolUse[];
}

/**
 * Watches one shared resource minute by minute: who is hurt on it, and who did it. Pure state, no clock.
 *
 * The method: excess use over the tenant's own usual, as a share of all excess, in the minutes since the trouble began.
 * It named the culprit first more often than request counts, shares of load, correlation with the victims' latency and
 * CPI-like scores, which all fail for a tenant that sends heavier instead of more requests.
 */
export class PoolBlame {
  readonly #params: BlameParams;
  readonly #tenants = new Map<string, Tenant>();
  /** Whether each of the last three minutes was one of trouble, oldest first. */
  #trouble: boolean[] = [];
  #troubleMinutes = 0;

  constructor(params: BlameParams = BLAME_DEFAULTS) {
    this.#params = params;
  }

  /**
   * The next whole minute of the resource. A tenant that is absent did nothing in it.
   * @returns a verdict while tenants are hurt, else undefined
   */
  minute(at: number, uses: ReadonlyMap<string, PoolUse>): Verdict | undefined {
    this.#remember(uses);
    const { victims, measured } = this.#victims(uses);
    const inTrouble = measured > 0 && victims.length >= this.#params.hurtShare * measured;
    this.#trouble = [...this.#trouble, inTrouble].slice(-3);
    this.#troubleMinutes = inTrouble || this.#trouble.includes(true) ? this.#troubleMinutes + 1 : 0;
    const proven = this.#trouble.filter(Boolean).length >= this.#params.hurtMinutes;
    const verdict = inTrouble && proven ? this.#judge(at, victims) : undefined;
    if (!this.#trouble.includes(true)) this.#learn(uses);
    return verdict;
  }

  /** Every tenant that is remembered, as of the newest minute. */
  tenants(): TenantUse[] {
    return [...this.#tenants].map(([tenantId, { baseline, recent }]) => {
      const p95Ms = recent.findLast((use) => use.p95Ms !== null)?.p95Ms ?? null;
      return { tenantId, usual: baseline.usual, now: meanOf(recent), p95Ms };
    });
  }

  #remember(uses: ReadonlyMap<string, PoolUse>): void {
    for (const tenantId of uses.keys()) {
      if (this.#tenants.has(tenantId)) continue;
      this.#tenants.set(tenantId, { baseline: new PoolBaseline(this.#params.baseline), recent: [] });
    }
    for (const [tenantId, { recent }] of this.#tenants) {
      recent.push(uses.get(tenantId) ?? IDLE);
      if (recent.length > this.#params.windowMinutes) recent.shift();
    }
  }

  #learn(uses: ReadonlyMap<string, PoolUse>): void {
    for (const [tenantId, { baseline, recent }] of this.#tenants) {
      baseline.add(uses.get(tenantId) ?? IDLE);
      if (recent.at(-1) === IDLE && baseline.isIdle) this.#tenants.delete(tenantId);
    }
  }

  #victims(uses: ReadonlyMap<string, PoolUse>): { victims: Victim[]; measured: number } {
    const victims: Victim[] = [];
    let measured = 0;
    for (const [tenantId, { requests, p95Ms }] of uses) {
      const usualP95Ms = this.#tenants.get(tenantId)?.baseline.usual?.p95Ms ?? null;
      if (p95Ms === null || usualP95Ms === null || requests < this.#params.minRequests) continue;
      measured += 1;
      if (p95Ms >= this.#params.hurtRatio * usualP95Ms) victims.push({ tenantId, p95Ms, usualP95Ms, requests });
    }
    victims.sort((a, b) => b.p95Ms / b.usualP95Ms - a.p95Ms / a.usualP95Ms || compareText(a.tenantId, b.tenantId));
    return { victims, measured };
  }

  #judge(at: number, victims: readonly Victim[]): Verdict {
    const minutes = Math.min(this.#params.windowMinutes, Math.max(MIN_WINDOW_MINUTES, this.#troubleMinutes + 1));
    const tenants = [...this.#tenants].flatMap(([tenantId, { baseline, recent }]) => {
      const window = recent.slice(-minutes);
      return [{ tenantId, usual: baseline.usual ?? NOTHING_USUAL, now: meanOf(window) }];
    });
    const reading = strongest(tenants);
    const suspects = reading.suspects.slice(0, this.#params.maxSuspects);
    const kind = this.#kind(reading);
    const [accused] = suspects;
    return {
      at,
      kind,
      // Its own slow requests are not what the accused is accused of.
      victims: kind === 'culprit' ? victims.filter(({ tenantId }) => tenantId !== accused?.tenantId) : victims,
      suspects,
      othersCostRatio: reading.othersCostRatio,
    };
  }

  #kind({ suspects, othersCostRatio, usualTotal, nowTotal }: Reading): VerdictKind {
    const { accuseShare, accuseRatio, accusePoolShare, commonCostRatio } = this.#params;
    const [first] = suspects;
    if (othersCostRatio >= commonCostRatio) return 'global_slowdown';
    if (
      first !== undefined &&
      first.excessShare >= accuseShare &&
      first.now >= accuseRatio * first.usual &&
      first.now - first.usual >= Math.max(accusePoolShare, othersCostRatio - 1) * usualTotal
    ) {
      return 'culprit';
    }
    // Slow without more work than usual: whatever it waits for, it is not for its tenants.
    return nowTotal < usualTotal * (1 + accusePoolShare) ? 'global_slowdown' : 'unclear';
  }
}

const NOTHING_USUAL: UsualUse = { requests: 0, cpuMs: 0, dbMs: 0, p95Ms: null };

interface Compared {
  readonly tenantId: string;
  readonly usual: UsualUse;
  readonly now: { readonly requests: number; readonly cpuMs: number; readonly dbMs: number };
}

/** What one meter says about all tenants of the resource. */
interface Reading {
  readonly suspects: readonly Suspect[];
  readonly othersCostRatio: number;
  readonly nowTotal: number;
  readonly usualTotal: number;
}

function readMeter(meter: Meter, compared: readonly Compared[]): Reading {
  const field = FIELDS[meter];
  // What became dearer for everybody alike is nobody's excess.
  const commonCost = Math.max(1, costRatio(compared, field));
  const tenants = compared.map(({ tenantId, now, usual }) => ({
    tenantId,
    now,
    usual: { ...usual, [field]: usual[field] * commonCost },
  }));
  const nowTotal = sum(tenants.map(({ now }) => now[field]));
  const usualTotal = sum(compared.map(({ usual }) => usual[field]));
  const excess = sum(tenants.map(({ now, usual }) => Math.max(0, now[field] - usual[field])));
  const suspects = tenants
    .flatMap(({ tenantId, now, usual }): Suspect[] => {
      const over = now[field] - usual[field];
      if (over <= 0) return [];
      const excessShare = over / excess;
      return [
        {
          tenantId,
          score: excessShare * (over / now[field]),
          meter,
          now: now[field],
          usual: usual[field],
          excessShare,
          requestsPerMinute: now.requests,
          usualRequestsPerMinute: usual.requests,
        },
      ];
    })
    .sort((a, b) => b.score - a.score || compareText(a.tenantId, b.tenantId));
  const others = compared.filter(({ tenantId }) => tenantId !== suspects[0]?.tenantId);
  return { suspects, othersCostRatio: costRatio(others, field), nowTotal, usualTotal };
}

/** Median over tenants of the cost of a request now against usually; 1 when nobody can be compared. */
function costRatio(tenants: readonly Compared[], field: (typeof FIELDS)[Meter]): number {
  const ratios = tenants.flatMap(({ now, usual }) => {
    const usualCost = usual[field] / usual.requests;
    return usualCost > 0 && now.requests >= 1 ? [now[field] / now.requests / usualCost] : [];
  });
  return ratios.length === 0 ? 1 : medianOf(ratios);
}

/**
 * The meter on which the resource as a whole is farthest above its usual use. Requests only where nothing else is
 * metered: they fail for a tenant whose requests became heavier.
 */
function strongest(tenants: readonly Compared[]): Reading {
  const rise = ({ nowTotal, usualTotal }: Reading) => (usualTotal > 0 ? nowTotal / usualTotal : 0);
  const [cpu, db] = [readMeter('cpu', tenants), readMeter('db', tenants)];
  if (cpu.nowTotal === 0 && db.nowTotal === 0) return readMeter('requests', tenants);
  return rise(db) > rise(cpu) ? db : cpu;
}

function meanOf(minutes: readonly PoolUse[]): Compared['now'] {
  const mean = (field: 'requests' | 'cpuMs' | 'dbMs') => sum(minutes.map((use) => use[field])) / minutes.length;
  return { requests: mean('requests'), cpuMs: mean('cpuMs'), dbMs: mean('dbMs') };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
