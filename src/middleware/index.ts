/** What `import … from 'tenantry'` offers. Each framework adapter has an entry of its own: `tenantry/fastify` and others. */

export type { BreakerPhase } from '../domain/breaker.ts';
export type { WireFlag, WireLimit, WireScope } from '../domain/flag-wire.ts';
export type { DegradeStep, EnforcementMode, ThrottleLimit } from '../domain/flags.ts';
export type { CallTokens } from '../domain/spend-price.ts';
export type { TenantId } from '../domain/tenant-id.ts';
export type { SuspensionEffect, SuspensionReason } from '../domain/tenant-state.ts';
export { type ApiKeySourceOptions, fromApiKey } from './api-key-source.ts';
export {
  type BaggageSourceOptions,
  fromBaggage,
  type OwnHosts,
  type TenantBaggageOptions,
  TenantBaggagePropagator,
  tenantBaggageFor,
} from './baggage.ts';
export type { Breaker, BreakerRunOptions } from './breaker.ts';
export { BreakerOpenError, BreakerTimeoutError } from './breaker-errors.ts';
export type { BreakerOptions } from './breaker-rules.ts';
export { cacheHit, recordCacheLookup } from './cache.ts';
export { withCacheMarks } from './cache-wrappers.ts';
export type { CounterName, Stats } from './counters.ts';
export type { FlagAnswer } from './flag-answer.ts';
export type { FlagEvent, FlagListener } from './flag-freshness.ts';
export type { FlagInForce, Flags, Suspension } from './flags.ts';
export {
  type GraphqlDocument,
  type GraphqlOptions,
  graphqlApolloPlugin,
  graphqlExecute,
  graphqlMarker,
  type MarkOperation,
} from './graphql.ts';
export { fromHeader, type HeaderSourceOptions } from './header-source.ts';
export { type IntegrationCallOptions, type IntegrationOutcome, integrationCall } from './integration.ts';
export { fromJwt, type JwtKey, type JwtSourceOptions } from './jwt-source.ts';
export type { TrustedPeers } from './peer-trust.ts';
export { type EndedRequest, type Ending, observeRequests, type RequestObserver } from './request-end.ts';
export type { GateOptions } from './request-gate.ts';
export type { RequireTenantOptions } from './require-tenant.ts';
export type { TenantUse } from './resource-use/apportion.ts';
export type { ResourceUse, ResourceUseOptions } from './resource-use/resource-use.ts';
export type { CpuMethod, UsageReport } from './resource-use/usage-meter.ts';
export {
  type Spend,
  SpendBlockedError,
  type SpendCall,
  type SpendReservation,
  type SpendRunOptions,
  type SpendSettings,
} from './spend-call.ts';
export type { SpendUsage } from './spend-usage.ts';
export { type InstrumentationLike, type SpanProcessorLike, type StartOptions, startTenantry } from './start.ts';
export type { Tenant, TenantSourceName } from './tenant.ts';
export { currentTenant, runAsTenant } from './tenant-context.ts';
export {
  type Found,
  type FoundTenant,
  fromPath,
  fromResolver,
  fromSubdomain,
  type SourceRequest,
  type SubdomainOptions,
  type TenantSource,
} from './tenant-source.ts';
export { TenantSpanProcessor } from './tenant-span-processor.ts';
export { createTenantry, type Tenantry, type TenantryOptions } from './tenantry.ts';
export type { ThrottleDecision, ThrottleQuestion } from './throttle.ts';
export type { ExactLimits, SharedCount, SharedLimiter, SharedLimiterOptions } from './throttle-exact.ts';
export type { LabelledRequest, RequestLabel, RequestLabels } from './throttle-gate.ts';
export type { Priority, Quota } from './throttle-meter.ts';
export type { UserMarking } from './user-mark.ts';
