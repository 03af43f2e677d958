import type { EnforcementMode, ThrottleFlag, ThrottleLimit, ThrottleScope } from './flags.ts';
import type { TenantId } from './tenant-id.ts';

/** What somebody asks for; `expiresInSeconds` is counted from the moment the store writes it, on the store's clock. */
export interface NewThrottle {
  readonly tenantId: TenantId;
  readonly scope: ThrottleScope;
  readonly limit: ThrottleLimit;
  readonly mode: EnforcementMode;
  readonly expiresInSeconds: number;
  readonly reason: string;
  /** The finding that led to it; absent for people's own throttles. */
  readonly anomalyId?: string;
}

export interface ThrottleAck {
  readonly instanceId: string;
  readonly service: string;
  readonly ackedAt: number;
}

/** A throttle with its whole life, in force or over. */
export interface ThrottleRecord {
  readonly flag: ThrottleFlag;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Unix ms at which somebody lifted it before its time, else null. */
  readonly liftedAt: number | null;
  readonly liftedBy: string | null;
  readonly anomalyId: string | null;
  readonly acks: readonly ThrottleAck[];
}
