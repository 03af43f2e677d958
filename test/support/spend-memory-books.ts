/** The spend books in memory, for tests of what stands above them: no lock is needed where nothing runs side by side. */
import type { SpendBooks, SpendPageChanges, SpendPageData, StoredReservation } from '../../src/control/spend-ports.ts';
import { accountKey, type SpendAccount, type SpendCap } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

export class MemoryBooks implements SpendBooks {
  caps: SpendCap[] = [];
  readonly accounts = new Map<string, SpendAccount>();
  readonly reservations = new Map<string, StoredReservation>();
  /** Thrown by every page, as the store does when Postgres is down. */
  failure: Error | undefined;
  pages = 0;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async onPage<T>(
    tenantId: TenantId,
    reservationIds: readonly string[],
    work: (data: SpendPageData) => { readonly changes: SpendPageChanges; readonly result: T },
  ): Promise<T> {
    if (this.failure !== undefined) throw this.failure;
    this.pages += 1;
    const now = this.#now();
    const { changes, result } = work({
      tenantId,
      now,
      caps: this.caps.filter((cap) => cap.tenantId === tenantId),
      accounts: [...this.accounts.values()].filter((account) => account.tenantId === tenantId),
      reservations: [...this.reservations.values()].filter(
        (one) =>
          one.tenantId === tenantId &&
          (reservationIds.includes(one.id) || (one.state === 'open' && one.expiresAt <= now)),
      ),
    });
    for (const account of changes.accounts) this.accounts.set(`${tenantId} ${accountKey(account)}`, account);
    for (const reservation of changes.reservations) this.reservations.set(reservation.id, reservation);
    return result;
  }

  async tenantsWithExpired(limit: number): Promise<readonly TenantId[]> {
    const now = this.#now();
    const due = [...this.reservations.values()].filter((one) => one.state === 'open' && one.expiresAt <= now);
    return [...new Set(due.map((one) => one.tenantId))].slice(0, limit);
  }
}
