import { randomUUID } from 'node:crypto';
import type { DegradeStep } from '../domain/flags.ts';
import { UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import { type Breaker, Breakers } from './breaker.ts';
import { BreakerReporter } from './breaker-reporter.ts';
import type { BreakerOptions } from './breaker-rules.ts';
import { type CounterName, Counters, processCounters, type Stats, statsOf } from './counters.ts';
import { connectFlags, type FlagConnection } from './flag-connection.ts';
import type { Flags, Suspension } from './flags.ts';
import { SpendClient } from './spend.ts';
import type { Spend, SpendSettings } from './spend-call.ts';
import { currentTenant } from './tenant-context.ts';
import { ALLOWED, checkThrottle, type ThrottleDecision, type ThrottleQuestion } from './throttle.ts';
import { type ExactLimits, ExactThrottles } from './throttle-exact.ts';
import { setUserMarking, type UserMarking } from './user-mark.ts';

/** Address of a Tenantry started with `npm start` on the same machine. */
const DEFAULT_API_URL = 'http://127.0.0.1:7070';
/** Well within the time after which an idle breaker is forgotten. */
const BREAKER_SWEEP_MS = 60_000;

/** Options of `createTenantry`. */
export interface TenantryOptions {
  /** `service.name`; throttles may be scoped to it. */
  readonly serviceName: string;
  /** Base URL of Tenantry's API. Default http://127.0.0.1:7070. */
  readonly apiUrl?: string;
  /** Key with the scopes `ingest` and `flags`. Without one no flags are fetched. */
  readonly key?: string;
  /** Whether to fetch and obey flags. Default true. */
  readonly flags?: boolean;
  /**
   * How the users of tenants stand on spans, for the whole process: `plain` as `user.id`, `none`, or with a secret of at
   * least 16 bytes hashed as `user.hash`. Default `plain`.
   */
  readonly userId?: UserMarking;
  /** Names this process in acknowledgements. Default: a random UUID. */
  readonly instanceId?: string;
  readonly spend?: SpendSettings;
  /** Counts throttles in a store that all instances share. Default: each instance takes its share of a limit. */
  readonly exactLimits?: ExactLimits;
}

/** The middleware's handle: what adapters and the app call. Nothing on it throws, but for `Breaker.run`. */
export interface Tenantry {
  readonly serviceName: string;
  readonly flags: Flags;
  /** Takes a token for one request of a tenant. Allows when nothing is known. */
  checkThrottle(question: ThrottleQuestion): ThrottleDecision;
  /** As `checkThrottle`, counted in the shared store where `exactLimits` is set. Never rejects. */
  admit(question: ThrottleQuestion): ThrottleDecision | Promise<ThrottleDecision>;
  /** How far a feature (`ai`) is taken from a tenant, by default the current one; `ok` when nothing is known. */
  degraded(feature: string, tenantId?: string): DegradeStep;
  /** Whether a tenant, by default the current one, is suspended or closed; adapters refuse its requests by themselves. */
  suspension(tenantId?: string): Suspension | undefined;
  /** The breaker of one integration; each tenant has its own state behind it. */
  breaker(integration: string, options?: BreakerOptions): Breaker;
  /** Caps on what the tenant's AI calls may cost. */
  readonly spend: Spend;
  /** Adds to a counter; for adapters. */
  count(name: CounterName): void;
  /** Every swallowed error and every fallback by name, since the process started. */
  stats(): Stats;
  /** Ends the flag stream (and, after `startTenantry`, flushes and stops the SDK). Never rejects. */
  shutdown(): Promise<void>;
}

/**
 * The middleware without an SDK, for apps that set OpenTelemetry up themselves: add `new TenantSpanProcessor()` to
 * their span processors. Returns at once; flags are fetched in the background.
 */
export function createTenantry(options: TenantryOptions): Tenantry {
  if (options.userId !== undefined) setUserMarking(options.userId);
  const counters = new Counters();
  const count = (name: CounterName) => counters.add(name);
  const { instanceId = randomUUID() } = options;
  const { store, flags, now, stop: stopFlags } = flagsOf({ ...options, instanceId }, counters);
  const reporter = breakerReporter({ ...options, instanceId }, counters, now);
  const breakers = new Breakers({
    count,
    now,
    random: Math.random,
    ...(reporter === undefined ? {} : { watcher: reporter }),
    tenant: () => currentTenant()?.tenantId ?? UNKNOWN_TENANT,
    order: (tenantId, integration) => (store.isEmpty ? undefined : store.breaker(tenantId, integration, now())?.state),
  });
  const check = (question: ThrottleQuestion) =>
    store.isEmpty ? ALLOWED : checkThrottle(store, question, now(), 'counted here', options.serviceName);
  const exact = options.exactLimits && new ExactThrottles(options.exactLimits, store, count, now);
  const spend = new SpendClient({
    apiUrl: options.apiUrl ?? DEFAULT_API_URL,
    key: options.flags === false ? undefined : options.key,
    service: options.serviceName,
    instanceId,
    counters,
    flags,
    now,
    random: Math.random,
    ...options.spend,
  });
  const sweeping = setInterval(() => breakers.sweep(), BREAKER_SWEEP_MS).unref();
  return {
    serviceName: options.serviceName,
    flags,
    checkThrottle: check,
    admit: (question) => {
      if (store.isEmpty) return ALLOWED;
      if (exact === undefined) return check(question);
      return exact.check({ ...question, service: question.service ?? options.serviceName });
    },
    degraded: (feature, tenantId) => flags.degradeStep(feature, tenantId),
    suspension: (tenantId) => flags.suspension(tenantId),
    breaker: (integration, breakerOptions) => breakers.breaker(integration, breakerOptions),
    spend,
    count,
    stats: () => statsOf(counters, processCounters),
    shutdown: () => {
      stopFlags();
      reporter?.stop();
      clearInterval(sweeping);
      return spend.stop();
    },
  };
}

function flagsOf(
  { key, flags = true, serviceName: service, apiUrl = DEFAULT_API_URL, instanceId = randomUUID() }: TenantryOptions,
  counters: Counters,
): FlagConnection {
  return connectFlags({ apiUrl, key: flags ? key : undefined, service, instanceId, counters });
}

function breakerReporter(
  { key, flags = true, serviceName: service, apiUrl = DEFAULT_API_URL, instanceId = randomUUID() }: TenantryOptions,
  counters: Counters,
  now: () => number,
): BreakerReporter | undefined {
  if (!flags || key === undefined) return undefined;
  return new BreakerReporter({ apiUrl, key, service, instanceId, counters, now, random: Math.random });
}
