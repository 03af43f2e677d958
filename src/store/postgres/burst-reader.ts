import type { Actor } from '../../domain/actor.ts';
import type { BurstAccount, BurstEntry } from '../../domain/burst.ts';
import type { QuotaKey } from '../../domain/plan.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { LOT_COLUMNS, type LotRow, lotOf } from './burst-rows.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';

export interface BurstFilter {
  readonly tenantId?: TenantId;
  readonly key?: QuotaKey;
  readonly offset: number;
  readonly limit: number;
}

interface SumsRow {
  readonly tenant_id: TenantId;
  readonly key: QuotaKey;
  readonly balance: string;
  readonly lapsed: string;
  readonly earned: string;
  readonly spent: string;
  readonly expired: string;
}

/** What people and tenants see of burst credits. Tenant actors get their own only, whatever they ask for. */
export class BurstReader {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Accounts in the order of tenants and keys. */
  async accounts(actor: Actor, { tenantId, key, offset, limit }: BurstFilter): Promise<readonly BurstAccount[]> {
    return this.#postgres.inReadTransaction(actor, async (transaction) => {
      // What has ended but is not booked yet is shown as expired: it cannot be spent any more.
      const sums = await transaction.query<SumsRow>(
        `with page as (
           select tenant_id, key from tenantry.burst_accounts
           where ($1::text is null or tenant_id = $1) and ($2::text is null or key = $2)
           order by tenant_id, key offset $3 limit $4)
         select page.tenant_id, page.key, lots.balance::text, lots.lapsed::text, lots.earned::text,
                entries.spent::text, entries.expired::text
         from page,
              lateral (select coalesce(sum(remaining) filter (where expires_at > clock_timestamp()), 0) as balance,
                              coalesce(sum(remaining) filter (where expires_at <= clock_timestamp()), 0) as lapsed,
                              coalesce(sum(earned), 0) as earned
                       from tenantry.burst_lots l where l.tenant_id = page.tenant_id and l.key = page.key) lots,
              lateral (select coalesce(sum(amount) filter (where kind = 'spent'), 0) as spent,
                              coalesce(sum(amount) filter (where kind = 'expired'), 0) as expired
                       from tenantry.burst_entries e where e.tenant_id = page.tenant_id and e.key = page.key) entries
         order by page.tenant_id, page.key`,
        [tenantId ?? null, key ?? null, offset, limit],
      );
      const accounts: BurstAccount[] = [];
      for (const row of sums) {
        accounts.push({
          ...{ tenantId: row.tenant_id, key: row.key, balance: BigInt(row.balance), earned: BigInt(row.earned) },
          spent: BigInt(row.spent),
          expired: BigInt(row.expired) + BigInt(row.lapsed),
          lots: await liveLots(transaction, row),
        });
      }
      return accounts;
    });
  }

  /** Lines of the ledger, newest first. */
  async entries(actor: Actor, { tenantId, key, offset, limit }: BurstFilter): Promise<readonly BurstEntry[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Omit<BurstEntry, 'amount' | 'seq'> & { readonly amount: string; readonly seq: string }>(
        `select tenant_id as "tenantId", seq, key, kind, debit, credit, amount::text, reference, reason,
                ${unixMs('period_start')} as "lotStart", ${unixMs('at')} as at, booked_by as "bookedBy"
         from tenantry.burst_entries
         where ($1::text is null or tenant_id = $1) and ($2::text is null or key = $2)
         order by seq desc offset $3 limit $4`,
        [tenantId ?? null, key ?? null, offset, limit],
      ),
    );
    return rows.map(({ amount, seq, ...row }) => ({ ...row, seq: Number(seq), amount: BigInt(amount) }));
  }

  /**
   * What burst credits have paid for, by tenant and key (`${tenant} ${key}`), in the period that began at one moment
   * (Unix ms).
   */
  async covered(actor: Actor, tenants: readonly TenantId[], from: number): Promise<ReadonlyMap<string, bigint>> {
    if (tenants.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<{ tenant_id: TenantId; key: string; amount: string }>(
        `select tenant_id, key, sum(amount)::text as amount from tenantry.burst_entries
         where kind = 'spent' and tenant_id = any($1) and covers = to_timestamp($2::float8 / 1000) group by tenant_id, key`,
        [tenants, from],
      ),
    );
    return new Map(rows.map((row) => [`${row.tenant_id} ${row.key}`, BigInt(row.amount)]));
  }
}

async function liveLots(transaction: Transaction, { tenant_id, key }: SumsRow) {
  const rows = await transaction.query<LotRow>(
    `select ${LOT_COLUMNS} from tenantry.burst_lots
     where tenant_id = $1 and key = $2 and remaining > 0 and expires_at > clock_timestamp()
     order by expires_at, period_start`,
    [tenant_id, key],
  );
  return rows.map(lotOf);
}
