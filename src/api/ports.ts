import type { Actor, StaffActor } from '../domain/actor.ts';
import type {
  Alert,
  AlertEvent,
  AlertKind,
  AlertMute,
  AlertRoute,
  AlertRouteHealth,
  NewAlertMute,
  NewAlertRoute,
} from '../domain/alert.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { BreakerOrder, BreakerOverview, BreakerReport, NewBreakerOrder } from '../domain/breaker.ts';
import type { FlagAck, FlagChange, FlagSnapshot } from '../domain/flag-wire.ts';
import type { KeyScope } from '../domain/roles.ts';
import type {
  PlanSpendCap,
  SpendCap,
  SpendCapStanding,
  SpendCapTerms,
  SpendPeriod,
  SpendScope,
} from '../domain/spend.ts';
import type { SpendAnswer, SpendReceipt, SpendReport, SpendRequest } from '../domain/spend-wire.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../domain/throttle-record.ts';
import type { Window } from '../domain/window.ts';
import type { MetricGroup, MetricName, MetricSeries, TenantFigures, TenantSort } from './contract.ts';

/** What the api needs of the rest of the house. `src/app` joins each port with the class that has its shape. */
export interface TenantListQuestion {
  readonly window: Window;
  readonly sort: TenantSort;
  readonly order: 'asc' | 'desc';
  /** Case-insensitive part of the tenant id. */
  readonly search: string | undefined;
  readonly limit: number;
  readonly offset: number;
  /** Set for tenant callers: they see their own row only. */
  readonly onlyTenant: TenantId | undefined;
}

/** Plan and throttles are added by the api from the control plane. */
export type MeasuredFigures = Omit<TenantFigures, 'plan' | 'throttles'>;

export interface TenantListAnswer {
  readonly items: readonly MeasuredFigures[];
  readonly total: number;
  readonly sparkStepSeconds: number;
  readonly attributedShare: number | null;
  readonly dataUntil: number | null;
}

export interface MetricQuestion {
  readonly tenantId: TenantId;
  readonly metric: MetricName;
  readonly window: Window;
  readonly stepSeconds: number;
  readonly groupBy: MetricGroup | undefined;
}

export interface FiguresReader {
  tenants(question: TenantListQuestion): Promise<TenantListAnswer>;
  metric(question: MetricQuestion): Promise<MetricSeries>;
}

export interface TenantPlans {
  /** Plan names of the given tenants; tenants without a plan are absent from the map. */
  plans(actor: Actor, tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, string>>;
  exists(actor: Actor, tenant: TenantId): Promise<boolean>;
  /** Enters the tenant and the plan if they are new; null takes the tenant off its plan. */
  setPlan(actor: StaffActor, tenant: TenantId, plan: string | null): Promise<void>;
}

export interface Throttles {
  create(actor: StaffActor, throttle: NewThrottle): Promise<ThrottleRecord>;
  /** Newest first. Tenant actors get their own only, whatever they ask for. */
  list(
    actor: Actor,
    filter: { tenantId?: TenantId; activeOnly: boolean; limit: number },
  ): Promise<readonly ThrottleRecord[]>;
  /** The lifted throttle, or undefined if there is none with this id or it has already ended. */
  lift(actor: StaffActor, id: string): Promise<ThrottleRecord | undefined>;
}

export interface Breakers {
  /** Takes in what one app instance says of its breakers. */
  report(keyId: string, report: BreakerReport): Promise<void>;
  /** Over all instances, what is open first. Tenant actors get their own only, whatever they ask for. `now`: Unix ms. */
  list(
    actor: Actor,
    filter: { tenantId?: TenantId; integration?: string },
    now: number,
  ): Promise<readonly BreakerOverview[]>;
  order(actor: StaffActor, order: NewBreakerOrder): Promise<BreakerOrder>;
  /** The lifted order, or undefined if there is none with this id or it has already ended. */
  lift(actor: StaffActor, id: string): Promise<BreakerOrder | undefined>;
}

export interface FlagFeed {
  /** Flags in force now. `tenant` set: that tenant's only (a key bound to one tenant). */
  snapshot(tenant: TenantId | undefined): Promise<FlagSnapshot>;
  /** Calls back once per committed revision, in order. Returns the unsubscribe function. */
  subscribe(tenant: TenantId | undefined, listener: (change: FlagChange) => void): () => void;
  acknowledge(keyId: string, ack: FlagAck): Promise<void>;
  /** Calls back when what snapshots hold changes without a revision. Returns the unsubscribe function. */
  onReset?(listener: () => void): () => void;
}

/** An app instance that reads flags. `tenant` set: with a key that is bound to that tenant. */
export interface FlagReader {
  readonly tenant: TenantId | undefined;
  readonly service: string;
  readonly instanceId: string;
}

/** Times are Unix ms. */
export interface FlagInstance {
  readonly service: string;
  readonly instanceId: string;
  readonly transport: 'stream' | 'poll';
  readonly connectedAt: number;
  readonly seenAt: number;
  /** Newest revision that it said it obeys; null: it has said nothing yet. */
  readonly ackedRevision: number | null;
  readonly ackedAt: number | null;
  readonly isLive: boolean;
}

export interface FlagInstances {
  /** Counts a stream's instance until `leave`; `onCount` hears of every change of the number of its service. */
  join(reader: FlagReader, onCount: (instances: number) => void): { readonly instances: number; leave(): void };
  /** Counts an instance that polls. Returns how many of its service are live, with it. */
  note(reader: FlagReader): number;
  /** Instances of the last hour, and the newest revision. */
  list(actor: Actor): Promise<{ readonly revision: number; readonly instances: readonly FlagInstance[] }>;
}

export interface Anomalies {
  /** Newest first; those that overlap the window. Tenant actors get their own only. */
  list(
    actor: Actor,
    filter: { window: Window; tenantId?: TenantId; limit: number },
  ): Promise<readonly (Anomaly & { readonly throttleId: string | null })[]>;
}

export interface VerifiedKey {
  readonly keyId: string;
  readonly scopes: readonly KeyScope[];
  readonly tenantId: TenantId | undefined;
}

export interface Keys {
  verify(key: string): Promise<VerifiedKey | undefined>;
}

/** `/readyz` and the status line of the pages: each part says whether it works and, if not, what to do. */
export interface HealthPart {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface Health {
  parts(): Promise<readonly HealthPart[]>;
}

/** Which cap of a tenant or plan. */
type CapId = SpendScope & { readonly period: SpendPeriod };

export interface Caps {
  /** IANA name: the zone of caps that name none. */
  readonly timeZone: string;
  /** Enters the tenant (or plan) if it is new; takes the place of a cap for the same period, key and model. */
  put(actor: StaffActor, tenantId: TenantId, terms: SpendCapTerms): Promise<SpendCap>;
  putForPlan(actor: StaffActor, plan: string, terms: SpendCapTerms): Promise<PlanSpendCap>;
  /** False if there was none. */
  remove(actor: StaffActor, tenantId: TenantId, id: CapId): Promise<boolean>;
  removeForPlan(actor: StaffActor, plan: string, id: CapId): Promise<boolean>;
  listForPlans(actor: StaffActor): Promise<readonly PlanSpendCap[]>;
  /** Caps in force by tenant. Tenant actors get their own only, whatever they ask for. */
  standing(
    actor: Actor,
    page: { readonly tenants?: readonly TenantId[]; readonly offset: number; readonly limit: number },
  ): Promise<readonly SpendCapStanding[]>;
}

/** Which key, instance and service an app speaks with. */
interface SpendAsker {
  readonly keyId: string;
  readonly instanceId: string;
  readonly service: string;
}

export interface Spend {
  reserve(tenantId: TenantId, request: SpendRequest, asker: SpendAsker): Promise<SpendAnswer>;
  report(tenantId: TenantId, reports: readonly SpendReport[], asker: SpendAsker): Promise<readonly SpendReceipt[]>;
}

/** What became of one event of an alert on its way to a route. Times are Unix ms. */
export interface AlertNoticeState {
  readonly routeId: string;
  readonly event: AlertEvent;
  readonly state: 'waiting' | 'sent' | 'dead' | 'cancelled';
  readonly attempts: number;
  readonly dueAt: number;
  readonly toldAt: number | null;
  readonly error: string | null;
}

export interface Alerting {
  /** Newest first; those that overlap the window. */
  list(
    actor: StaffActor,
    filter: {
      window: Window;
      tenantId?: TenantId;
      kind?: AlertKind;
      status?: 'open' | 'acknowledged' | 'ended';
      limit: number;
    },
  ): Promise<readonly (Alert & { readonly notices: readonly AlertNoticeState[] })[]>;
  /** Undefined if no open alert has this id. */
  acknowledge(actor: StaffActor, id: string): Promise<Alert | undefined>;
  routes(actor: StaffActor): Promise<readonly (AlertRoute & { readonly health: AlertRouteHealth })[]>;
  createRoute(actor: StaffActor, route: NewAlertRoute): Promise<AlertRoute & { readonly health: AlertRouteHealth }>;
  /** False if there is none with this id. */
  removeRoute(actor: StaffActor, id: string): Promise<boolean>;
  /** Undefined if there is none with this id. `now`: Unix ms. */
  testRoute(id: string, now: number): Promise<{ readonly sent: boolean; readonly detail: string } | undefined>;
  mutes(actor: StaffActor): Promise<readonly AlertMute[]>;
  mute(actor: StaffActor, mute: NewAlertMute): Promise<AlertMute>;
  /** False if none is in force with this id. */
  unmute(actor: StaffActor, id: string): Promise<boolean>;
}
