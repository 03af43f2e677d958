/** Words of a tenant's wish to be deleted. */
import type { TenantId } from './tenant-id.ts';
import { DAY_MS } from './window.ts';

/** So long a tenant can think again, and nothing may be deleted. */
export const DELETION_WAITING_DAYS = 14;
export const DELETION_WAITING_MS = DELETION_WAITING_DAYS * DAY_MS;

type DeletionState = 'requested' | 'cancelled';

/** Times are Unix ms. */
export interface DeletionRequest {
  readonly requestId: string;
  readonly tenantId: TenantId;
  readonly state: DeletionState;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedByOperator: boolean;
  readonly requestedAt: number;
  /** Nothing is deleted before. */
  readonly notBefore: number;
  /** null: it stands. */
  readonly endedAt: number | null;
  readonly endedBy: string | null;
  readonly endedByOperator: boolean | null;
  /** Nothing of the tenant may be deleted while this holds, whatever was requested. */
  readonly legalHold: boolean;
}

export interface LegalHold {
  readonly tenantId: TenantId;
  readonly reason: string;
  readonly setBy: string;
  /** Unix ms. */
  readonly setAt: number;
}
