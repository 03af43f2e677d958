/**
 * `tenantry/openfeature`: flags the OpenFeature way, for the server SDK. Throttle, degrade and breaker flags are evaluated
 * from what the flag stream keeps in memory; plan and placement are asked of the server and cached. Needs
 * `@openfeature/server-sdk`.
 */
import {
  type EvaluationContext,
  FlagNotFoundError,
  GeneralError,
  InvalidContextError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderNotReadyError,
  type ResolutionDetails,
  StandardResolutionReasons,
  TargetingKeyMissingError,
  TypeMismatchError,
} from '@openfeature/server-sdk';
import { type Evaluation, evaluate, mayConcern, scopeOf } from '../domain/flag-evaluation.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { FlagEvent } from './flag-freshness.ts';
import { type Evaluated, RemoteEvaluations } from './openfeature-cache.ts';
import { currentTenant } from './tenant-context.ts';
import type { Tenantry } from './tenantry.ts';

/** Options of `TenantryProvider`. */
export interface TenantryProviderOptions {
  /** The app's handle, of `startTenantry` or `createTenantry`. Closing the provider does not shut it down. */
  readonly tenantry: Tenantry;
  /** Longest wait for the first flags in `setProviderAndWait`, in milliseconds. Default 5,000. */
  readonly readyTimeoutMs?: number;
}

const READY_TIMEOUT_MS = 5_000;
/** What the stream does not carry. */
const REMOTE_KEYS = new Set(['plan', 'plan.features', 'placement']);

interface Found {
  readonly evaluated: Evaluated;
  readonly reason: string;
}

/**
 * OpenFeature provider with the flags `throttle` (object), `degrade.ai`, `breaker.<integration>`, `placement` and `plan`
 * (strings), `plan.features` (object). The targeting key is the tenant, by default the current one; the context's `service` (default: this one),
 * `route` and `cost_class` narrow the throttles. Goes on with its last state while the server is away (`STALE`).
 */
export class TenantryProvider implements Provider {
  readonly metadata = { name: 'tenantry' } as const;
  readonly runsOn = 'server' as const;
  readonly events = new OpenFeatureEventEmitter();
  readonly #tenantry: Tenantry;
  readonly #readyTimeoutMs: number;
  readonly #remote: RemoteEvaluations;
  #unsubscribe: (() => void) | undefined;
  /** Whether the SDK has been told that something is wrong, and waits to hear that it is right again. */
  #isDown = false;

  constructor({ tenantry, readyTimeoutMs = READY_TIMEOUT_MS }: TenantryProviderOptions) {
    this.#tenantry = tenantry;
    this.#readyTimeoutMs = readyTimeoutMs;
    const ask = (tenantId: string, etag: string | undefined) => tenantry.flags.evaluateOnServer(tenantId, etag);
    this.#remote = new RemoteEvaluations(ask, () => performance.now());
  }

  /** @throws ProviderNotReadyError when no flags come in time; the provider becomes ready by itself when they do */
  async initialize(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = this.#tenantry.flags.subscribe((event) => this.#pass(event));
    if (await this.#firstFlags()) return;
    this.#isDown = true;
    throw new ProviderNotReadyError(`No flags came within ${this.#readyTimeoutMs} ms.`);
  }

  onClose(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    return Promise.resolve();
  }

  resolveBooleanEvaluation(key: string, fallback: boolean, context: EvaluationContext) {
    return this.#resolve(key, fallback, context, (value): value is boolean => typeof value === 'boolean');
  }

  resolveStringEvaluation(key: string, fallback: string, context: EvaluationContext) {
    return this.#resolve(key, fallback, context, (value): value is string => typeof value === 'string');
  }

  resolveNumberEvaluation(key: string, fallback: number, context: EvaluationContext) {
    return this.#resolve(key, fallback, context, (value): value is number => typeof value === 'number');
  }

  resolveObjectEvaluation<T extends JsonValue>(key: string, fallback: T, context: EvaluationContext) {
    return this.#resolve(key, fallback, context, (value): value is T => typeof value === 'object' && value !== null);
  }

  #firstFlags(): Promise<boolean> {
    const { flags } = this.#tenantry;
    if (flags.isReady) return Promise.resolve(true);
    return new Promise((resolve) => {
      const conclude = (isReady: boolean) => {
        clearTimeout(timer);
        unsubscribe();
        resolve(isReady);
      };
      const timer = setTimeout(() => conclude(false), this.#readyTimeoutMs);
      const unsubscribe = flags.subscribe(() => {
        if (flags.isReady) conclude(true);
      });
    });
  }

  #pass(event: FlagEvent): void {
    if (event === 'changed') this.events.emit(ProviderEvents.ConfigurationChanged, { message: 'flags changed' });
    else if (event === 'stale') {
      this.#isDown = true;
      this.events.emit(ProviderEvents.Stale, { message: 'Tenantry has not been heard for a while' });
    } else if (this.#isDown) {
      this.#isDown = false;
      this.events.emit(ProviderEvents.Ready, { message: 'Tenantry is heard again' });
    }
  }

  async #resolve<T>(
    key: string,
    fallback: T,
    context: EvaluationContext,
    isRight: (value: unknown) => value is T,
  ): Promise<ResolutionDetails<T>> {
    const tenantId = context.targetingKey ?? currentTenant()?.tenantId;
    if (tenantId === undefined || tenantId === '')
      throw new TargetingKeyMissingError('The targetingKey is the tenant.');
    if (!isTenantId(tenantId)) throw new InvalidContextError('The targetingKey is no tenant id.');
    const { evaluated, reason } = REMOTE_KEYS.has(key)
      ? await this.#askServer(key, tenantId)
      : this.#lookUp(key, tenantId, context);
    if ('errorCode' in evaluated) throw new GeneralError(evaluated.errorDetails);
    return detailsOf(evaluated, reason, fallback, isRight);
  }

  #lookUp(key: string, tenantId: string, context: EvaluationContext): Found {
    const { flags, serviceName } = this.#tenantry;
    if (!flags.isReady) throw new ProviderNotReadyError('No flags have come yet.');
    const scope = scopeOf({ service: serviceName, ...context });
    const held = flags.ofTenant(tenantId).filter((flag) => mayConcern(flag, scope));
    const evaluated = evaluate(key, { flags: held, plan: undefined });
    if (evaluated === undefined) throw new FlagNotFoundError(`There is no flag "${key}".`);
    const isStale = flags.staleSince !== undefined;
    return { evaluated, reason: isStale ? StandardResolutionReasons.STALE : reasonOf(evaluated) };
  }

  async #askServer(key: string, tenantId: string): Promise<Found> {
    const found = await this.#remote.get(tenantId, key);
    if (found === undefined) throw new GeneralError('Tenantry cannot be asked right now.');
    const { flag, cached } = found;
    return { evaluated: flag, reason: cached ? StandardResolutionReasons.CACHED : reasonOf(flag) };
  }
}

function reasonOf(evaluated: Evaluated): string {
  return 'reason' in evaluated ? evaluated.reason : StandardResolutionReasons.ERROR;
}

function detailsOf<T>(
  { key, value, variant, metadata }: Evaluation,
  reason: string,
  fallback: T,
  isRight: (value: unknown) => value is T,
): ResolutionDetails<T> {
  const flagMetadata = { ...metadata };
  // A flag without a value leaves it to the code, as OFREP has it.
  if (value === undefined) return { value: fallback, reason: StandardResolutionReasons.DEFAULT, flagMetadata };
  if (!isRight(value)) throw new TypeMismatchError(`The flag "${key}" is of another type.`);
  return { value, reason, flagMetadata, ...(variant === undefined ? {} : { variant }) };
}
