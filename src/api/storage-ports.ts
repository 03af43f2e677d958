import type { StaffActor } from '../domain/actor.ts';
import type { StorageGauge, StoreKind } from '../domain/storage.ts';
import type { NewStorageTarget, StorageRun, StorageTarget } from '../domain/storage-target.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

export interface StorageQuestion {
  readonly window: Window;
  /** One tenant alone. */
  readonly tenantId: TenantId | undefined;
  /** With its parts. */
  readonly store: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

export interface StorageFigures {
  readonly tenantId: TenantId;
  readonly store: string;
  readonly kind: StoreKind | null;
  readonly bytes: bigint;
  readonly errorBytes: bigint | null;
  readonly objects: bigint | null;
  readonly method: string;
  /** Unix ms. */
  readonly measuredAt: number | null;
  readonly byteHours: bigint;
  readonly coveredShare: number;
}

export interface StorageTargetState {
  readonly target: StorageTarget;
  readonly run: StorageRun | undefined;
}

export interface StorageDesk {
  list(question: StorageQuestion): Promise<{ readonly items: readonly StorageFigures[]; readonly total: number }>;
  /** @throws TenantryError BAD_REQUEST when a store is one that a target measures */
  push(gauges: readonly StorageGauge[]): Promise<void>;
  targets(actor: StaffActor): Promise<readonly StorageTargetState[]>;
  createTarget(actor: StaffActor, target: NewStorageTarget): Promise<StorageTarget>;
  /** False if there is none with this id. */
  removeTarget(actor: StaffActor, id: string): Promise<boolean>;
  /** Has it measured as soon as may be. False if there is none with this id. */
  collect(actor: StaffActor, id: string): Promise<boolean>;
}
