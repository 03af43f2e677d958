import { type BreakerPhase, EVERY_TENANT } from '../domain/breaker.ts';
import type { BreakerState } from '../domain/flags.ts';
import { callOnce, type Ended } from './breaker-call.ts';
import { BreakerCells } from './breaker-cells.ts';
import type { BreakerWatcher } from './breaker-change.ts';
import { BreakerOpenError, BreakerTimeoutError, errorClassOf } from './breaker-errors.ts';
import { admit, type BreakerCell, type Outcome, openCell, phaseOf, settle, type Ticket } from './breaker-machine.ts';
import { type BreakerOptions, type BreakerRules, rulesOf } from './breaker-rules.ts';
import { TenantOutcomes } from './breaker-tenants.ts';
import { type Count, countSafely, guarded } from './guard.ts';

/** What one call through a breaker may say of itself. */
export interface BreakerRunOptions<T> {
  /** The caller's own signal: when it aborts, the call is given up, and says nothing about the integration. */
  readonly signal?: AbortSignal;
  /** Answers instead, when the breaker is open or the integration fails; gets the error that would have been thrown. */
  readonly fallback?: (error: unknown) => T | PromiseLike<T>;
}

/** Guards the calls to one integration, for each tenant apart. */
export interface Breaker {
  /**
   * Calls `fn` once, or not at all. The signal given to `fn` aborts at the breaker's time-out and with the caller's.
   * @throws BreakerOpenError when the breaker is open for the current tenant, BreakerTimeoutError when the call took
   *   too long, the reason of the caller's signal when that aborted; else whatever `fn` throws
   */
  run<T>(fn: (signal: AbortSignal) => T | PromiseLike<T>, options?: BreakerRunOptions<T>): Promise<T>;
  /** What the breaker does for the current tenant now; an order of the server's comes first. */
  state(): BreakerPhase;
}

/** What a flag says about one tenant's integration; undefined = nothing. */
export type BreakerOrder = BreakerState | undefined;

export interface BreakersOptions {
  readonly count: Count;
  readonly tenant: () => string;
  readonly order: (tenantId: string, integration: string) => BreakerOrder;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  readonly watcher?: BreakerWatcher;
  readonly maxBreakers?: number;
}

/** Who may call: what to settle with how it ended. `undefined` tickets: an order let the call through. */
interface Admission {
  readonly tenantId: string;
  readonly tenant?: Ticket;
  readonly all?: Ticket;
}

/** Names of integrations that keep a breaker for all tenants; more than that is a mistake in the app. */
const MAX_INTEGRATIONS = 1_000;

const keyOf = (integration: string, tenantId: string) => `${integration}\n${tenantId}`;

/**
 * All breakers of this process, one per tenant and integration: one tenant's broken webhook must not cut off the
 * others'. The rules stand in `breaker-machine.ts`, what is kept and forgotten in `breaker-cells.ts`.
 */
export class Breakers {
  readonly #options: BreakersOptions;
  readonly #cells: BreakerCells;
  readonly #outcomes = new Map<string, TenantOutcomes>();

  constructor(options: BreakersOptions) {
    this.#options = options;
    this.#cells = new BreakerCells({
      ...(options.maxBreakers === undefined ? {} : { maxCells: options.maxBreakers }),
      onForgotten: (key) => options.watcher?.forgotten(key),
      onEvicted: () => countSafely(options.count, 'breaker_evicted'),
    });
  }

  /** Breakers that hold anything: those with recent failures. */
  get size(): number {
    return this.#cells.size;
  }

  breaker(integration: string, options: BreakerOptions = {}): Breaker {
    const rules = rulesOf(options);
    return {
      run: (fn, runOptions = {}) => this.#run(integration, rules, fn, runOptions),
      state: () => guarded(this.#options.count, 'breaker_failed', () => this.#state(integration, rules), 'closed'),
    };
  }

  /** Forgets breakers that were idle for ten minutes. */
  sweep(): void {
    this.#cells.sweep(this.#now());
  }

  async #run<T>(
    integration: string,
    rules: BreakerRules,
    fn: (signal: AbortSignal) => T | PromiseLike<T>,
    { signal, fallback }: BreakerRunOptions<T>,
  ): Promise<T> {
    const { count } = this.#options;
    const admitted = guarded<Admission | BreakerOpenError | undefined>(
      count,
      'breaker_failed',
      () => this.#admit(integration, rules),
      undefined,
    );
    if (admitted instanceof BreakerOpenError) {
      countSafely(count, 'breaker_refused');
      if (fallback === undefined) throw admitted;
      return fallback(admitted);
    }
    const { timeoutMs } = rules;
    const timeoutError = () => new BreakerTimeoutError(integration, timeoutMs ?? 0);
    const ended = await callOnce(fn, { timeoutMs, signal, timeoutError });
    if (ended.kind === 'timeout') countSafely(count, 'breaker_timeout');
    const outcome = this.#outcomeOf(rules, ended);
    if (admitted !== undefined) {
      guarded(count, 'breaker_failed', () => this.#settle(integration, rules, admitted, outcome, ended), undefined);
    }
    if (ended.kind === 'value') return ended.value;
    if (outcome === 'failed' && fallback !== undefined) return fallback(ended.error);
    throw ended.error;
  }

  #outcomeOf(rules: BreakerRules, ended: Ended<unknown>): Outcome {
    const { count } = this.#options;
    switch (ended.kind) {
      case 'aborted':
        return 'void';
      case 'timeout':
        return 'failed';
      case 'thrown':
        return guarded(count, 'breaker_failed', () => rules.isFailure(ended.error), true) ? 'failed' : 'ok';
      case 'value':
        return guarded(count, 'breaker_failed', () => rules.isFailedResult?.(ended.value) ?? false, false)
          ? 'failed'
          : 'ok';
    }
  }

  #state(integration: string, rules: BreakerRules): BreakerPhase {
    const tenantId = this.#options.tenant();
    const order = this.#options.order(tenantId, integration);
    if (order === 'open' || order === 'closed') return order;
    const now = this.#now();
    const phases = [tenantId, ...(rules.allTenants === undefined ? [] : [EVERY_TENANT])].map((id) =>
      phaseOf(this.#cells.get(keyOf(integration, id)), now),
    );
    return (['open', 'half_open', 'closed'] as const).find((phase) => phases.includes(phase)) ?? 'closed';
  }

  #admit(integration: string, rules: BreakerRules): Admission | BreakerOpenError {
    const tenantId = this.#options.tenant();
    const order = this.#options.order(tenantId, integration);
    if (order === 'open') return new BreakerOpenError(integration, true);
    if (order === 'closed') return { tenantId };
    const tenant = this.#ask(integration, tenantId, rules);
    if (tenant instanceof BreakerOpenError || rules.allTenants === undefined) return asAdmission(tenantId, tenant);
    const all = this.#ask(integration, EVERY_TENANT, rules);
    if (!(all instanceof BreakerOpenError)) return { tenantId, tenant, all };
    // The probe that this tenant's own breaker may have let through is not made: its slot is free again.
    this.#put(integration, tenantId, rules, tenant, 'void', undefined);
    return all;
  }

  #ask(integration: string, tenantId: string, rules: BreakerRules): Ticket | BreakerOpenError {
    const key = keyOf(integration, tenantId);
    const cell = this.#cells.get(key);
    const now = this.#now();
    const wasProbing = cell?.phase === 'open' && cell.probeAt >= 0;
    const ticket = admit(cell, rules, now, this.#options.random());
    if (cell?.phase !== 'open') return ticket ?? { probe: 0, admittedAt: now };
    this.#cells.set(key, cell, now);
    const isHungProbeOver = wasProbing && cell.probeAt < 0;
    if (isHungProbeOver) this.#tell(key, integration, tenantId, cell, 'open', undefined, false);
    if (ticket !== undefined) {
      this.#tell(key, integration, tenantId, cell, 'half_open', undefined, false);
      return ticket;
    }
    return new BreakerOpenError(integration, false, cell.until > now ? cell.until - now : undefined);
  }

  #settle(integration: string, rules: BreakerRules, admitted: Admission, outcome: Outcome, ended: Ended<unknown>) {
    const { tenantId, tenant, all } = admitted;
    if (tenant !== undefined) this.#put(integration, tenantId, rules, tenant, outcome, ended);
    if (all === undefined || rules.allTenants === undefined) return;
    if (all.probe !== 0) this.#put(integration, EVERY_TENANT, rules, all, outcome, ended);
    else if (outcome !== 'void') this.#judgeAll(integration, rules, tenantId, outcome, ended, all.admittedAt);
  }

  /** Takes in how a call ended, and tells of what changed by it. */
  #put(
    integration: string,
    tenantId: string,
    rules: BreakerRules,
    ticket: Ticket,
    outcome: Outcome,
    ended: Ended<unknown> | undefined,
  ): void {
    const key = keyOf(integration, tenantId);
    const before = this.#cells.get(key);
    if (before === undefined && outcome !== 'failed') return;
    const now = this.#now();
    const wasProbing = before?.phase === 'open' && before.probeAt >= 0;
    const after = settle(before, rules, ticket, outcome, now, this.#options.random());
    this.#cells.set(key, after, now);
    const isOpening = before?.phase !== 'open' && after?.phase === 'open';
    const isClosing = before?.phase === 'open' && after?.phase !== 'open';
    const isProbeOver = wasProbing && after?.phase === 'open' && after.probeAt < 0;
    if (!isOpening && !isClosing && !isProbeOver) return;
    const phase = phaseOf(after, now);
    this.#tell(key, integration, tenantId, after, phase, outcome === 'failed' ? ended : undefined, isOpening);
  }

  /** A total outage shows in how the tenants' last calls ended, not in how many calls failed. */
  #judgeAll(
    integration: string,
    rules: BreakerRules,
    tenantId: string,
    outcome: 'ok' | 'failed',
    ended: Ended<unknown>,
    admittedAt: number,
  ): void {
    const key = keyOf(integration, EVERY_TENANT);
    const cell = this.#cells.get(key);
    const isFromBefore = cell?.phase === 'open' || (cell !== undefined && admittedAt < cell.closedAt);
    if (rules.allTenants === undefined || isFromBefore) return;
    const { minimumTenants, failureShare } = rules.allTenants;
    const now = this.#now();
    const outcomes = this.#outcomesOf(integration);
    outcomes.add(tenantId, outcome === 'failed', now, rules.windowMs);
    const { tenants, failing } = outcomes;
    if (outcome !== 'failed' || tenants < minimumTenants || failing < failureShare * tenants) return;
    const opened = openCell(rules, { calls: tenants, failures: failing }, now, this.#options.random());
    outcomes.clear();
    this.#cells.set(key, opened, now);
    this.#tell(key, integration, EVERY_TENANT, opened, 'open', ended, true);
  }

  #outcomesOf(integration: string): TenantOutcomes {
    const held = this.#outcomes.get(integration) ?? new TenantOutcomes();
    if (!this.#outcomes.has(integration) && this.#outcomes.size >= MAX_INTEGRATIONS) this.#outcomes.clear();
    this.#outcomes.set(integration, held);
    return held;
  }

  #tell(
    key: string,
    integration: string,
    tenantId: string,
    cell: BreakerCell | undefined,
    phase: BreakerPhase,
    ended: Ended<unknown> | undefined,
    isOpening: boolean,
  ): void {
    const { watcher, count } = this.#options;
    if (watcher === undefined) return;
    const { calls, failures } = cell?.phase === 'open' ? cell : { calls: 0, failures: 0 };
    guarded(
      count,
      'breaker_failed',
      () =>
        watcher.changed({ key, tenantId, integration, phase, calls, failures, lastError: errorOf(ended), isOpening }),
      undefined,
    );
  }

  /** Whole milliseconds: they stay small integers in a cell, where a fraction would be an object of its own. */
  #now(): number {
    return Math.floor(this.#options.now());
  }
}

function asAdmission(tenantId: string, tenant: Ticket | BreakerOpenError): Admission | BreakerOpenError {
  return tenant instanceof BreakerOpenError ? tenant : { tenantId, tenant };
}

function errorOf(ended: Ended<unknown> | undefined): string | undefined {
  if (ended === undefined) return undefined;
  return ended.kind === 'value' ? 'failed_result' : errorClassOf(ended.error);
}
