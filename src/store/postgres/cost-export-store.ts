import type { StaffActor } from '../../domain/actor.ts';
import type { ChargeKind } from '../../domain/bill.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

/** Charges of one kind and month, for one tenant or for nobody. Times are Unix ms. */
export interface ExportRow extends ChargeKind {
  readonly tenantId: TenantId | null;
  readonly micro: bigint;
  readonly poolMicro: bigint;
  readonly currency: string;
  readonly rule: string;
  readonly rulesVersion: number;
  readonly billingFrom: number;
  readonly billingTo: number;
  /** First of the month. */
  readonly month: number;
}

type Row = Omit<ExportRow, 'micro' | 'poolMicro'> & { readonly micro: string; readonly poolMicro: string };

const KIND = `a.rules_version, g.rule, g.part, g.provider, g.issuer, g.account, g.service, g.category, g.charge_category,
    g.correction, g.billing_from, g.billing_to, date_trunc('month', g.booked)::date`;
const COLUMNS = `k.rules_version as "rulesVersion", k.rule, k.part, k.provider, k.issuer, k.account, k.service, k.category,
    k.charge_category as "chargeCategory", k.correction, ${unixMs('k.billing_from')} as "billingFrom",
    ${unixMs('k.billing_to')} as "billingTo", ${unixMs(`k.month::timestamp at time zone 'UTC'`)} as month`;
const SAME = `(rules_version, rule, part, provider, issuer, account, service, category, charge_category, correction,
    billing_from, billing_to, month)`;

const POOLS = `
  select ${KIND} as month, sum(g.micro) as pool, sum(g.shared_micro) as shared, sum(g.idle_micro) as idle,
    sum(g.unallocated_micro) as unallocated
  from tenantry.cost_groups g
  join tenantry.cost_allocations a on a.id = g.allocation_id join tenantry.bills b on b.id = a.bill_id
  where g.booked >= $1::date and g.booked < $2::date and b.currency = $3
  group by ${KIND}`;

const OF_NOBODY = `
  with k as (${POOLS})
  select k.shared::text as shared, k.idle::text as idle, k.unallocated::text as unallocated, k.pool::text as "poolMicro", ${COLUMNS}
  from k order by ${SAME}`;

const OF_TENANTS = `
  with pools as (${POOLS}),
  k as (
    select s.tenant_id, ${KIND} as month, sum(u.micro) as micro
    from tenantry.cost_shares s
    cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
    join tenantry.cost_groups g on g.allocation_id = s.allocation_id and g.group_no = u.group_no
    join tenantry.cost_allocations a on a.id = g.allocation_id join tenantry.bills b on b.id = a.bill_id
    where s.tenant_id = any($4) and g.booked >= $1::date and g.booked < $2::date and b.currency = $3
    group by s.tenant_id, ${KIND})
  select k.tenant_id as "tenantId", k.micro::text as micro, pools.pool::text as "poolMicro", ${COLUMNS}
  from k join pools using ${SAME}
  order by k.tenant_id, k.rule, k.part, k.provider, k.account, k.service, k.category, k.charge_category, k.month, k.billing_from`;

/** The ledger by tenant and kind of charge, for files. */
export class CostExportStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Tenants with a share in the window, after `after`, by id. */
  async tenants(actor: StaffActor, window: Window, after: string, limit: number): Promise<readonly TenantId[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenantId: TenantId }>(
        `select distinct s.tenant_id as "tenantId" from tenantry.cost_months s
         where s.month >= date_trunc('month', $1::timestamp) and s.month < $2::date and s.tenant_id > $3
         order by 1 limit $4`,
        [...range(window), after, limit],
      ),
    );
    return rows.map(({ tenantId }) => tenantId);
  }

  async ofTenants(
    actor: StaffActor,
    window: Window,
    currency: string,
    tenants: readonly TenantId[],
  ): Promise<readonly ExportRow[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Row>(OF_TENANTS, [...range(window), currency, tenants]),
    );
    return rows.map((row) => ({ ...row, micro: BigInt(row.micro), poolMicro: BigInt(row.poolMicro), currency }));
  }

  /** Shared, idle and unallocated parts, those that are not 0. */
  async ofNobody(
    actor: StaffActor,
    window: Window,
    currency: string,
  ): Promise<readonly (ExportRow & { readonly line: 'shared' | 'idle' | 'unallocated' })[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Omit<Row, 'micro' | 'tenantId'> & Record<'shared' | 'idle' | 'unallocated', string>>(
        OF_NOBODY,
        [...range(window), currency],
      ),
    );
    return rows.flatMap(({ shared, idle, unallocated, ...row }) =>
      Object.entries({ shared, idle, unallocated }).flatMap(([line, text]) => {
        const micro = BigInt(text);
        if (micro === 0n) return [];
        const name = line as 'shared' | 'idle' | 'unallocated';
        return [{ ...row, line: name, tenantId: null, micro, poolMicro: BigInt(row.poolMicro), currency }];
      }),
    );
  }
}

function range({ from, to }: Window): readonly [string, string] {
  const [first = '', end = ''] = [from, to].map((time) => new Date(time).toISOString().slice(0, 10));
  return [first, end];
}
