/** Words of where a tenant stands: active, suspended for a while, or closed. */
import type { TenantId } from './tenant-id.ts';

export const TENANT_STATUSES = ['active', 'suspended', 'closed'] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];

export const SUSPENSION_EFFECTS = ['refuse', 'read_only'] as const;
/** What a suspension does: every request is refused, or only those that change something. AI is blocked either way. */
export type SuspensionEffect = (typeof SUSPENSION_EFFECTS)[number];

export const SUSPENSION_REASONS = ['payment', 'abuse', 'security', 'request', 'other'] as const;
/** What the tenant's own people may be told of the reason; the sentence behind it stays with the operator. */
export type SuspensionReason = (typeof SUSPENSION_REASONS)[number];

/** A state as somebody decided it. Times are Unix ms. */
export interface TenantState {
  readonly status: TenantStatus;
  /** Of a suspension; null: not suspended. */
  readonly effect: SuspensionEffect | null;
  readonly reasonCode: SuspensionReason | null;
  /** One sentence for the operator's people. */
  readonly reason: string;
  /** When a suspension ends by itself; null: somebody ends it. */
  readonly until: number | null;
}

/** Where a tenant stands now. */
export interface TenantStanding extends Omit<TenantState, 'reason'> {
  readonly tenantId: TenantId;
  /** Counts the changes; 0: nobody has ever decided anything. */
  readonly version: number;
  readonly reason: string | null;
  readonly changedAt: number | null;
  readonly changedBy: string | null;
  /** Decided by a person, which automation leaves alone. */
  readonly byPerson: boolean;
}

export type StateCommand =
  | {
      readonly kind: 'suspend';
      readonly effect: SuspensionEffect;
      readonly reasonCode: SuspensionReason;
      readonly reason: string;
      readonly until: number | null;
    }
  | { readonly kind: 'resume' | 'close' | 'reopen'; readonly reason: string };

/** What a command comes to: another state, nothing to do, or a refusal with what to do instead. */
export type StateVerdict =
  | { readonly kind: 'changed'; readonly next: TenantState }
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'refused';
      readonly code: 'CONFLICT' | 'FORBIDDEN' | 'BAD_REQUEST';
      readonly detail: string;
      readonly hint: string;
    };
