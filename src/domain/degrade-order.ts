import type { DegradeStep } from './flags.ts';
import type { TenantId } from './tenant-id.ts';

/** What a person can order: `ok` is no order, lifting the one in force is. */
export const ORDERED_STEPS = ['warn', 'cached_only', 'blocked'] as const satisfies readonly DegradeStep[];

type OrderedStep = (typeof ORDERED_STEPS)[number];

/** What somebody orders for one tenant's feature; `expiresInSeconds` is counted on the store's clock. */
export interface NewDegradeOrder {
  readonly tenantId: TenantId;
  /** As `isDegradeFeature` takes it. */
  readonly feature: string;
  readonly step: OrderedStep;
  readonly expiresInSeconds: number;
  readonly reason: string;
}

/** A feature taken from a tenant, by a person or by the ladder of its caps; in force or over. Times are Unix ms. */
export interface DegradeOrder {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly feature: string;
  readonly step: DegradeStep;
  /** It follows from a spend cap; else a person has ordered it. */
  readonly automatic: boolean;
  readonly reason: string;
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** When it was lifted before its time, else null. */
  readonly liftedAt: number | null;
}
