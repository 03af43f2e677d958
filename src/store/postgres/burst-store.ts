/**
 * The ledger of burst credits. An account's row is locked while its lots change, so that all servers together book one
 * after the other; what is booked comes from `cost/burst.ts`. A lot's `remaining` is what its entries leave of it, kept
 * beside them so that a spend need not add up the whole ledger; the table refuses less than nothing.
 */
import type { StaffActor } from '../../domain/actor.ts';
import type { BurstKind, BurstLot } from '../../domain/burst.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { QuotaKey, QuotaPeriod } from '../../domain/plan.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { LOT_COLUMNS, type LotRow, lotOf } from './burst-rows.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

/** Which account, and under which reference is booked. */
export interface BurstBookingId {
  readonly tenantId: TenantId;
  readonly key: QuotaKey;
  readonly reference: string;
}

export interface BurstPage {
  /** Unix ms on the database's clock. */
  readonly now: number;
  /** Everything that holds credits, also what has ended, and the lot of the period that is asked about. */
  readonly lots: readonly BurstLot[];
  /** What was booked under the reference before. */
  readonly booked: bigint;
  /** What was spent so far for the period that is asked about. */
  readonly covered: bigint;
}

export interface BurstMovement {
  readonly lot: BurstLot;
  readonly kind: BurstKind;
  readonly amount: bigint;
  readonly reference: string;
  readonly reason: string;
}

export interface BurstBooking {
  /** Lots to be made, with what they earned; their `remaining` is set by the entries. */
  readonly lots: readonly BurstLot[];
  readonly movements: readonly BurstMovement[];
}

/** The period that a booking is about: for which something is earned, or whose use is paid for. */
export interface BurstPeriod {
  readonly period: QuotaPeriod;
  readonly from: number;
}

const ACCOUNTS: Readonly<Record<BurstKind, readonly [debit: string, credit: string]>> = {
  earned: ['allowance', 'balance'],
  spent: ['balance', 'spent'],
  expired: ['balance', 'expired'],
};

export class BurstStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Books what `work` makes of the account, in one transaction, under the account's lock. `work` may look and book nothing.
   * @returns what `work` returned beside its booking
   */
  async book<Answer>(
    actor: StaffActor,
    { tenantId, key, reference }: BurstBookingId,
    about: BurstPeriod,
    work: (page: BurstPage) => { readonly booking: BurstBooking; readonly answer: Answer },
  ): Promise<Answer> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      transaction.unaudited('the ledger is its own record: entries are never changed and say who booked them');
      const account = [tenantId, key] as const;
      await lockAccount(transaction, account);
      const page = await readPage(transaction, account, about, reference);
      const { booking, answer } = work(page);
      for (const lot of booking.lots) await insertLot(transaction, account, lot);
      for (const movement of booking.movements) {
        await move(transaction, account, { ...movement, about, now: page.now, by: actor.subject });
      }
      return answer;
    });
  }

  /** Accounts with lots that have ended and still hold something, at most `limit`. */
  async withExpired(actor: StaffActor, limit: number): Promise<readonly { tenantId: TenantId; key: QuotaKey }[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenantId: TenantId; key: QuotaKey }>(
        `select distinct tenant_id as "tenantId", key from tenantry.burst_lots
         where remaining > 0 and expires_at <= clock_timestamp() order by 1, 2 limit $1`,
        [limit],
      ),
    );
  }

  /** Of these periods, those that have been settled: their lot is there. `from`: Unix ms. */
  async settled(actor: StaffActor, period: QuotaPeriod, from: number): Promise<ReadonlySet<string>> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenant_id: string; key: string }>(
        `select tenant_id, key from tenantry.burst_lots where period = $1 and period_start = ${fromUnixMs('$2')}`,
        [period, from],
      ),
    );
    return new Set(rows.map(({ tenant_id, key }) => `${tenant_id} ${key}`));
  }
}

type AccountKey = readonly [tenantId: TenantId, key: QuotaKey];

async function lockAccount(transaction: StaffTransaction, account: AccountKey): Promise<void> {
  await transaction.query(
    'insert into tenantry.burst_accounts (tenant_id, key) values ($1, $2) on conflict do nothing',
    account,
  );
  await transaction.query('select from tenantry.burst_accounts where tenant_id = $1 and key = $2 for update', account);
}

async function readPage(
  transaction: Transaction,
  account: AccountKey,
  { period, from }: BurstPeriod,
  reference: string,
): Promise<BurstPage> {
  const lots = await transaction.query<LotRow>(
    `select ${LOT_COLUMNS} from tenantry.burst_lots
     where tenant_id = $1 and key = $2 and (remaining > 0 or period = $3 and period_start = ${fromUnixMs('$4')})
     order by expires_at, period_start`,
    [...account, period, from],
  );
  const [sums] = await transaction.query<{ now: number; booked: string; covered: string }>(
    `select ${unixMs('clock_timestamp()')} as now,
            coalesce(sum(amount) filter (where reference = $3), 0) as booked,
            coalesce(sum(amount) filter (where kind = 'spent' and covers = ${fromUnixMs('$4')}), 0) as covered
     from tenantry.burst_entries
     where tenant_id = $1 and key = $2 and (reference = $3 or kind = 'spent' and covers = ${fromUnixMs('$4')})`,
    [...account, reference, from],
  );
  if (sums === undefined) throw new TenantryError('INTERNAL', 'The sums of a burst account cannot be read');
  return { now: sums.now, lots: lots.map(lotOf), booked: BigInt(sums.booked), covered: BigInt(sums.covered) };
}

async function insertLot(transaction: StaffTransaction, account: AccountKey, lot: BurstLot): Promise<void> {
  await transaction.query(
    `insert into tenantry.burst_lots
       (tenant_id, key, period, period_start, period_end, quota, used, earned, remaining, expires_at)
     values ($1, $2, $3, ${fromUnixMs('$4')}, ${fromUnixMs('$5')}, $6, $7, $8, 0, ${fromUnixMs('$9')})`,
    [...account, lot.period, lot.window.from, lot.window.to, lot.quota, lot.used, lot.earned, lot.expiresAt],
  );
}

async function move(
  transaction: StaffTransaction,
  account: AccountKey,
  movement: BurstMovement & { readonly about: BurstPeriod; readonly now: number; readonly by: string },
): Promise<void> {
  const { lot, kind, amount, reference, reason, about, now, by } = movement;
  const lotKey = [...account, lot.period, lot.window.from];
  const change = kind === 'earned' ? amount : -amount;
  await transaction.query(
    `update tenantry.burst_lots set remaining = remaining + $5::numeric
     where tenant_id = $1 and key = $2 and period = $3 and period_start = ${fromUnixMs('$4')}`,
    [...lotKey, change],
  );
  const [debit, credit] = ACCOUNTS[kind];
  await transaction.query(
    `insert into tenantry.burst_entries
       (tenant_id, key, period, period_start, at, kind, debit, credit, amount, covers, reference, reason, booked_by)
     values ($1, $2, $3, ${fromUnixMs('$4')}, ${fromUnixMs('$5')}, $6, $7, $8, $9, ${fromUnixMs('$10')}, $11, $12, $13)`,
    [...lotKey, now, kind, debit, credit, amount, kind === 'spent' ? about.from : null, reference, reason, by],
  );
}
