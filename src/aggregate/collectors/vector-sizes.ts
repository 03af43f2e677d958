import type { MeasuredSize, StoreKind } from '../../domain/storage.ts';
import { parseTenantId, type TenantId, UNATTRIBUTED_TENANT } from '../../domain/tenant-id.ts';
import { combineSizes } from './combine-sizes.ts';

/** How many points a tenant has somewhere, and what one of them takes. */
export interface CountedPoints {
  /** What is no tenant's name counts for nobody. */
  readonly tenant: TenantId | string | undefined;
  readonly points: number;
  readonly bytesEach: number;
}

export const FLOAT_BYTES = 4;

/** Estimates: vector stores tell how many points there are, and not what they take on disk. */
export function sizesOfPoints(kind: StoreKind, counted: readonly CountedPoints[]): MeasuredSize[] {
  return combineSizes(
    counted
      .filter(({ points }) => points > 0)
      .map(({ tenant, points, bytesEach }) => ({
        tenantId: parseTenantId(tenant) ?? UNATTRIBUTED_TENANT,
        kind,
        bytes: BigInt(points) * BigInt(Math.round(bytesEach)),
        errorBytes: null,
        objects: BigInt(points),
        method: 'points x usual size',
      })),
  );
}
