/** What the spend desk needs of the rest of the house. */

import type { ZoneOffset } from '../domain/calendar-period.ts';
import type { SpendAccount, SpendAccountId, SpendCap, SpendScope } from '../domain/spend.ts';
import type { TokenRates } from '../domain/spend-price.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Reservation } from './spend-ledger.ts';

/** Who asks; every report must come under the same tenant. */
export interface SpendAsker {
  readonly keyId: string;
  readonly instanceId: string;
  readonly service: string;
}

/** A reservation as it is kept. Times are Unix ms on the database's clock. */
export interface StoredReservation extends Reservation, SpendScope, SpendAsker {
  /** The accounts that it was taken from, and that its settlement goes to. */
  readonly accounts: readonly SpendAccountId[];
  readonly createdAt: number;
  readonly usableUntil: number;
  readonly expiresAt: number;
}

export interface SpendPageData {
  readonly tenantId: TenantId;
  readonly now: number;
  readonly caps: readonly SpendCap[];
  /** Those of periods that have not long ended. */
  readonly accounts: readonly SpendAccount[];
  /** Those that are asked about. */
  readonly reservations: readonly StoredReservation[];
}

export interface SpendPageChanges {
  readonly accounts: readonly SpendAccount[];
  readonly reservations: readonly StoredReservation[];
}

export interface SpendTools {
  /** Offsets of a time zone by its IANA name. */
  readonly zone: (timeZone: string) => ZoneOffset;
  /** Prices of a model for a tenant as of a moment; null when it has none. */
  readonly rates: (provider: string, model: string, at: number, tenant: TenantId) => TokenRates | null;
}

/** The books as the store keeps them. */
export interface SpendBooks {
  /**
   * Opens a tenant's page under its lock, with the reservations named and those that have expired, lets `work` change
   * it, writes what changed, and lets the lock go. All of it happens or nothing.
   */
  onPage<T>(
    tenantId: TenantId,
    reservationIds: readonly string[],
    work: (data: SpendPageData) => { readonly changes: SpendPageChanges; readonly result: T },
  ): Promise<T>;
  /** Tenants that have reservations past their expiry. */
  tenantsWithExpired(limit: number): Promise<readonly TenantId[]>;
}
