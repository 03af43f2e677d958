/**
 * Prices of one model as numbers that an app can work with by itself, so that a call is priced without asking anybody.
 * The server makes them from its price book; every call is priced by the same rules on both sides.
 */
import { AI_INPUT_TIER_STARTS, aiInputTierOf } from './ai-usage.ts';
import { microFromPico } from './money.ts';

/** Kinds of tokens that may have rates of their own. */
const TOKEN_KINDS = ['input', 'output', 'cache_read', 'cache_write', 'reasoning'] as const;
type TokenKind = (typeof TOKEN_KINDS)[number];

/** Input size classes in the order of a rate's entries: 0, then each start. */
export const RATE_TIERS: readonly number[] = [0, ...AI_INPUT_TIER_STARTS];

/** Pico-units of US dollars per token for each input size class; one entry: the same for all; null: not known. */
export type TokenRate = readonly (number | null)[];

export interface TokenRates extends Readonly<Record<TokenKind, TokenRate>> {
  /** Pico-units per call, whatever its size. */
  readonly call: number;
}

/** Tokens of one call, counted as OpenTelemetry does: cached ones are part of the input, reasoning of the output. */
export interface CallTokens {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;

/**
 * What one call costs in micro-units, rounded up: a cap must not be passed by halves.
 * @returns undefined when a rate that the call needs is not known, or its counts do not fit together
 */
export function priceOfCall(rates: TokenRates, tokens: CallTokens): number | undefined {
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = tokens;
  const plainInput = inputTokens - cacheReadTokens - cacheWriteTokens;
  const plainOutput = outputTokens - reasoningTokens;
  const counts: readonly (readonly [TokenKind, number])[] = [
    ['input', plainInput],
    ['cache_read', cacheReadTokens],
    ['cache_write', cacheWriteTokens],
    ['output', plainOutput],
    ['reasoning', reasoningTokens],
  ];
  if (!counts.every(([, count]) => isCount(count))) return undefined;
  const tier = RATE_TIERS.indexOf(aiInputTierOf(inputTokens));
  let pico = BigInt(rates.call);
  for (const [kind, count] of counts) {
    if (count === 0) continue;
    const rate = rates[kind][Math.min(tier, rates[kind].length - 1)];
    if (rate === null || rate === undefined) return undefined;
    pico += BigInt(count) * BigInt(rate);
  }
  return Number(microFromPico(pico + HALF_LESS_ONE));
}

/** Turns the rounding of `microFromPico` (half up) into rounding up. */
const HALF_LESS_ONE = 499_999n;

/**
 * The most that a call may cost: its input at the dearest rate that input can have (caching may cost extra), and as
 * much output as it may have at the dearest rate of output.
 * @returns undefined as `priceOfCall` does
 */
export function highestPriceOfCall(
  rates: TokenRates,
  { inputTokens, maxOutputTokens }: { readonly inputTokens: number; readonly maxOutputTokens: number },
): number | undefined {
  const prices = [
    { inputTokens, outputTokens: maxOutputTokens },
    { inputTokens, outputTokens: maxOutputTokens, cacheWriteTokens: inputTokens },
    { inputTokens, outputTokens: maxOutputTokens, reasoningTokens: maxOutputTokens },
    {
      inputTokens,
      outputTokens: maxOutputTokens,
      cacheWriteTokens: inputTokens,
      reasoningTokens: maxOutputTokens,
    },
  ].map((tokens) => priceOfCall(rates, tokens));
  return prices.reduce((most, price) =>
    most === undefined || price === undefined ? undefined : Math.max(most, price),
  );
}
