/**
 * Wire types of the HTTP API, as TypeScript sees them; `/openapi.json` is made from the zod schemas beside each route,
 * and `test/api/contract.test.ts` holds the two together. Type-only: dashboards import it with `import type`.
 * Times are RFC 3339 in queries and Unix milliseconds in series; intervals are half-open [from, to).
 */
export type MetricName =
  | 'requests'
  | 'errors'
  | 'error_rate'
  | 'p50_ms'
  | 'p95_ms'
  | 'p99_ms'
  | 'request_bytes'
  | 'response_bytes'
  | 'db_calls'
  | 'db_ms'
  | 'db_slow_calls'
  | 'cache_hits'
  | 'cache_misses'
  | 'ai_calls'
  | 'ai_input_tokens'
  | 'ai_output_tokens'
  | 'ai_cache_read_tokens'
  | 'ai_cache_write_tokens'
  | 'ai_reasoning_tokens'
  | 'cpu_seconds'
  | 'cpu_samples'
  | 'event_loop_seconds'
  | 'network_receive_bytes'
  | 'network_transmit_bytes'
  | 'memory_allocated_bytes'
  | 'resource_points_not_added';

/** Which groups a metric has: requests by service/route, db by db_system/db_operation, cache lookups and use of processes by service, AI by provider/model/operation. */
export type MetricGroup = 'service' | 'route' | 'db_system' | 'db_operation' | 'provider' | 'model' | 'operation';

export interface MetricSeries {
  metric: MetricName;
  unit: 'requests' | 'ratio' | 'ms' | 'bytes' | 'calls' | 'tokens' | 'lookups' | 'seconds' | 'samples' | 'points';
  step_seconds: number;
  /** A point's time is the start of its step. null: no measurement (never 0 for a missing percentile). */
  series: { group: Partial<Record<MetricGroup, string>>; points: [number, number | null][] }[];
}

export interface AnomalyItem {
  id: string;
  tenant_id: string;
  metric: string;
  started_at: string;
  detected_at: string;
  ended_at: string | null;
  value: number;
  baseline: number;
  ratio: number;
  rule: string;
  reason: string;
  /** The throttle that this finding led to. */
  throttle_id: string | null;
}

export interface ThrottleItem {
  id: string;
  tenant_id: string;
  scope: { service?: string; route?: string; cost_class?: string };
  limit: { requests_per_second: number; burst: number; max_concurrent?: number };
  mode: 'enforce' | 'shadow';
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
  /** active: in force; expired: ran out; lifted: ended by somebody before its time. */
  status: 'active' | 'expired' | 'lifted';
  ended_at: string | null;
  revision: number;
  anomaly_id: string | null;
  /** App instances that have said they obey this revision. */
  acks: { instance_id: string; service: string; acked_at: string }[];
}

export interface NewThrottle {
  tenant_id: string;
  scope?: { service?: string; route?: string; cost_class?: string };
  limit: { requests_per_second: number; burst: number; max_concurrent?: number };
  mode: 'enforce' | 'shadow';
  expires_in_seconds: number;
  reason: string;
}

/** An app instance that reads flags, now or within the last hour. */
export interface FlagInstanceItem {
  service: string;
  instance_id: string;
  transport: 'stream' | 'poll';
  connected_at: string;
  last_seen_at: string;
  /** Counted when a limit is split; false: gone for more than 30 s. */
  live: boolean;
  /** Newest revision that it said it obeys. */
  acked_revision: number | null;
  acked_at: string | null;
  /** Whether that is the newest there is. */
  up_to_date: boolean;
}

export interface FlagInstanceList {
  /** The newest revision of the flags. */
  revision: number;
  items: FlagInstanceItem[];
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  hint?: string;
  /** Field of the request's body that is at fault, as a JSON pointer (RFC 6901). */
  pointer?: string;
  request_id: string;
}

export interface WhoAmI {
  subject: string;
  role: string;
  tenant_id: string | null;
  /** Every tenant that the token lists for this person; the open one is `tenant_id`. null: the token lists none. */
  tenants: string[] | null;
  expires_at: string | null;
}

export interface ThrottleList {
  items: ThrottleItem[];
}

export interface AnomalyList {
  items: AnomalyItem[];
}

export interface NewTenantPlan {
  /** null: on no plan. */
  plan: string | null;
  /** Default: now. `period_end`, or a moment in RFC 3339: from then on. */
  effective?: string;
}

export interface TenantPlan {
  tenant_id: string;
  /** On it now. */
  plan: string | null;
  trial_ends_at: string | null;
  /** The change that comes next; null: none. */
  scheduled: { plan: string | null; effective_from: string; why: 'change' | 'trial_end'; set_by: string } | null;
  /** Newest first. */
  history: { plan: string | null; effective_from: string; set_by: string }[];
}

export type {
  AlertItem,
  AlertList,
  AlertRouteItem,
  AlertRouteList,
  AlertRouteTestResult,
  MuteItem,
  MuteList,
  NewMute,
} from './alert-contract.ts';
export type { BillDetail, BillList } from './bills-contract.ts';
export type {
  BreakerItem,
  BreakerList,
  BreakerOrderItem,
  BreakerReceipt,
  NewBreakerOrder,
} from './breaker-contract.ts';
export type {
  AllowListList,
  ApprovalList,
  BacktestList,
  DecisionList,
  KillSwitchItem,
  KnownPeakList,
  ReachItem,
  RuleStageItem,
} from './control-contract.ts';
export type { CostExplanation, CostList, CostTrend } from './costs-contract.ts';
export type { DegradationItem, DegradationList, NewDegradation } from './degradation-contract.ts';
export type { CloudEvent } from './events-contract.ts';
export type { CreatedKey, KeyItem, KeyList, NewKey, NewSignInLink, SignInLink } from './keys-contract.ts';
export type { DirectoryItem, DirectoryList } from './lifecycle-contract.ts';
export type {
  MeterItem,
  MeterList,
  MeterValues,
  NewMeter,
  RejectedEventList,
} from './meters-contract.ts';
export type { NewPlanTerms, PlanItem, PlanList, PlanQuotaItem, PlanVersionItem } from './plans-contract.ts';
export type {
  BookWriteItem,
  ContractList,
  MonthCostList,
  MonthItem,
  MonthList,
  PriceImportPreview,
  PriceItem,
  PriceList,
  PriceVersionList,
  RepricingItem,
  RepricingList,
  RepricingPreview,
  UnpricedList,
} from './prices-contract.ts';
export type {
  NewTenantProfile,
  NewTenantProfileImport,
  TenantProfileImport,
  TenantProfileItem,
  TenantProfileList,
} from './profiles-contract.ts';
export type { QueryAuditList } from './queries-contract.ts';
export type {
  BurstAccountItem,
  BurstAccountList,
  BurstEntryItem,
  BurstEntryList,
  BurstReceipt,
  QuotaItem,
  QuotaList,
} from './quotas-contract.ts';
export type { ReportScheduleItem, ReportScheduleList } from './reports-contract.ts';
export type {
  CustomerTenant,
  FeatureList,
  ForecastBody,
  MarginAnswerBody,
  NewRevenueImport,
  RevenueAnswer,
  RevenueImportItem,
  RevenueImportList,
  UnmappedCustomerList,
} from './revenue-contract.ts';
export type {
  DedicatedOffers,
  PlacementAdviceItem,
  PlacementAdviceList,
  SignalItem,
  SignalList,
} from './signals-contract.ts';
export type { CapItem, CapList, NewCap, PlanCapItem, PlanCapList } from './spend-contract.ts';
export type { StorageList, StorageTargetItem, StorageTargetList } from './storage-contract.ts';
export type { TenantFigures, TenantList, TenantSort } from './tenants-contract.ts';
export type { QueryList, SlowQueryList, UsageList } from './usage-contract.ts';
