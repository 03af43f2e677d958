/** What the api needs of control: the red button, the allow-list, and what was decided. */
import type { StaffActor } from '../domain/actor.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';

/** The red button of automation. Times are Unix ms. */
interface KillSwitch {
  state(): KillSwitchState;
  set(actor: StaffActor, on: boolean, reason: string): Promise<KillSwitchState>;
}

export interface KillSwitchState {
  readonly on: boolean;
  readonly reason: string;
  readonly by: string | null;
  readonly at: number | null;
  readonly source: 'environment' | 'file';
}

/** A tenant that automation leaves alone. Times are Unix ms. */
export interface AllowListEntry {
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

interface AllowList {
  list(actor: StaffActor): Promise<readonly AllowListEntry[]>;
  put(
    actor: StaffActor,
    tenantId: TenantId,
    entry: { readonly owner: string; readonly reason: string; readonly expiresInSeconds: number },
  ): Promise<AllowListEntry>;
  /** False if there was none. */
  remove(actor: StaffActor, tenantId: TenantId): Promise<boolean>;
}

/** What automation decided about a tenant, and what came of it. Times are Unix ms. */
export interface DecisionChain {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly at: number;
  readonly kind: 'throttle' | 'alert' | 'lift';
  readonly heldBackBy: readonly string[];
  readonly explanation: string;
  readonly finding: Anomaly | undefined;
  readonly throttle: ThrottleRecord | undefined;
  readonly victimsP95Before: number | null;
  readonly victimsP95After: number | null;
}

/** What steers automation, and what it did. */
export interface Control {
  readonly killSwitch: KillSwitch;
  readonly allowList: AllowList;
  /** Newest first. */
  decisions(
    actor: StaffActor,
    filter: { readonly tenantId?: TenantId; readonly limit: number },
  ): Promise<readonly DecisionChain[]>;
}
