import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';

/** Whole days in UTC. */
export interface LedgerQuestion {
  readonly window: Window;
  readonly tenants?: readonly TenantId[];
  readonly currency: string;
}

interface TenantParts {
  readonly tenantId: TenantId;
  readonly parts: ReadonlyMap<string, bigint>;
}

export interface Ledger {
  readonly tenants: readonly TenantParts[];
  /** From the lines of the bills. */
  readonly billMicro: bigint;
  /** From how they were shared out. */
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
}

interface LedgerRow {
  readonly tenantId: TenantId | null;
  readonly parts: Readonly<Record<string, string>>;
}

export interface LedgerSum {
  /** Service, rule, part, day or month. */
  readonly name: string;
  readonly billMicro: bigint;
  readonly tenantsMicro: bigint;
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
}

type LedgerGroup = 'part' | 'service' | 'rule' | 'day' | 'month';

const SUM_NAMES: Readonly<Record<LedgerGroup, string>> = {
  part: 'g.part',
  service: 'g.service',
  rule: 'g.rule',
  day: `to_char(g.booked, 'YYYY-MM-DD')`,
  month: `to_char(g.booked, 'YYYY-MM')`,
};

/** [first day, day after the last] as SQL takes them. */
const days = ({ from, to }: Window) => [dateText(from), dateText(to)] as const;
const dateText = (time: number) => new Date(time).toISOString().slice(0, 10);
const isMonthStart = (time: number) => dateText(time).endsWith('-01');

const OF_TENANTS = `($4::text[] is null or s.tenant_id = any($4))`;

const BY_MONTH = `
    select s.tenant_id, s.part, sum(s.micro)::text as micro from tenantry.cost_months s
    where s.month >= $1::date and s.month < $2::date and s.currency = $3 and ${OF_TENANTS}
    group by s.tenant_id, s.part`;

/** Days of part of a month: from the shares themselves. */
const BY_DAY = `
    select s.tenant_id, g.part, sum(u.micro)::text as micro
    from tenantry.cost_shares s
    cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
    join tenantry.cost_groups g on g.allocation_id = s.allocation_id and g.group_no = u.group_no
    where g.booked >= $1::date and g.booked < $2::date and ${OF_TENANTS}
      and s.allocation_id in (
        select a.id from tenantry.cost_allocations a join tenantry.bills b on b.id = a.bill_id
        where b.currency = $3 and exists (
          select from tenantry.bill_days d where d.bill_id = b.id and d.booked >= $1::date and d.booked < $2::date))
    group by s.tenant_id, g.part`;

/** What bills came to on each day, from their lines. */
const DAYS_OF_BILLS = `
    select to_char(d.booked, 'YYYY-MM-DD') as day, sum(d.micro)::text as micro
    from tenantry.bill_days d join tenantry.bills b on b.id = d.bill_id
    where b.state = 'current' and d.booked >= $1::date and d.booked < $2::date and b.currency = $3
    group by d.booked`;

/** What of it went to these tenants. */
const DAYS_OF_TENANTS = `
    select to_char(g.booked, 'YYYY-MM-DD') as day, sum(u.micro)::text as micro
    from tenantry.cost_shares s
    cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
    join tenantry.cost_groups g on g.allocation_id = s.allocation_id and g.group_no = u.group_no
    join tenantry.cost_allocations a on a.id = s.allocation_id join tenantry.bills b on b.id = a.bill_id
    where g.booked >= $1::date and g.booked < $2::date and b.currency = $3 and s.tenant_id = any($4)
    group by g.booked`;

/**
 * One statement, hence one moment: a bill that is shared out anew between two would make a residual out of nothing. The
 * row without a tenant has the totals, the bill from its lines and the rest from how it was shared.
 */
const ledgerText = (sums: string) => `
  with sums as (${sums}),
  bills as (
    select coalesce(sum(d.micro), 0)::text as bill
    from tenantry.bill_days d join tenantry.bills b on b.id = d.bill_id
    where b.state = 'current' and d.booked >= $1::date and d.booked < $2::date and b.currency = $3),
  rest as (
    select coalesce(sum(g.shared_micro), 0)::text as shared, coalesce(sum(g.idle_micro), 0)::text as idle,
           coalesce(sum(g.unallocated_micro), 0)::text as unallocated
    from tenantry.cost_groups g join tenantry.cost_allocations a on a.id = g.allocation_id
    join tenantry.bills b on b.id = a.bill_id
    where g.booked >= $1::date and g.booked < $2::date and b.currency = $3)
  select tenant_id as "tenantId", jsonb_object_agg(part, micro) as parts from sums group by tenant_id
  union all select null, to_jsonb(bills) || to_jsonb(rest) from bills, rest`;

/** What bills came to, read back: the ledger that `GET /v1/costs` answers from. */
export class CostStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Currencies of bills with charges in the window, the one with most bills first. */
  async currencies(actor: StaffActor, window: Window): Promise<readonly string[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ currency: string }>(
        `select b.currency from tenantry.bills b
         where b.state = 'current' and exists (
           select from tenantry.bill_days d where d.bill_id = b.id and d.booked >= $1::date and d.booked < $2::date)
         group by b.currency order by count(*) desc, b.currency`,
        days(window),
      ),
    );
    return rows.map(({ currency }) => currency);
  }

  /** Tenants in no order, those without a share absent; the totals are over all tenants whoever was asked for. */
  async ledger(actor: StaffActor, { window, tenants, currency }: LedgerQuestion): Promise<Ledger> {
    const text = ledgerText(isMonthStart(window.from) && isMonthStart(window.to) ? BY_MONTH : BY_DAY);
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<LedgerRow>(text, [...days(window), currency, tenants ?? null]),
    );
    const totals = rows.find(({ tenantId }) => tenantId === null)?.parts ?? {};
    const total = (name: string) => BigInt(totals[name] ?? 0);
    return {
      tenants: rows.flatMap(({ tenantId, parts }) => {
        if (tenantId === null) return [];
        return [{ tenantId, parts: new Map(Object.entries(parts).map(([part, micro]) => [part, BigInt(micro)])) }];
      }),
      ...{ billMicro: total('bill'), sharedMicro: total('shared') },
      ...{ idleMicro: total('idle'), unallocatedMicro: total('unallocated') },
    };
  }

  /** By the start of the day (Unix ms): what is to be paid, or what of it is these tenants'. Days without are absent. */
  async days(actor: StaffActor, { window, tenants, currency }: LedgerQuestion): Promise<ReadonlyMap<number, bigint>> {
    const asked = [...days(window), currency, ...(tenants === undefined ? [] : [tenants])];
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ day: string; micro: string }>(tenants === undefined ? DAYS_OF_BILLS : DAYS_OF_TENANTS, asked),
    );
    return new Map(rows.map(({ day, micro }) => [Date.parse(`${day}T00:00:00Z`), BigInt(micro)]));
  }

  /** Tenants of a plan, as it is now. */
  async tenantsOfPlan(actor: StaffActor, plan: string): Promise<readonly TenantId[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenantId: TenantId }>(
        'select tenant_id as "tenantId" from tenantry.tenants where plan = $1 order by tenant_id',
        [plan],
      ),
    );
    return rows.map(({ tenantId }) => tenantId);
  }

  /** Over all tenants, by what the groups of lines have in common; the most expensive first. */
  async sums(actor: StaffActor, window: Window, currency: string, by: LedgerGroup): Promise<readonly LedgerSum[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<Record<keyof LedgerSum, string>>(
        `select ${SUM_NAMES[by]} as name, sum(g.micro)::text as "billMicro", sum(g.tenants_micro)::text as "tenantsMicro",
                sum(g.shared_micro)::text as "sharedMicro", sum(g.idle_micro)::text as "idleMicro",
                sum(g.unallocated_micro)::text as "unallocatedMicro"
         from tenantry.cost_groups g join tenantry.cost_allocations a on a.id = g.allocation_id
         join tenantry.bills b on b.id = a.bill_id
         where g.booked >= $1::date and g.booked < $2::date and b.currency = $3
         group by 1 order by ${by === 'day' || by === 'month' ? 'name' : 'sum(g.micro) desc, name'}`,
        [...days(window), currency],
      ),
    );
    return rows.map(({ name, ...micros }) => ({
      name,
      billMicro: BigInt(micros.billMicro),
      tenantsMicro: BigInt(micros.tenantsMicro),
      sharedMicro: BigInt(micros.sharedMicro),
      idleMicro: BigInt(micros.idleMicro),
      unallocatedMicro: BigInt(micros.unallocatedMicro),
    }));
  }

  /** When usage of these keys was shared by a bill: AI that a bill covers is not estimated beside it. */
  async coveredBy(actor: StaffActor, window: Window): Promise<readonly { key: string; from: number; to: number }[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ key: string; from: number; to: number }>(
        `select distinct c.key, extract(epoch from c.usage_from)::float8 * 1000 as "from",
                extract(epoch from c.usage_to)::float8 * 1000 as "to"
         from tenantry.cost_bases c where c.key ~ '^ai_cost(:|$)' and c.usage_from < $2::timestamp at time zone 'UTC' and c.usage_to > $1::timestamp at time zone 'UTC'`,
        days(window),
      ),
    );
  }
}
