/** What an app says and hears about the budget of an AI call. */
import type { DegradeStep } from '../domain/flags.ts';
import type { SpendUsage } from './spend-usage.ts';

/** How this process keeps to caps on AI spend. */
export interface SpendSettings {
  /** Milliseconds that an AI call waits for budget at most, where none is leased ahead. Default 1,000. */
  readonly timeoutMs?: number;
  /**
   * What becomes of calls while no server has answered for their tenant yet, so that nothing is known of its caps: `open`
   * lets them through and counts them afterwards, `closed` refuses them. Default `open`.
   */
  readonly beforeFirstAnswer?: 'open' | 'closed';
}

/** An AI call that is about to be made. */
export interface SpendCall {
  /** As the provider is asked for it. */
  readonly model: string;
  /** `openai`, `anthropic`, `aws.bedrock`, …; absent: by the model's name. */
  readonly provider?: string;
  /** A label of the app's own for caps of one key, user or team. Never a secret. */
  readonly key?: string;
  /** Default: the tenant for whom the code runs. */
  readonly tenantId?: string;
  /** Tokens of the prompt, and the limit that the call sets on the answer's. */
  readonly estimate?: { readonly inputTokens: number; readonly maxOutputTokens: number };
  /** In the place of an estimate in tokens: micro-US-dollars that the call may cost at most. */
  readonly estimateMicro?: number;
}

/** Budget for one call. Settle or release it; whichever comes first counts. */
export interface SpendReservation {
  /** How far the caps that hold have got: `ok`, `warn` or `cached_only`. */
  readonly step: DegradeStep;
  /** What was reserved, in micro-US-dollars; 0: no cap holds, or no server could be asked. */
  readonly micro: number;
  /** Says what the call cost; without a figure, what was reserved. */
  settle(usage?: SpendUsage): void;
  /** The call was not made, or cost nothing. */
  release(): void;
}

/** Options of `spend.run`. */
export interface SpendRunOptions<T> {
  /** Called in the place of the call at `cached_only` and `blocked`. Without it `cached_only` changes nothing. */
  readonly fallback?: (why: { readonly step: DegradeStep; readonly reason: string }) => T | Promise<T>;
  /** What an answer cost. Default: what answers of OpenAI, Anthropic, Cohere and the AI SDK say of themselves. */
  readonly usageOf?: (answer: T) => SpendUsage | undefined;
}

/** Thrown in the place of an AI call that no budget is left for. */
export class SpendBlockedError extends Error {
  readonly code = 'TENANTRY_SPEND_BLOCKED';
  /** `cap`: a cap is reached. `flag`: a flag says so. `unpriced`, `unavailable`: the cap wants such calls refused. */
  readonly why: 'cap' | 'flag' | 'unpriced' | 'unavailable';
  /** One sentence for people, with the numbers where a cap is reached. */
  readonly reason: string;

  constructor(why: SpendBlockedError['why'], reason: string) {
    super(`No AI budget: ${reason}`);
    this.name = 'SpendBlockedError';
    this.why = why;
    this.reason = reason;
  }
}

/** Caps on AI spend, kept by this process and the server together. */
export interface Spend {
  /**
   * Makes a call within the budget and settles it by its answer.
   * @throws SpendBlockedError when no budget is left and there is no fallback; else whatever `fn` throws
   */
  run<T>(
    call: SpendCall,
    fn: (reservation: SpendReservation) => T | Promise<T>,
    options?: SpendRunOptions<T>,
  ): Promise<T>;
  /** For calls that `run` does not fit, such as streams. @throws SpendBlockedError */
  reserve(call: SpendCall): Promise<SpendReservation>;
}
