import type { Logger } from 'pino';
import { availableIn, type HeldCap, limitOf, overshootBound, stepAt, usedOf } from '../control/spend-ledger.ts';
import type { Actor, StaffActor } from '../domain/actor.ts';
import { periodAt, type ZoneOffset } from '../domain/calendar-period.ts';
import { toError } from '../domain/errors.ts';
import {
  accountKey,
  emptyAccount,
  type PlanSpendCap,
  type SpendAccount,
  type SpendCap,
  type SpendCapStanding,
  type SpendCapTerms,
  type SpendForecast,
} from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { FORECAST_HISTORY_MS, forecastMeeting, type UsedHour } from '../domain/use-forecast.ts';
import type { CapId, CapPage, CapStore, Standing } from '../store/postgres/cap-store.ts';
import { zoneOffset } from './spend-zones.ts';

/** Caps with the accounts of their current periods; accounts that nothing was booked on yet are empty. */
export type HeldCaps = (standing: Standing) => readonly HeldCap[];

export const heldCaps: HeldCaps = ({ caps, accounts, now }) => {
  const known = new Map(accounts.map((account) => [`${account.tenantId} ${accountKey(account)}`, account]));
  return caps.map((cap) => {
    const { tenantId, period, key, model } = cap;
    const id = { tenantId, period, key, model, window: periodAt(period, now, zoneOrUtc(cap.timeZone)) };
    return { cap, account: known.get(`${tenantId} ${accountKey(id)}`) ?? emptyAccount(id) };
  });
};

/** A zone that another version of Node knew and this one does not must not stop the accounts. */
export function zoneOrUtc(timeZone: string): ZoneOffset {
  try {
    return zoneOffset(timeZone);
  } catch {
    return () => 0;
  }
}

/** Spend of the last two weeks by hour; rejects while spans cannot be asked. */
export type SpendHistory = (
  accounts: readonly SpendAccount[],
  now: number,
) => Promise<ReadonlyMap<SpendAccount, readonly UsedHour[]>>;

export interface SpendCapsOptions {
  readonly store: CapStore;
  readonly history: SpendHistory;
  readonly timeZone: string;
  readonly log: Logger;
}

/** What the API tells and takes about caps. */
export class SpendCaps {
  /** Of caps that name none. */
  readonly timeZone: string;
  readonly #store: CapStore;
  readonly #history: SpendHistory;
  readonly #log: Logger;

  constructor({ store, history, timeZone, log }: SpendCapsOptions) {
    this.timeZone = timeZone;
    this.#store = store;
    this.#history = history;
    this.#log = log;
  }

  put(actor: StaffActor, tenantId: TenantId, terms: SpendCapTerms): Promise<SpendCap> {
    return this.#store.put(actor, tenantId, terms);
  }

  putForPlan(actor: StaffActor, plan: string, terms: SpendCapTerms): Promise<PlanSpendCap> {
    return this.#store.putForPlan(actor, plan, terms);
  }

  remove(actor: StaffActor, tenantId: TenantId, id: CapId): Promise<boolean> {
    return this.#store.remove(actor, tenantId, id);
  }

  removeForPlan(actor: StaffActor, plan: string, id: CapId): Promise<boolean> {
    return this.#store.removeForPlan(actor, plan, id);
  }

  listForPlans(actor: StaffActor): Promise<readonly PlanSpendCap[]> {
    return this.#store.listForPlans(actor);
  }

  /** Caps in force with everything about their current periods, by tenant. */
  async standing(actor: Actor, page: CapPage): Promise<readonly SpendCapStanding[]> {
    const standing = await this.#store.standing(actor, page);
    const held = heldCaps(standing);
    const forecasts = await this.#forecasts(held, standing.now);
    return held.map((one) => standingOf(one, standing, forecasts.get(one.account) ?? null));
  }

  async #forecasts(held: readonly HeldCap[], now: number): Promise<ReadonlyMap<SpendAccount, SpendForecast>> {
    // Spans do not say the app's key.
    const known = held.filter(({ cap }) => cap.key === null);
    if (known.length === 0) return new Map();
    try {
      const hours = await this.#history(
        known.map(({ account }) => account),
        now,
      );
      return new Map(known.map((one) => [one.account, forecastOf(one, hours.get(one.account) ?? [], now)]));
    } catch (thrown) {
      this.#log.warn({ err: toError(thrown) }, 'spans cannot be asked for the history of AI spend; no forecast');
      return new Map();
    }
  }
}

function forecastOf({ cap, account }: HeldCap, hours: readonly UsedHour[], now: number): SpendForecast {
  // Before the first call nothing was spent because the tenant was not there, which is no history of spending nothing.
  const first = Math.min(now, ...hours.map(({ at }) => at));
  return forecastMeeting({
    hours,
    knownFrom: Math.max(first, now - FORECAST_HISTORY_MS),
    now,
    remaining: cap.amountMicro - usedOf(account),
    periodEnd: account.window.to,
  });
}

function standingOf(held: HeldCap, standing: Standing, forecast: SpendForecast | null): SpendCapStanding {
  const { cap, account } = held;
  const usedMicro = usedOf(account);
  const limit = limitOf(cap);
  const inFlightCalls = standing.inFlight.get(cap.tenantId) ?? 0;
  const isOwn = (alert: Standing['alerts'][number]) =>
    alert.tenantId === cap.tenantId &&
    alert.period === cap.period &&
    alert.key === cap.key &&
    alert.model === cap.model &&
    alert.periodStart === account.window.from;
  return {
    cap,
    account,
    usedMicro,
    limitMicro: Number.isFinite(limit) ? limit : null,
    availableMicro: Number.isFinite(limit) ? availableIn(held) : null,
    step: stepAt(cap, usedMicro),
    alerts: standing.alerts.filter(isOwn),
    inFlightCalls,
    overshootBoundMicro: overshootBound(inFlightCalls, account),
    forecast,
  };
}
