/**
 * The books of AI spend. A tenant's page is opened under an advisory lock that lasts for the transaction, so that all
 * servers together see and write one page after the other; a server that dies in between has written nothing.
 */
import type { StaffActor } from '../../domain/actor.ts';
import type { SpendAccount, SpendAccountId, SpendCap, SpendScope } from '../../domain/spend.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import {
  ACCOUNT_COLUMNS,
  type AccountRow,
  accountOf,
  type CapRow,
  capOf,
  EFFECTIVE_CAPS,
  textOrNull,
} from './spend-rows.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';

const CLERK: StaffActor = { kind: 'system', subject: 'spend-desk' };
/** Keeps these locks apart from leases (`lease.ts`) and from those of other programs in the same database. */
const LOCK_CLASS = 7_071;
/** Late reports go to accounts of periods that ended at most this long ago; reservations are kept as long. */
const KEPT = '3 days';
/** A page with more expired reservations than this is worked off in several goes. */
const EXPIRED_AT_ONCE = 1_000;

/** Figures of a reservation that only grow. */
interface Figures {
  readonly spentMicro: number;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly excessCalls: number;
  readonly excessMicro: number;
  readonly largestExcessMicro: number;
}

interface BookedReservation extends SpendScope {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly keyId: string;
  readonly instanceId: string;
  readonly service: string;
  readonly state: 'open' | 'closed' | 'presumed';
  readonly grantedMicro: number;
  readonly figures: Figures;
  readonly inFlight: number;
  readonly unreserved: boolean;
  readonly accounts: readonly SpendAccountId[];
  /** Unix ms, as the other two. */
  readonly createdAt: number;
  readonly usableUntil: number;
  readonly expiresAt: number;
}

export interface BookPage {
  readonly tenantId: TenantId;
  /** Unix ms on the database's clock. */
  readonly now: number;
  readonly caps: readonly SpendCap[];
  readonly accounts: readonly SpendAccount[];
  readonly reservations: readonly BookedReservation[];
}

export interface PageChanges {
  readonly accounts: readonly SpendAccount[];
  readonly reservations: readonly BookedReservation[];
}

interface ReservationRow {
  readonly id: string;
  readonly key: string;
  readonly model: string;
  readonly key_id: string;
  readonly instance_id: string;
  readonly service: string;
  readonly state: BookedReservation['state'];
  readonly granted_micro: string;
  readonly spent_micro: string;
  readonly calls: string;
  readonly unpriced_calls: string;
  readonly excess_calls: string;
  readonly excess_micro: string;
  readonly largest_excess_micro: string;
  readonly in_flight: number;
  readonly unreserved: boolean;
  readonly accounts: readonly { period: 'day' | 'month'; key: string; model: string; from: number; to: number }[];
  readonly created_ms: number;
  readonly usable_ms: number;
  readonly expires_ms: number;
}

export class SpendBook {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Opens a tenant's page with the reservations named and those past their expiry, lets `work` decide, and writes what
   * it changed. `work` must not wait for anything.
   * @throws TenantryError STORE_UNAVAILABLE, QUERY_TIMEOUT: nothing was written
   */
  async onPage<T>(
    tenantId: TenantId,
    reservationIds: readonly string[],
    work: (page: BookPage) => { readonly changes: PageChanges; readonly result: T },
  ): Promise<T> {
    return this.#postgres.inStaffTransaction(CLERK, async (transaction) => {
      transaction.unaudited('what calls cost comes from machines, many times a second; changes of caps are audited');
      await transaction.query('select pg_advisory_xact_lock($1, hashtext($2))', [LOCK_CLASS, tenantId]);
      const { changes, result } = work(await readPage(transaction, tenantId, reservationIds));
      if (changes.accounts.length > 0) await writeAccounts(transaction, changes.accounts);
      if (changes.reservations.length > 0) await writeReservations(transaction, changes.reservations);
      return result;
    });
  }

  /** Tenants with open reservations past their expiry, longest overdue first. */
  async tenantsWithExpired(limit: number): Promise<readonly TenantId[]> {
    const rows = await this.#postgres.inStaffTransaction(CLERK, (transaction) =>
      transaction.query<{ tenant_id: TenantId }>(
        `select tenant_id from tenantry.spend_reservations where state = 'open' and expires_at <= clock_timestamp()
         group by tenant_id order by min(expires_at) limit $1`,
        [limit],
      ),
    );
    return rows.map((row) => row.tenant_id);
  }

  /** Forgets reservations that ended long ago, and accounts and alerts of more than `accountDays` days ago. */
  async prune(accountDays: number): Promise<void> {
    await this.#postgres.inStaffTransaction(CLERK, async (transaction) => {
      transaction.unaudited('what is old enough to say nothing about any period that counts');
      await transaction.query(
        `delete from tenantry.spend_reservations where state <> 'open' and expires_at < clock_timestamp() - $1::interval`,
        [KEPT],
      );
      const oldest = 'clock_timestamp() - make_interval(days => $1)';
      await transaction.query(`delete from tenantry.spend_accounts where period_end < ${oldest}`, [accountDays]);
      await transaction.query(`delete from tenantry.spend_alerts where at < ${oldest}`, [accountDays]);
    });
  }
}

async function readPage(
  transaction: StaffTransaction,
  tenantId: TenantId,
  reservationIds: readonly string[],
): Promise<BookPage> {
  // After the lock: the clock of a page is never behind that of the page before it.
  const [clock] = await transaction.query<{ now_ms: number }>(`select ${unixMs('clock_timestamp()')} as now_ms`);
  const caps = await transaction.query<CapRow>(`select * from ${EFFECTIVE_CAPS} where tenant_id = $1`, [tenantId]);
  const accounts = await transaction.query<AccountRow>(
    `select ${ACCOUNT_COLUMNS} from tenantry.spend_accounts
     where tenant_id = $1 and period_end > clock_timestamp() - $2::interval`,
    [tenantId, KEPT],
  );
  const reservations = await transaction.query<ReservationRow>(
    `select id, key, model, key_id, instance_id, service, state, granted_micro, spent_micro, calls, unpriced_calls,
            excess_calls, excess_micro, largest_excess_micro, in_flight, unreserved, accounts,
            ${unixMs('created_at')} as created_ms, ${unixMs('usable_until')} as usable_ms,
            ${unixMs('expires_at')} as expires_ms
     from tenantry.spend_reservations where tenant_id = $1 and id = any($2::uuid[])
     union
     (select id, key, model, key_id, instance_id, service, state, granted_micro, spent_micro, calls, unpriced_calls,
             excess_calls, excess_micro, largest_excess_micro, in_flight, unreserved, accounts,
             ${unixMs('created_at')}, ${unixMs('usable_until')}, ${unixMs('expires_at')}
      from tenantry.spend_reservations
      where tenant_id = $1 and state = 'open' and expires_at <= clock_timestamp() order by expires_at limit $3)`,
    [tenantId, reservationIds, EXPIRED_AT_ONCE],
  );
  return {
    tenantId,
    now: clock?.now_ms ?? Number.NaN,
    caps: caps.map(capOf),
    accounts: accounts.map(accountOf),
    reservations: reservations.map((row) => reservationOf(tenantId, row)),
  };
}

function reservationOf(tenantId: TenantId, row: ReservationRow): BookedReservation {
  return {
    id: row.id,
    tenantId,
    key: textOrNull(row.key),
    model: textOrNull(row.model),
    keyId: row.key_id,
    instanceId: row.instance_id,
    service: row.service,
    state: row.state,
    grantedMicro: Number(row.granted_micro),
    figures: {
      spentMicro: Number(row.spent_micro),
      calls: Number(row.calls),
      unpricedCalls: Number(row.unpriced_calls),
      excessCalls: Number(row.excess_calls),
      excessMicro: Number(row.excess_micro),
      largestExcessMicro: Number(row.largest_excess_micro),
    },
    inFlight: row.in_flight,
    unreserved: row.unreserved,
    accounts: row.accounts.map(({ period, key, model, from, to }) => ({
      tenantId,
      period,
      key: textOrNull(key),
      model: textOrNull(model),
      window: { from, to },
    })),
    createdAt: row.created_ms,
    usableUntil: row.usable_ms,
    expiresAt: row.expires_ms,
  };
}

/** Whole values and not differences: the lock makes sure that nobody wrote since they were read. */
async function writeAccounts(transaction: StaffTransaction, accounts: readonly SpendAccount[]): Promise<void> {
  const figures = [
    'reserved_micro',
    'spent_micro',
    'presumed_micro',
    'observed_micro',
    'observed_at',
    'calls',
    'unpriced_calls',
    'excess_calls',
    'excess_micro',
    'largest_excess_micro',
    'unreserved_micro',
    'refusals',
  ];
  const rows = accounts.map(({ key, model, window, ...account }) => ({
    ...account,
    key: key ?? '',
    model: model ?? '',
    from: window.from,
    to: window.to,
  }));
  await transaction.query(
    `insert into tenantry.spend_accounts (tenant_id, period, key, model, period_start, period_end, ${figures.join(', ')})
     select "tenantId", period, key, model, ${fromUnixMs('"from"')}, ${fromUnixMs('"to"')}, "reservedMicro", "spentMicro",
            "presumedMicro", "observedMicro", ${fromUnixMs('"observedAt"')}, calls, "unpricedCalls", "excessCalls",
            "excessMicro", "largestExcessMicro", "unreservedMicro", refusals
     from jsonb_to_recordset($1::jsonb) as r ("tenantId" text, period text, key text, model text, "from" float8, "to" float8,
       "reservedMicro" bigint, "spentMicro" bigint, "presumedMicro" bigint, "observedMicro" bigint, "observedAt" float8,
       calls bigint, "unpricedCalls" bigint, "excessCalls" bigint, "excessMicro" bigint, "largestExcessMicro" bigint,
       "unreservedMicro" bigint, refusals bigint)
     on conflict (tenant_id, period, key, model, period_start) do update
     set ${figures.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    [JSON.stringify(rows)],
  );
}

async function writeReservations(
  transaction: StaffTransaction,
  reservations: readonly BookedReservation[],
): Promise<void> {
  const changing = ['state', 'granted_micro', 'spent_micro', 'calls', 'unpriced_calls', 'excess_calls', 'excess_micro'];
  const columns = [...changing, 'largest_excess_micro', 'in_flight', 'expires_at'];
  const rows = reservations.map(({ figures, accounts, key, model, ...reservation }) => ({
    ...reservation,
    ...figures,
    key: key ?? '',
    model: model ?? '',
    accounts: accounts.map((account) => ({
      period: account.period,
      key: account.key ?? '',
      model: account.model ?? '',
      ...account.window,
    })),
  }));
  await transaction.query(
    `insert into tenantry.spend_reservations
       (id, tenant_id, key, model, key_id, instance_id, service, unreserved, accounts, created_at, usable_until, ${columns.join(', ')})
     select id, "tenantId", key, model, "keyId", "instanceId", service, unreserved, accounts, ${fromUnixMs('"createdAt"')},
            ${fromUnixMs('"usableUntil"')}, state, "grantedMicro", "spentMicro", calls, "unpricedCalls", "excessCalls",
            "excessMicro", "largestExcessMicro", "inFlight", ${fromUnixMs('"expiresAt"')}
     from jsonb_to_recordset($1::jsonb) as r (id uuid, "tenantId" text, key text, model text, "keyId" text,
       "instanceId" text, service text, unreserved boolean, accounts jsonb, "createdAt" float8, "usableUntil" float8,
       state text, "grantedMicro" bigint, "spentMicro" bigint, calls bigint, "unpricedCalls" bigint,
       "excessCalls" bigint, "excessMicro" bigint, "largestExcessMicro" bigint, "inFlight" int, "expiresAt" float8)
     on conflict (tenant_id, id) do update
     set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    [JSON.stringify(rows)],
  );
}
