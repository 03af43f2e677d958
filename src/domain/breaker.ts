import type { BreakerState } from './flags.ts';
import type { TenantId } from './tenant-id.ts';

/** What a breaker does by its own judgement: calls pass, are refused, or one at a time tries whether it works again. */
export type BreakerPhase = 'closed' | 'open' | 'half_open';

/**
 * Stands for every tenant at once in the breaker of a whole integration. The parentheses cannot occur in a real id, so
 * no tenant ever owns such a row.
 */
export const EVERY_TENANT = '(all)';

/** Also the part of the OFREP key behind `breaker.`. */
export const INTEGRATION_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A class of errors, not a text: `ECONNREFUSED`, `TimeoutError`, `http_503`. */
export const ERROR_CLASS_PATTERN = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/;

/**
 * Body of `POST /v1/breakers/reports`: the breakers of one process that changed or are not closed. Ages instead of
 * times: the app's wall clock may be wrong.
 */
export interface BreakerReport {
  instance_id: string;
  service: string;
  /** Changes that this process could not tell since its last report that arrived: its list was full, or refused. */
  lost: number;
  breakers: WireBreaker[];
}

export interface WireBreaker {
  /** `(all)`: the breaker of the whole integration. */
  tenant_id: string;
  integration: string;
  state: BreakerPhase;
  /** For how long it has been in this state. */
  since_ms: number;
  /** Calls that ended in the window before the last change, and those of them that failed. */
  calls: number;
  failures: number;
  last_error?: string;
  /** Changes from closed to open that the server has not confirmed yet, numbered by the process to tell repeats. */
  openings: { number: number; ms_ago: number }[];
}

/** Largest number of breakers in one report; the process splits longer lists. */
export const REPORT_MAX_BREAKERS = 200;
export const REPORT_MAX_OPENINGS = 20;

/** The last word of one app instance on one breaker. Times are Unix milliseconds on the server's clock. */
export interface BreakerSighting {
  readonly tenantId: string;
  readonly integration: string;
  readonly service: string;
  readonly instanceId: string;
  readonly state: BreakerPhase;
  readonly since: number;
  readonly calls: number;
  readonly failures: number;
  readonly lastError: string | null;
  /** When it went from closed to open, oldest first; as far back as is kept. */
  readonly openings: readonly number[];
  readonly reportedAt: number;
}

/** What somebody orders for one tenant's breaker; `expiresInSeconds` is counted on the store's clock. */
export interface NewBreakerOrder {
  readonly tenantId: TenantId;
  readonly integration: string;
  readonly state: BreakerState;
  readonly expiresInSeconds: number;
  readonly reason: string;
}

/** An order with its whole life, in force or over. */
export interface BreakerOrder {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly integration: string;
  readonly state: BreakerState;
  readonly reason: string;
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Unix ms at which somebody lifted it before its time, else null. */
  readonly liftedAt: number | null;
}

/** A breaker that opens and closes over and over, with the figures it was judged by. */
export interface BreakerFlapping {
  readonly instances: number;
  /** Changes from closed to open within the window, of the instance with the most. */
  readonly openings: number;
  readonly windowSeconds: number;
  /** Unix ms of the first of them. */
  readonly since: number;
  readonly reason: string;
  /** The order that would end it; nobody gives it but people. */
  readonly offer: { readonly state: 'open'; readonly expiresInSeconds: number };
}

/** One tenant's breaker of one integration over all app instances. Times are Unix milliseconds. */
export interface BreakerOverview {
  readonly tenantId: string;
  readonly integration: string;
  /** What it does: an order in force, else the worst that an instance reports. */
  readonly state: BreakerPhase;
  readonly instances: Readonly<Record<BreakerPhase, number>>;
  readonly services: readonly string[];
  /** Since when the first instance is in the worst state reported; null: none has reported. */
  readonly since: number | null;
  readonly calls: number;
  readonly failures: number;
  readonly lastError: string | null;
  readonly reportedAt: number | null;
  readonly order: BreakerOrder | null;
  readonly flapping: BreakerFlapping | null;
}
