/**
 * One tenant's page in the books, in memory: what is asked of it is decided by the rules of `spend-ledger`, and what
 * changed is handed back to be written in one go. Whoever opens a page holds the tenant's lock until it is written.
 */

import { periodAt } from '../domain/calendar-period.ts';
import type { DegradeStep } from '../domain/flags.ts';
import {
  accountKey,
  emptyAccount,
  modelMatches,
  type SpendAccount,
  type SpendAccountId,
  type SpendCap,
  type SpendScope,
  stricterStep,
} from '../domain/spend.ts';
import { highestPriceOfCall, type TokenRates } from '../domain/spend-price.ts';
import type { SpendAnswer, SpendReceipt, SpendReport, SpendRequest } from '../domain/spend-wire.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import {
  type AccountDelta,
  addTo,
  applyReport,
  availableIn,
  decideGrant,
  expire,
  type Grant,
  type HeldCap,
  NO_FIGURES,
  opening,
  stepAt,
  usedOf,
} from './spend-ledger.ts';
import type { SpendAsker, SpendPageChanges, SpendPageData, SpendTools, StoredReservation } from './spend-ports.ts';
import { capSentence } from './spend-words.ts';

/** How long calls may begin on a slice: a changed cap holds everywhere after that. */
const SLICE_USABLE_MS = 20 * SECOND_MS;
/** A slice that is not heard of for this long is charged; instances report every second. */
export const SLICE_EXPIRES_MS = MINUTE_MS;
/** A reservation for one call is not renewed while it runs, so it lasts as long as calls may take. */
const CALL_EXPIRES_MS = 15 * MINUTE_MS;

export class SpendPage {
  readonly #data: SpendPageData;
  readonly #tools: SpendTools;
  readonly #accounts: Map<string, SpendAccount>;
  readonly #reservations: Map<string, StoredReservation>;
  readonly #changedAccounts = new Set<string>();
  readonly #changedReservations = new Set<string>();

  constructor(data: SpendPageData, tools: SpendTools) {
    this.#data = data;
    this.#tools = tools;
    this.#accounts = new Map(data.accounts.map((account) => [accountKey(account), account]));
    this.#reservations = new Map(data.reservations.map((reservation) => [reservation.id, reservation]));
  }

  /** Grants, or says why not. A request whose id is known gets the answer that it had. */
  reserve(request: SpendRequest, asker: SpendAsker): SpendAnswer {
    const scope = { key: request.key ?? null, model: request.model ?? null };
    const { provider = '', model, estimate } = request;
    const rates = model === undefined ? null : this.#tools.rates(provider, model, this.#data.now, this.#data.tenantId);
    const known = this.#reservations.get(request.id);
    const held = this.#held(scope);
    if (known !== undefined) return this.#answer(request.id, 'granted', held, rates, known);
    const price = estimate === undefined ? undefined : priceOf(rates, estimate);
    if (estimate !== undefined && price === undefined && held.some(({ cap }) => cap.onUnpriced === 'refuse')) {
      return this.#answer(request.id, 'unpriced', held, rates);
    }
    const isSlice = estimate === undefined || request.wanted_micro !== undefined;
    // An unpriced call takes up as good as nothing, but it has to be settled somewhere.
    const least = estimate === undefined ? 0 : (price ?? 1);
    const atLeastMicro = Math.max(least, request.at_least_micro ?? 0);
    const wantedMicro = Math.max(atLeastMicro, request.wanted_micro ?? 0);
    const grant = decideGrant(held, { atLeastMicro, wantedMicro });
    if (grant.outcome === 'refused') this.#countRefusal(grant);
    if (grant.outcome !== 'granted') return this.#answer(request.id, grant.outcome, held, rates);
    // Nothing reserved: somebody only wanted to know how things stand.
    if (grant.grantedMicro === 0) return this.#answer(request.id, 'granted', held, rates);
    const life = isSlice ? SLICE_EXPIRES_MS : CALL_EXPIRES_MS;
    const usable = isSlice ? SLICE_USABLE_MS : life;
    const reservation = this.#open(request.id, scope, asker, held, {
      micro: grant.grantedMicro,
      usable,
      life,
      calls: isSlice ? 0 : 1,
    });
    return this.#answer(request.id, 'granted', this.#held(scope), rates, reservation);
  }

  /** Takes what an instance says of a reservation, as often as it says it. */
  report(report: SpendReport, asker: SpendAsker): SpendReceipt {
    const known = this.#reservations.get(report.id) ?? this.#openUnreserved(report, asker);
    if (known === undefined) return { id: report.id, state: 'unknown' };
    const { after, delta } = applyReport(known, {
      figures: {
        spentMicro: report.spent_micro,
        calls: report.calls,
        unpricedCalls: report.unpriced_calls,
        excessCalls: report.excess_calls,
        excessMicro: report.excess_micro,
        largestExcessMicro: report.largest_excess_micro,
      },
      inFlight: report.in_flight,
      keepMicro: report.keep_micro,
      closed: report.closed,
    });
    const expiresAt = Math.max(known.expiresAt, this.#data.now + SLICE_EXPIRES_MS);
    this.#change({ ...known, ...after, expiresAt: after.state === 'open' ? expiresAt : known.expiresAt }, delta);
    return { id: report.id, state: after.state };
  }

  /** Charges what has expired. @returns how many reservations that were */
  expireDue(): number {
    const due = [...this.#reservations.values()].filter(
      ({ state, expiresAt }) => state === 'open' && expiresAt <= this.#data.now,
    );
    for (const reservation of due) {
      const { after, delta } = expire(reservation);
      this.#change({ ...reservation, ...after }, delta);
    }
    return due.length;
  }

  /** Notes what the spans say of an account; never less than before, as retention takes spans away. */
  observe(id: SpendAccountId, observedMicro: number): void {
    const account = this.#accountOf(id);
    this.#setAccount({
      ...account,
      observedMicro: Math.max(observedMicro, account.observedMicro ?? 0),
      observedAt: this.#data.now,
    });
  }

  changes(): SpendPageChanges {
    const pick = <T>(all: ReadonlyMap<string, T>, keys: ReadonlySet<string>) =>
      [...keys].flatMap((key) => all.get(key) ?? []);
    return {
      accounts: pick(this.#accounts, this.#changedAccounts),
      reservations: pick(this.#reservations, this.#changedReservations),
    };
  }

  #held({ key, model }: SpendScope): readonly HeldCap[] {
    return this.#data.caps
      .filter((cap) => cap.key === null || cap.key === key)
      .filter((cap) => cap.model === null || (model !== null && modelMatches(cap.model, model)))
      .map((cap) => ({ cap, account: this.#accountOf(this.#idOf(cap)) }));
  }

  #idOf({ period, key, model, timeZone }: SpendCap): SpendAccountId {
    const window = periodAt(period, this.#data.now, this.#tools.zone(timeZone));
    return { tenantId: this.#data.tenantId, period, key, model, window };
  }

  #accountOf(id: SpendAccountId): SpendAccount {
    return this.#accounts.get(accountKey(id)) ?? emptyAccount(id);
  }

  #setAccount(account: SpendAccount): void {
    const key = accountKey(account);
    this.#accounts.set(key, account);
    this.#changedAccounts.add(key);
  }

  #change(reservation: StoredReservation, delta: AccountDelta): void {
    this.#reservations.set(reservation.id, reservation);
    this.#changedReservations.add(reservation.id);
    for (const id of reservation.accounts) this.#setAccount(addTo(this.#accountOf(id), delta));
  }

  #open(
    id: string,
    scope: SpendScope,
    asker: SpendAsker,
    held: readonly HeldCap[],
    {
      micro,
      usable,
      life,
      calls,
    }: { readonly micro: number; readonly usable: number; readonly life: number; readonly calls: number },
  ): StoredReservation {
    const { tenantId, now } = this.#data;
    // Calls of the next period must not be paid for by this one.
    const periodEnds = Math.min(...held.map(({ account }) => account.window.to));
    const reservation: StoredReservation = {
      id,
      tenantId,
      ...scope,
      ...asker,
      state: 'open',
      grantedMicro: micro,
      figures: NO_FIGURES,
      inFlight: calls,
      unreserved: false,
      accounts: held.map(({ account }) => idOfAccount(account)),
      createdAt: now,
      usableUntil: Math.min(now + usable, periodEnds),
      expiresAt: now + life,
    };
    this.#change(reservation, opening(reservation));
    return reservation;
  }

  /** Spending that nobody reserved goes to the accounts of the moment at which it is told. */
  #openUnreserved(report: SpendReport, asker: SpendAsker): StoredReservation | undefined {
    if (report.unreserved === undefined) return undefined;
    const { tenantId, now } = this.#data;
    const scope = { key: report.unreserved.key ?? null, model: report.unreserved.model ?? null };
    return {
      id: report.id,
      tenantId,
      ...scope,
      ...asker,
      state: 'open',
      grantedMicro: 0,
      figures: NO_FIGURES,
      inFlight: 0,
      unreserved: true,
      accounts: this.#held(scope).map(({ account }) => idOfAccount(account)),
      createdAt: now,
      usableUntil: now,
      expiresAt: now + SLICE_EXPIRES_MS,
    };
  }

  #countRefusal({ tightest }: Grant): void {
    if (tightest === undefined) return;
    this.#setAccount({ ...tightest.account, refusals: tightest.account.refusals + 1 });
  }

  #answer(
    id: string,
    outcome: SpendAnswer['outcome'],
    held: readonly HeldCap[],
    rates: TokenRates | null,
    reservation?: StoredReservation,
  ): SpendAnswer {
    const { now, caps } = this.#data;
    const available = Math.min(Number.POSITIVE_INFINITY, ...held.map(availableIn));
    const nearest = held.toSorted((a, b) => shareOf(b) - shareOf(a))[0];
    return {
      id,
      outcome: held.length === 0 && outcome === 'granted' ? 'uncapped' : outcome,
      granted_micro: reservation?.grantedMicro ?? 0,
      usable_ms: Math.max(0, (reservation?.usableUntil ?? now + SLICE_USABLE_MS) - now),
      resets_ms: held.length === 0 ? null : Math.min(...held.map(({ account }) => account.window.to)) - now,
      expires_ms: reservation === undefined ? 0 : Math.max(0, reservation.expiresAt - now),
      by_key: caps.some((cap) => cap.key !== null),
      by_model: caps.some((cap) => cap.model !== null),
      available_micro: Number.isFinite(available) ? available : null,
      step: held.reduce<DegradeStep>(
        (strictest, { cap, account }) => stricterStep(strictest, stepAt(cap, usedOf(account))),
        'ok',
      ),
      reason: nearest === undefined ? '' : capSentence(nearest),
      on_unavailable: held.some(({ cap }) => cap.onUnavailable === 'closed') ? 'closed' : 'open',
      on_unpriced: held.some(({ cap }) => cap.onUnpriced === 'refuse') ? 'refuse' : 'allow',
      rates,
    };
  }
}

function priceOf(rates: TokenRates | null, estimate: NonNullable<SpendRequest['estimate']>): number | undefined {
  if (rates === null) return undefined;
  const { input_tokens: inputTokens, max_output_tokens: maxOutputTokens } = estimate;
  return highestPriceOfCall(rates, { inputTokens, maxOutputTokens });
}

function shareOf({ cap, account }: HeldCap): number {
  return cap.amountMicro === 0 ? Number.POSITIVE_INFINITY : usedOf(account) / cap.amountMicro;
}

function idOfAccount({ tenantId, period, key, model, window }: SpendAccount): SpendAccountId {
  return { tenantId, period, key, model, window };
}
