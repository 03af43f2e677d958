import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  type IBreaker,
  isBrokenCircuitError,
  SamplingBreaker,
} from 'cockatiel';
import { type Count, countSafely, guarded } from './guard.ts';

export interface BreakerOptions {
  /** Failures in a row that open the breaker. Default 5. */
  readonly consecutiveFailures?: number;
  /** Share of failures over 10 s, with at least 20 calls, that opens it. Default 0.5. */
  readonly failureShare?: number;
  /** Milliseconds until an open breaker lets one probing call through. Default 30,000. */
  readonly halfOpenAfterMs?: number;
  /** Which errors count as the integration's failure. Default: all. */
  readonly isFailure?: (error: Error) => boolean;
}

/** Thrown instead of calling an integration that fails for this tenant, or that was switched off for it. */
export class BreakerOpenError extends Error {
  readonly code = 'TENANTRY_BREAKER_OPEN';
  readonly integration: string;
  /** True when a flag opened it, false when the calls' own failures did. */
  readonly byFlag: boolean;

  constructor(integration: string, byFlag: boolean) {
    super(`The breaker for ${integration} is open${byFlag ? ' by order of a flag' : ' after repeated failures'}`);
    this.name = 'BreakerOpenError';
    this.integration = integration;
    this.byFlag = byFlag;
  }
}

/** Guards the calls to one integration, for each tenant apart. */
export interface Breaker {
  /**
   * Calls `fn` once, or not at all.
   * @throws BreakerOpenError when the breaker is open for the current tenant; else whatever `fn` throws
   */
  run<T>(fn: () => T | Promise<T>): Promise<T>;
}

const SAMPLE_MS = 10_000;
/** 20 calls in the sample: below that, half of them failing says nothing. */
const SAMPLE_MINIMUM_RPS = 2;
/** One policy takes about 2 KB, so all of them stay near 4 MB. */
const MAX_BREAKERS = 2_000;

/** Opens when either of two breakers would: a run of failures, or a high share of them under load. */
class EitherBreaker implements IBreaker {
  readonly #first: IBreaker;
  readonly #second: IBreaker;
  state: unknown = undefined;

  constructor(first: IBreaker, second: IBreaker) {
    this.#first = first;
    this.#second = second;
  }

  success(state: CircuitState): void {
    this.#first.success(state);
    this.#second.success(state);
  }

  failure(state: CircuitState): boolean {
    const first = this.#first.failure(state);
    const second = this.#second.failure(state);
    return first || second;
  }
}

function makePolicy(options: BreakerOptions): CircuitBreakerPolicy {
  return circuitBreaker(handleWhen(options.isFailure ?? (() => true)), {
    halfOpenAfter: options.halfOpenAfterMs ?? 30_000,
    breaker: new EitherBreaker(
      new ConsecutiveBreaker(options.consecutiveFailures ?? 5),
      new SamplingBreaker({
        threshold: options.failureShare ?? 0.5,
        duration: SAMPLE_MS,
        minimumRps: SAMPLE_MINIMUM_RPS,
      }),
    ),
  });
}

type Decision = 'call' | 'open' | 'flag-open' | CircuitBreakerPolicy;

/** What a flag says about one tenant's integration; undefined = nothing. */
export type BreakerOrder = 'auto' | 'open' | 'closed' | undefined;

export interface BreakersOptions {
  readonly count: Count;
  readonly tenant: () => string;
  readonly order: (tenantId: string, integration: string) => BreakerOrder;
  readonly maxBreakers?: number;
}

/**
 * All breakers of this process, one per tenant and integration: one tenant's broken webhook must not cut off the
 * others'. The one unused for longest is forgotten when there are too many.
 *
 *   closed --failures--> open --30 s--> half-open --probe ok--> closed
 *                         ^                 |
 *                         +---probe failed--+        further calls during the probe are refused, not queued
 */
export class Breakers {
  readonly #options: BreakersOptions;
  // A Map keeps insertion order; re-inserting on use makes its first key the one unused for longest.
  readonly #policies = new Map<string, CircuitBreakerPolicy>();

  constructor(options: BreakersOptions) {
    this.#options = options;
  }

  breaker(integration: string, options: BreakerOptions = {}): Breaker {
    return { run: (fn) => this.#run(integration, options, fn) };
  }

  async #run<T>(integration: string, options: BreakerOptions, fn: () => T | Promise<T>): Promise<T> {
    const { count } = this.#options;
    const decision = guarded<Decision>(count, 'breaker_failed', () => this.#decide(integration, options), 'call');
    if (decision === 'call') return fn();
    if (decision === 'open' || decision === 'flag-open') {
      countSafely(count, 'breaker_refused');
      throw new BreakerOpenError(integration, decision === 'flag-open');
    }
    let called = false;
    try {
      return await decision.execute(() => {
        called = true;
        return fn();
      });
    } catch (error) {
      if (called) throw error;
      if (!isBrokenCircuitError(error)) {
        countSafely(count, 'breaker_failed');
        return fn();
      }
      countSafely(count, 'breaker_refused');
      throw new BreakerOpenError(integration, false);
    }
  }

  #decide(integration: string, options: BreakerOptions): Decision {
    const tenantId = this.#options.tenant();
    const order = this.#options.order(tenantId, integration);
    if (order === 'open') return 'flag-open';
    if (order === 'closed') return 'call';
    const policy = this.#policy(`${integration}\n${tenantId}`, options);
    // cockatiel would queue the others behind the probe; a request must not wait for an integration known to fail.
    return policy.state === CircuitState.HalfOpen ? 'open' : policy;
  }

  #policy(key: string, options: BreakerOptions): CircuitBreakerPolicy {
    const held = this.#policies.get(key) ?? makePolicy(options);
    this.#policies.delete(key);
    this.#policies.set(key, held);
    if (this.#policies.size > (this.#options.maxBreakers ?? MAX_BREAKERS)) {
      const oldest = this.#policies.keys().next().value;
      if (oldest !== undefined) this.#policies.delete(oldest);
      this.#options.count('breaker_evicted');
    }
    return held;
  }
}
