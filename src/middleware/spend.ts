import type { DegradeStep } from '../domain/flags.ts';
import { degradeFeature, stricterStep } from '../domain/spend.ts';
import { priceOfCall } from '../domain/spend-price.ts';
import type { SpendReport } from '../domain/spend-wire.ts';
import type { Counters } from './counters.ts';
import type { Flags } from './flags.ts';
import { SpendBudget } from './spend-budget.ts';
import {
  type Spend,
  SpendBlockedError,
  type SpendCall,
  type SpendReservation,
  type SpendRunOptions,
} from './spend-call.ts';
import { SpendLink, type SpendLinkOptions } from './spend-link.ts';
import type { BudgetAnswer } from './spend-question.ts';
import type { Hold, SpendSlices } from './spend-slices.ts';
import { isRefusal, type SpendUsage, usageOfAnswer } from './spend-usage.ts';
import { currentTenant } from './tenant-context.ts';

export interface SpendOptions extends Omit<SpendLinkOptions, 'key'> {
  /** Without one nothing is reserved and nothing refused. */
  readonly key: string | undefined;
  readonly flags: Pick<Flags, 'degradeStep'>;
  /** See `SpendSettings.beforeFirstAnswer`. */
  readonly beforeFirstAnswer?: 'open' | 'closed' | undefined;
}

/** A call that ended before its model's price was known. */
interface Unsettled {
  readonly call: SpendCall;
  readonly usage: SpendUsage;
  readonly hold: Hold;
  readonly slices: SpendSlices;
}

const FLUSH_EVERY_MS = 1_000;
const SWEEP_EVERY_FLUSHES = 60;
/** What fits into a body that the server takes. */
const REPORTS_AT_ONCE = 100;
/** Calls of an outage at the start; those beyond are counted as unpriced. */
const MAX_UNSETTLED = 10_000;
const FREE: SpendReservation = { step: 'ok', micro: 0, settle: () => undefined, release: () => undefined };

export class SpendClient implements Spend {
  readonly #flags: Pick<Flags, 'degradeStep'>;
  readonly #counters: Counters;
  readonly #now: () => number;
  readonly #link: SpendLink | undefined;
  readonly #budget: SpendBudget | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #unsettled: Unsettled[] = [];
  #flushing: Promise<void> | undefined;
  #flushes = 0;

  constructor({ key, flags, beforeFirstAnswer = 'open', ...options }: SpendOptions) {
    this.#flags = flags;
    this.#counters = options.counters;
    this.#now = options.now;
    if (key === undefined) return;
    this.#link = new SpendLink({ ...options, key });
    this.#budget = new SpendBudget({
      link: this.#link,
      counters: options.counters,
      now: options.now,
      beforeFirstAnswer,
    });
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS).unref();
  }

  async run<T>(
    call: SpendCall,
    fn: (reservation: SpendReservation) => T | Promise<T>,
    { fallback, usageOf = usageOfAnswer }: SpendRunOptions<T> = {},
  ): Promise<T> {
    let reservation: SpendReservation;
    try {
      reservation = await this.reserve(call);
    } catch (error) {
      if (fallback === undefined || !(error instanceof SpendBlockedError)) throw error;
      return fallback({ step: 'blocked', reason: error.reason });
    }
    if (reservation.step === 'cached_only' && fallback !== undefined) {
      reservation.release();
      return fallback({ step: 'cached_only', reason: 'The AI budget is nearly used up.' });
    }
    try {
      const answer = await fn(reservation);
      reservation.settle(this.#usage(() => usageOf(answer)));
      return answer;
    } catch (error) {
      // A provider that refuses a request does not charge for it; after anything else it may have worked.
      if (isRefusal(error)) reservation.release();
      else reservation.settle();
      throw error;
    }
  }

  async reserve(call: SpendCall): Promise<SpendReservation> {
    const tenantId = call.tenantId ?? currentTenant()?.tenantId;
    if (tenantId === undefined) {
      this.#counters.add('spend_no_tenant');
      return FREE;
    }
    const flagged = this.#flagStep(call, tenantId);
    if (flagged === 'blocked') {
      this.#counters.add('spend_refused');
      throw new SpendBlockedError('flag', 'AI is switched off for this tenant.');
    }
    if (this.#budget === undefined) return { ...FREE, step: flagged };
    let answer: BudgetAnswer;
    try {
      answer = await this.#budget.obtain({
        tenantId,
        key: call.key,
        model: call.model,
        provider: call.provider,
        estimate: call.estimate,
        estimateMicro: call.estimateMicro,
      });
    } catch {
      // Nothing in there throws; should it do so one day, the call must not suffer for it.
      this.#counters.add('spend_failed');
      return { ...FREE, step: flagged };
    }
    if (answer.outcome === 'refused') {
      this.#counters.add('spend_refused');
      throw new SpendBlockedError(answer.why, answer.reason);
    }
    const step = stricterStep(flagged, answer.step);
    return answer.outcome === 'free' ? { ...FREE, step } : this.#reservation(call, answer, step);
  }

  /** Tells the server what was spent. Never rejects; one at a time. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#flush()
      .catch(() => this.#counters.add('spend_failed'))
      .finally(() => {
        this.#flushing = undefined;
      });
    await this.#flushing;
  }

  /** Gives back what is left and tells what was spent. Calls that still run are told no more. Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing;
    await this.#budget?.stop();
    this.#settleLate(true);
    for (const slices of this.#budget?.slices() ?? []) slices.retire();
    await this.flush();
  }

  #flagStep({ key: label, model }: SpendCall, tenantId: string): DegradeStep {
    const key = label ?? null;
    const scopes = [
      { key: null, model: null },
      { key: null, model },
      ...(key === null
        ? []
        : [
            { key, model: null },
            { key, model },
          ]),
    ];
    return scopes.reduce<DegradeStep>((strictest, scope) => {
      return stricterStep(strictest, this.#flags.degradeStep(degradeFeature(scope), tenantId));
    }, 'ok');
  }

  #reservation(
    call: SpendCall,
    { hold, slices }: Extract<BudgetAnswer, { outcome: 'held' }>,
    step: DegradeStep,
  ): SpendReservation {
    return {
      step,
      micro: hold.micro,
      settle: (usage) => {
        if (hold.over) return;
        const needsPrice = usage !== undefined && !('micro' in usage);
        if (needsPrice && !this.#isPriceKnown(call) && this.#unsettled.length < MAX_UNSETTLED) {
          this.#unsettled.push({ call, usage, hold, slices });
        } else this.#settle(call, usage, hold, slices);
      },
      release: () => slices.release(hold),
    };
  }

  #isPriceKnown(call: SpendCall): boolean {
    return this.#budget?.ratesOf(call.provider, call.model) !== undefined;
  }

  #settle(call: SpendCall, usage: SpendUsage | undefined, hold: Hold, slices: SpendSlices): void {
    const micro = this.#costOf(call, usage, hold.micro);
    if (micro === undefined) this.#counters.add('spend_unpriced');
    if (slices.settle(hold, micro) > 0) this.#counters.add('spend_exceeded');
  }

  /** Prices what ended before its price was known; at the very end also what has none. */
  #settleLate(isLast: boolean): void {
    const waiting = this.#unsettled;
    this.#unsettled = waiting.filter(({ call }) => !isLast && !this.#isPriceKnown(call));
    for (const { call, usage, hold, slices } of waiting) {
      if (isLast || this.#isPriceKnown(call)) this.#settle(call, usage, hold, slices);
    }
  }

  /** undefined: it has no known price. */
  #costOf(call: SpendCall, usage: SpendUsage | undefined, reservedMicro: number): number | undefined {
    if (usage !== undefined && 'micro' in usage) return isAmount(usage.micro) ? Math.ceil(usage.micro) : reservedMicro;
    const rates = this.#budget?.ratesOf(call.provider, call.model);
    if (usage === undefined) {
      this.#counters.add('spend_usage_unknown');
      return rates === null && call.estimateMicro === undefined ? undefined : reservedMicro;
    }
    const price = rates === null || rates === undefined ? undefined : priceOfCall(rates, usage);
    // Counts that do not fit together, or a price that is not known for this kind of token alone.
    return price ?? (reservedMicro > 0 ? reservedMicro : undefined);
  }

  #usage(read: () => SpendUsage | undefined): SpendUsage | undefined {
    try {
      return read();
    } catch {
      this.#counters.add('spend_failed');
      return undefined;
    }
  }

  async #flush(): Promise<void> {
    const link = this.#link;
    const budget = this.#budget;
    if (link === undefined || budget === undefined) return;
    this.#flushes += 1;
    if (this.#flushes % SWEEP_EVERY_FLUSHES === 0) budget.sweep();
    this.#settleLate(false);
    if (link.isAway && !link.mayTry) return;
    const due = budget.slices().flatMap((slices) => slices.reports(this.#now()).map((report) => ({ slices, report })));
    for (let first = 0; first < due.length; first += REPORTS_AT_ONCE) {
      await this.#send(link, due.slice(first, first + REPORTS_AT_ONCE));
    }
  }

  async #send(
    link: SpendLink,
    due: readonly { readonly slices: SpendSlices; readonly report: SpendReport }[],
  ): Promise<void> {
    const receipts = await link.settle(due.map(({ report }) => report));
    if (receipts === undefined) {
      for (const { slices, report } of due) slices.unheard(report.id);
      return;
    }
    const states = new Map(receipts.items.map(({ id, state }) => [id, state]));
    for (const { slices, report } of due) {
      const state = states.get(report.id);
      if (state === 'closed' || state === 'unknown') slices.forget(report.id, this.#now());
    }
  }
}

function isAmount(micro: number): boolean {
  return Number.isFinite(micro) && micro >= 0;
}
