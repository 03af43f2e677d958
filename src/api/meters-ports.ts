import type { Actor, StaffActor } from '../domain/actor.ts';
import type { Meter, MeterDefinition, MeterWindow } from '../domain/meter.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

/** Values in units of 10^-9. */
export interface MeterValuePoint {
  readonly window: Window;
  /** Null: all tenants together. */
  readonly tenantId: TenantId | null;
  readonly group: Readonly<Record<string, string>>;
  readonly value: bigint | null;
  readonly rejected: number;
}

export interface Meters {
  /** By slug. */
  list(actor: Actor): Promise<readonly Meter[]>;
  find(actor: Actor, slug: string): Promise<Meter | undefined>;
  /** @throws TenantryError CONFLICT */
  create(actor: StaffActor, meter: MeterDefinition): Promise<Meter>;
  /** False if there is none with this slug. */
  remove(actor: StaffActor, slug: string): Promise<boolean>;
  /** By step, tenant and group; what no event happened in is absent. `tenant` set: that tenant's alone. */
  values(question: {
    readonly meter: MeterDefinition;
    readonly window: Window;
    readonly step: MeterWindow | undefined;
    readonly tenant: TenantId | undefined;
    readonly byTenant: boolean;
    readonly groupBy: readonly string[];
  }): Promise<readonly MeterValuePoint[]>;
  /** Newest first. */
  rejected(question: {
    readonly meter: MeterDefinition;
    readonly window: Window;
    readonly tenant: TenantId | undefined;
    readonly limit: number;
  }): Promise<
    readonly { readonly tenantId: TenantId; readonly source: string; readonly id: string; readonly time: number }[]
  >;
}
