/**
 * Budget for the calls of this process. It is leased ahead in slices, so that an ordinary call asks nobody and waits for
 * nothing; only the first call of a scope, and those that find every slice used up, wait for one answer together.
 */
import { randomUUID } from 'node:crypto';
import { highestPriceOfCall, type TokenRates } from '../domain/spend-price.ts';
import type { SpendAnswer } from '../domain/spend-wire.ts';
import type { Counters } from './counters.ts';
import type { SpendLink } from './spend-link.ts';
import type { BudgetAnswer, SpendQuestion } from './spend-question.ts';
import { SpendSlices } from './spend-slices.ts';

interface Account {
  readonly slices: SpendSlices;
  /** The last answer about the scope, and until when (monotonic ms) it is believed. */
  last: SpendAnswer | undefined;
  believedUntil: number;
  /** When the periods that the answer spoke of end. */
  resetsAt: number;
  /** Not before then is more budget asked for ahead. */
  aheadFrom: number;
  asking: Promise<boolean> | undefined;
  /** Cost of calls begun since the last grant, and when that was: what the next slice is measured by. */
  takenMicro: number;
  takenSince: number;
  waitingMicro: number;
  usedAt: number;
}

interface Priced {
  readonly rates: TokenRates | null;
  readonly until: number;
}

/** What was answered without a slice ("uncapped", "refused") is believed for so long. */
const UNCAPPED_BELIEVED_MS = 20_000;
/** After that long without a call somebody waits for a fresh answer; before, it is fetched behind the call's back. */
const UNCAPPED_AT_MOST_MS = 10 * 60_000;
const REFUSAL_BELIEVED_MS = 1_000;
/** Rates change by the day. */
const RATES_BELIEVED_MS = 5 * 60_000;
/** A slice is to last this long at the pace of late; it may be used for 20 s. */
const SLICE_AIM_MS = 10_000;
const IDLE_MS = 5 * 60_000;
const MAX_MODELS = 1_000;
const MAX_ACCOUNTS = 20_000;
/** Rounds of asking that a call takes part in; slices get smaller towards the end of a cap, so a few are normal. */
const MAX_ROUNDS = 100;
const UNRESERVED_USABLE_MS = 20_000;
/** A slice that ends within this time is replaced ahead. */
const REPLACE_AHEAD_MS = 4_000;

export interface SpendBudgetOptions {
  readonly link: SpendLink;
  readonly counters: Counters;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly beforeFirstAnswer: 'open' | 'closed';
}

export class SpendBudget {
  readonly #link: SpendLink;
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #beforeFirstAnswer: 'open' | 'closed';
  #stopped = false;
  readonly #accounts = new Map<string, Account>();
  /** Whether the tenant's caps look at keys or models, as last heard. */
  readonly #dimensions = new Map<string, { readonly byKey: boolean; readonly byModel: boolean }>();
  readonly #prices = new Map<string, Priced>();

  constructor({ link, counters, now, beforeFirstAnswer }: SpendBudgetOptions) {
    this.#link = link;
    this.#counters = counters;
    this.#now = now;
    this.#beforeFirstAnswer = beforeFirstAnswer;
  }

  /** Prices of a model, as the server last told; undefined: it was not asked yet. */
  ratesOf(provider: string | undefined, model: string): TokenRates | null | undefined {
    return this.#prices.get(priceKey(provider, model))?.rates;
  }

  async obtain(question: SpendQuestion): Promise<BudgetAnswer> {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const account = this.#account(question);
      const answer = this.#atOnce(account, question);
      if (answer !== undefined) return answer;
      if (this.#link.isAway) {
        // Nobody waits for a server that is away; one try in the background finds out when it is back.
        this.#askBehind(account, question, this.#priceOf(question) ?? 0);
        return this.#unavailable(account);
      }
      const micro = this.#priceOf(question) ?? 0;
      account.waitingMicro += micro;
      const answered = await this.#ask(account, question, micro).finally(() => {
        account.waitingMicro -= micro;
      });
      if (!answered) return this.#unavailable(account);
    }
    this.#counters.add('spend_contended');
    return this.#unavailable(this.#account(question));
  }

  /** Every scope that has something to report, or may be forgotten. */
  slices(): readonly SpendSlices[] {
    return [...this.#accounts.values()].map((account) => account.slices);
  }

  /** Asks no more ahead; resolves when no question is under way, so that no slice comes after the last report. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#accounts.values()].map((account) => account.asking));
  }

  /** Forgets scopes that were not used for long. */
  sweep(): void {
    const now = this.#now();
    for (const [id, account] of this.#accounts) {
      if (account.slices.isEmpty && now - account.usedAt > IDLE_MS) this.#accounts.delete(id);
    }
    if (this.#dimensions.size > MAX_ACCOUNTS) this.#dimensions.clear();
  }

  /** What can be said without asking; undefined when only the server can tell. */
  #atOnce(account: Account, question: SpendQuestion): BudgetAnswer | undefined {
    const now = this.#now();
    const { last, slices } = account;
    if (last === undefined) return undefined;
    const believed = now < account.believedUntil;
    if (last.outcome === 'uncapped') {
      if (now - account.believedUntil > UNCAPPED_AT_MOST_MS) return undefined;
      if (!believed) this.#askBehind(account, question, 1);
      return { outcome: 'free', step: 'ok' };
    }
    if (!this.#prices.has(priceKey(question.provider, question.model))) return undefined;
    const micro = this.#priceOf(question);
    if (micro === undefined && last.on_unpriced === 'refuse') {
      return { outcome: 'refused', why: 'unpriced', reason: `${question.model} has no known price.` };
    }
    const hold = slices.take(micro ?? 0, now);
    if (hold !== undefined) {
      account.takenMicro += micro ?? 0;
      this.#leaseAhead(account, question, micro ?? 0, now);
      return { outcome: 'held', hold, slices, step: last.step };
    }
    const refuses = believed && last.available_micro !== null && last.available_micro < Math.max(micro ?? 0, 1);
    if (refuses && last.outcome === 'refused') return { outcome: 'refused', why: 'cap', reason: last.reason };
    return undefined;
  }

  /** Asks for the next slice before this one is used up or may be used no more. */
  #leaseAhead(account: Account, question: SpendQuestion, micro: number, now: number): void {
    if (now < account.aheadFrom) return;
    const isLow = account.slices.free(now) < Math.max(2 * micro, this.#pace(account, now) / 2);
    const isStale = now >= (this.#prices.get(priceKey(question.provider, question.model))?.until ?? 0);
    const endsSoon = account.slices.usableFor(now) < REPLACE_AHEAD_MS;
    if (isLow || isStale || endsSoon) this.#askBehind(account, question, micro);
  }

  /** Asks without anybody waiting for the answer. */
  #askBehind(account: Account, question: SpendQuestion, micro: number): void {
    if (this.#stopped || account.asking !== undefined || (this.#link.isAway && !this.#link.mayTry)) return;
    void this.#ask(account, question, micro);
  }

  /** Micro-units that calls of the scope take in the time that a slice is to last. */
  #pace(account: Account, now: number): number {
    const seconds = Math.max(1_000, now - account.takenSince);
    return Math.ceil((account.takenMicro * SLICE_AIM_MS) / seconds);
  }

  /** One question at a time for each scope; whoever comes meanwhile waits for the same answer. */
  #ask(account: Account, question: SpendQuestion, atLeastMicro: number): Promise<boolean> {
    account.asking ??= this.#askNow(account, question, atLeastMicro).finally(() => {
      account.asking = undefined;
    });
    return account.asking;
  }

  async #askNow(account: Account, question: SpendQuestion, atLeastMicro: number): Promise<boolean> {
    // Those who came in the same turn are counted before the question is put.
    await Promise.resolve();
    const askedAt = this.#now();
    const { tenantId, key, model, provider, estimate } = question;
    const wanted = Math.max(atLeastMicro, account.waitingMicro + this.#pace(account, askedAt));
    const unknownPrice = estimate !== undefined && this.ratesOf(provider, model) === undefined;
    const request = {
      id: randomUUID(),
      tenant_id: tenantId,
      ...(key === undefined ? {} : { key }),
      model,
      ...(provider === undefined ? {} : { provider }),
      ...(unknownPrice
        ? { estimate: { input_tokens: estimate.inputTokens, max_output_tokens: estimate.maxOutputTokens } }
        : { at_least_micro: Math.max(1, atLeastMicro) }),
      wanted_micro: wanted,
    };
    const answer = await this.#link.reserve(request);
    if (answer === undefined) {
      account.slices.addLost(request.id, this.#now());
      return false;
    }
    this.#learn(account, question, answer, askedAt);
    return true;
  }

  #learn(asked: Account, question: SpendQuestion, answer: SpendAnswer, askedAt: number): void {
    const { tenantId, provider, model } = question;
    this.#dimensions.set(tenantId, { byKey: answer.by_key, byModel: answer.by_model });
    if (this.#prices.size >= MAX_MODELS) this.#prices.clear();
    this.#prices.set(priceKey(provider, model), { rates: answer.rates, until: askedAt + RATES_BELIEVED_MS });
    // The caps may turn out to look at less, or more, than was thought: the slice belongs where its calls will look.
    const account = this.#account(question);
    const believed = answer.outcome === 'uncapped' ? UNCAPPED_BELIEVED_MS : REFUSAL_BELIEVED_MS;
    for (const one of new Set([asked, account])) {
      one.last = answer;
      one.believedUntil = askedAt + believed;
      one.resetsAt = askedAt + (answer.resets_ms ?? 0);
      one.aheadFrom = answer.outcome === 'refused' ? one.believedUntil : askedAt;
    }
    if (answer.granted_micro === 0) return;
    // Counted from before the question: our end of it never outlives the server's.
    account.slices.add(answer.id, answer.granted_micro, askedAt + answer.usable_ms, askedAt);
    account.takenMicro = 0;
    account.takenSince = askedAt;
  }

  #unavailable(account: Account): BudgetAnswer {
    const { slices } = account;
    const now = this.#now();
    // What was said of a period that has ended meanwhile says nothing of the next one but how to behave.
    const last = now < account.resetsAt ? account.last : undefined;
    const step = last?.step ?? 'ok';
    if (step === 'blocked' || last?.outcome === 'refused') {
      this.#counters.add('spend_unavailable_refused');
      return { outcome: 'refused', why: 'cap', reason: last?.reason ?? '' };
    }
    if ((account.last?.on_unavailable ?? this.#beforeFirstAnswer) === 'closed') {
      this.#counters.add('spend_unavailable_refused');
      return {
        outcome: 'refused',
        why: 'unavailable',
        reason: 'No server can be asked for budget, and calls are to be refused then.',
      };
    }
    this.#counters.add('spend_unreserved');
    if (account.last?.outcome === 'uncapped') return { outcome: 'free', step };
    const hold = slices.takeUnreserved(randomUUID, now + UNRESERVED_USABLE_MS, now);
    return { outcome: 'held', hold, slices, step };
  }

  #priceOf({ provider, model, estimate, estimateMicro }: SpendQuestion): number | undefined {
    if (estimateMicro !== undefined) return estimateMicro;
    const rates = this.ratesOf(provider, model);
    return estimate === undefined || rates === null || rates === undefined
      ? undefined
      : highestPriceOfCall(rates, estimate);
  }

  #account({ tenantId, key, model }: SpendQuestion): Account {
    const { byKey, byModel } = this.#dimensions.get(tenantId) ?? { byKey: true, byModel: true };
    const labels = { key: byKey ? key : undefined, model: byModel ? model : undefined };
    const id = JSON.stringify([tenantId, labels.key ?? null, labels.model ?? null]);
    const known = this.#accounts.get(id);
    const now = this.#now();
    if (known !== undefined) {
      known.usedAt = now;
      return known;
    }
    const account: Account = {
      slices: new SpendSlices(tenantId, labels),
      last: undefined,
      believedUntil: Number.NEGATIVE_INFINITY,
      resetsAt: Number.NEGATIVE_INFINITY,
      aheadFrom: Number.NEGATIVE_INFINITY,
      asking: undefined,
      takenMicro: 0,
      takenSince: now,
      waitingMicro: 0,
      usedAt: now,
    };
    if (this.#accounts.size >= MAX_ACCOUNTS) this.#makeRoom();
    this.#accounts.set(id, account);
    return account;
  }

  /** The account that was made first goes, if it holds nothing. */
  #makeRoom(): void {
    for (const [id, account] of this.#accounts) {
      if (!account.slices.isEmpty || account.asking !== undefined) continue;
      this.#accounts.delete(id);
      return;
    }
  }
}

function priceKey(provider: string | undefined, model: string): string {
  return JSON.stringify([provider ?? '', model]);
}
