/**
 * Words of AI spend caps. A cap limits what a tenant's AI calls may cost in one period; its account counts what they
 * did cost. Amounts are whole micro-units of US dollars in numbers: 2^53 of them are nine billion dollars.
 */
import type { DegradeStep } from './flags.ts';
import type { TenantId } from './tenant-id.ts';
import type { Window } from './window.ts';

export const SPEND_PERIODS = ['day', 'month'] as const;
export type SpendPeriod = (typeof SPEND_PERIODS)[number];

/** The only currency that models are priced in so far; a cap in another could not be compared with what was spent. */
export const SPEND_CURRENCY = 'USD';

/** From `percent` of the amount on, the tenant's AI is degraded to `step`. */
interface SpendRung {
  readonly percent: number;
  readonly step: DegradeStep;
}

/** Ascending in percent and in severity. A ladder without `blocked` warns and degrades, but refuses nothing. */
export type SpendLadder = readonly SpendRung[];

export const DEFAULT_SPEND_LADDER: SpendLadder = [
  { percent: 70, step: 'warn' },
  { percent: 90, step: 'cached_only' },
  { percent: 100, step: 'blocked' },
];

/** From mild to strict. */
export const DEGRADE_STEPS: readonly DegradeStep[] = ['ok', 'warn', 'cached_only', 'blocked'];

/** The stricter of two steps. */
export function stricterStep(left: DegradeStep, right: DegradeStep): DegradeStep {
  return DEGRADE_STEPS.indexOf(left) >= DEGRADE_STEPS.indexOf(right) ? left : right;
}

/** What a cap counts: one of the app's own keys or users, one model, both, or (null) all of them. */
export interface SpendScope {
  /** The app's label given with a call: its API key's name, a user, a team. Never a secret. */
  readonly key: string | null;
  /** A model as the app names it; dated versions of it count too. */
  readonly model: string | null;
}

/** What apps do with calls when no server can be asked for budget. */
export type SpendOnUnavailable = 'open' | 'closed';
/** What becomes of a call whose model has no known price: its cost would be missing from the account. */
export type SpendOnUnpriced = 'allow' | 'refuse';

/** What somebody may decide about a cap. */
export interface SpendCapTerms extends SpendScope {
  readonly period: SpendPeriod;
  readonly amountMicro: number;
  readonly currency: typeof SPEND_CURRENCY;
  /** IANA name; the period begins at local midnight there. */
  readonly timeZone: string;
  readonly ladder: SpendLadder;
  readonly onUnavailable: SpendOnUnavailable;
  readonly onUnpriced: SpendOnUnpriced;
}

export interface StoredTerms extends SpendCapTerms {
  readonly updatedBy: string;
  /** Unix ms. */
  readonly updatedAt: number;
}

/** A cap that holds for one tenant: its own, or that of its plan where it has none of its own for the same scope. */
export interface SpendCap extends StoredTerms {
  readonly tenantId: TenantId;
  /** The plan that the cap comes from; null: the tenant's own. */
  readonly plan: string | null;
}

/** A cap for every tenant of a plan, counted for each of them alone. */
export interface PlanSpendCap extends StoredTerms {
  readonly plan: string;
}

/** Which period of which scope; what is counted outlives changes of the cap. Times are Unix ms. */
export interface SpendAccountId extends SpendScope {
  readonly tenantId: TenantId;
  readonly period: SpendPeriod;
  readonly window: Window;
}

/** What one period of one scope has cost. */
export interface SpendAccount extends SpendAccountId {
  /** Reserved and not yet settled. */
  readonly reservedMicro: number;
  /** Settled: what calls said they cost. */
  readonly spentMicro: number;
  /** Charged for reservations whose settlement never came: they may have been spent, so they count. */
  readonly presumedMicro: number;
  /** What spans of the period say was spent, as of `observedAt`; null: not known for this scope. */
  readonly observedMicro: number | null;
  readonly observedAt: number | null;
  readonly calls: number;
  /** Calls without a known price; their cost is in no figure. */
  readonly unpricedCalls: number;
  /** Calls that cost more than was reserved for them, and by how much together and at most. */
  readonly excessCalls: number;
  readonly excessMicro: number;
  readonly largestExcessMicro: number;
  /** Spent without a reservation, because no server could be asked. Part of `spentMicro`. */
  readonly unreservedMicro: number;
  /** Requests for budget that were refused. */
  readonly refusals: number;
}

/** An account before anything happened on it. */
export function emptyAccount(id: SpendAccountId): SpendAccount {
  return {
    ...id,
    reservedMicro: 0,
    spentMicro: 0,
    presumedMicro: 0,
    observedMicro: null,
    observedAt: null,
    calls: 0,
    unpricedCalls: 0,
    excessCalls: 0,
    excessMicro: 0,
    largestExcessMicro: 0,
    unreservedMicro: 0,
    refusals: 0,
  };
}

/** When the rest of a cap will be gone, as past hours say. Times are Unix ms; `basisHours`: hours of history behind it. */
export type SpendForecast =
  | { readonly kind: 'already_met' }
  /** `earliest` is set when a part of the scenarios does meet it in time. */
  | { readonly kind: 'not_before_period_end'; readonly earliest: number | null; readonly basisHours: number }
  | {
      readonly kind: 'met';
      readonly at: number;
      readonly earliest: number;
      /** null: a part of the scenarios does not meet it in this period. */
      readonly latest: number | null;
      readonly basisHours: number;
    }
  | { readonly kind: 'unknown'; readonly basisHours: number };

/** Everything that is known about one cap in its current period. */
export interface SpendCapStanding {
  readonly cap: SpendCap;
  readonly account: SpendAccount;
  /** What counts as spent: the account's figures or what spans say, whichever is more. */
  readonly usedMicro: number;
  /** Where calls are refused, and what may still be reserved; null: this cap refuses nothing. */
  readonly limitMicro: number | null;
  readonly availableMicro: number | null;
  readonly step: DegradeStep;
  readonly alerts: readonly SpendAlert[];
  /** Calls of the tenant that run now; null: not for this reader. */
  readonly inFlightCalls: number | null;
  /** By how much the calls that run now may pass the limit at most; see the formula in the API's description. */
  readonly overshootBoundMicro: number;
  /** null: spans cannot be asked right now, or do not know this scope. */
  readonly forecast: SpendForecast | null;
}

/** Names an account within its tenant. */
export function accountKey({ period, key, model, window }: Omit<SpendAccountId, 'tenantId'>): string {
  return JSON.stringify([period, key, model, window.from]);
}

/** A threshold that was reached: once for each threshold, period and amount. */
export interface SpendAlert extends SpendScope {
  readonly tenantId: TenantId;
  readonly period: SpendPeriod;
  /** Unix ms. */
  readonly periodStart: number;
  readonly percent: number;
  readonly amountMicro: number;
  readonly usedMicro: number;
  readonly step: DegradeStep;
  /** One sentence for people. */
  readonly reason: string;
  /** Unix ms. */
  readonly at: number;
}

/** Providers answer with dated names (`gpt-4o-2024-08-06`, `claude-3-5-sonnet-20241022`) for the name that was asked. */
const DATED = /[-@](?:\d{4}-\d{2}-\d{2}|\d{8})$/;

/** Whether a call of `model` counts against a cap on `capModel` (null: on all models). */
export function modelMatches(capModel: string | null, model: string): boolean {
  return capModel === null || capModel === model || capModel === model.replace(DATED, '');
}

/** The feature whose degradation says how far a scope has got: `ai`, `ai.key.<key>`, `ai.model.<model>`, or both. */
export function degradeFeature({ key, model }: SpendScope): string {
  return `ai${key === null ? '' : `.key.${key}`}${model === null ? '' : `.model.${model}`}`;
}

/** Labels and models are 1 to 200 characters of one line, as caps have them. */
const DEGRADE_FEATURE = /^ai(?:\.key\.\P{Cc}{1,200}?)?(?:\.model\.\P{Cc}{1,200})?$/u;

/** Whether apps ask for this feature, that is whether `degradeFeature` can have made it: another text degrades nothing. */
export function isDegradeFeature(text: string): boolean {
  return DEGRADE_FEATURE.test(text);
}

/** Who writes the flags that follow from caps. Flags of anybody else are people's. */
export const SPEND_LADDER = 'spend-ladder';
