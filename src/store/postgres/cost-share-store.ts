import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import { isUuid } from './uuid.ts';

/** One tenant's share of lines that were shared together. Times are Unix ms. */
export interface ExplainedShare {
  readonly billId: string;
  readonly currency: string;
  readonly rates: Readonly<Record<string, string>>;
  readonly rulesVersion: number;
  readonly groupNo: number;
  readonly rule: string;
  readonly part: string;
  readonly provider: string;
  readonly service: string;
  readonly chargeCategory: string;
  readonly from: number;
  readonly to: number;
  readonly booked: number;
  readonly groupMicro: bigint;
  /** Not in use, and so nobody's. */
  readonly idleMicro: bigint;
  readonly shareMicro: bigint;
  readonly lineNos: readonly number[];
  readonly bases: readonly { readonly key: string; readonly usage: bigint; readonly total: bigint }[];
}

interface ShareRow extends Omit<ExplainedShare, 'groupMicro' | 'idleMicro' | 'shareMicro' | 'bases'> {
  readonly groupMicro: string;
  readonly idleMicro: string;
  readonly shareMicro: string;
  readonly bases: readonly { readonly key: string; readonly usage: string; readonly total: string }[];
}

const EXPLAIN = `
  with own as (
    select s.allocation_id, s.basis_nos, s.usages, u.group_no, u.micro
    from tenantry.cost_shares s cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
    where s.tenant_id = $1)
  select b.id as "billId", b.currency, b.rates, a.rules_version as "rulesVersion", g.group_no as "groupNo", g.rule, g.part,
    g.provider, g.service, g.charge_category as "chargeCategory", ${unixMs('g.usage_from')} as "from",
    ${unixMs('g.usage_to')} as "to", ${unixMs(`g.booked::timestamp at time zone 'UTC'`)} as booked,
    g.micro::text as "groupMicro", g.idle_micro::text as "idleMicro", own.micro::text as "shareMicro", g.line_nos as "lineNos",
    coalesce((
      select jsonb_agg(jsonb_build_object('key', c.key, 'total', c.total::text,
          'usage', coalesce(own.usages[array_position(own.basis_nos, c.basis_no)], 0)::text) order by c.basis_no)
      from tenantry.cost_bases c
      where c.allocation_id = g.allocation_id and c.basis_no = any(g.basis_nos)), '[]') as bases
  from own
  join tenantry.cost_groups g on g.allocation_id = own.allocation_id and g.group_no = own.group_no
  join tenantry.cost_allocations a on a.id = g.allocation_id
  join tenantry.bills b on b.id = a.bill_id
  where g.booked >= $2::date and g.booked < $3::date and b.currency = $4 and ($5::text is null or g.part = $5)
  order by abs(own.micro) desc, g.booked, b.id, g.group_no limit $6 offset $7`;

/** How bills were shared out, by bill or by tenant. */
export class CostShareStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** What a bill comes to by day, and the day on which that counts (Unix ms). */
  async days(actor: StaffActor, billId: string): Promise<readonly { day: number; booked: number; micro: bigint }[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ day: number; booked: number; micro: string }>(
        `select ${unixMs(`day::timestamp at time zone 'UTC'`)} as day, ${unixMs(`booked::timestamp at time zone 'UTC'`)} as booked,
                micro::text as micro
         from tenantry.bill_days where bill_id = $1 order by day`,
        [billId],
      ),
    );
    return rows.map(({ micro, ...row }) => ({ ...row, micro: BigInt(micro) }));
  }

  /** How a bill is shared out now; nothing to nobody where it is not. */
  async sums(actor: StaffActor, billId: string) {
    if (!isUuid(billId)) return { ...NOTHING };
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const tenants = await transaction.query<{ tenantId: TenantId; micro: string }>(
        `select s.tenant_id as "tenantId", (select sum(micro) from unnest(s.micros) micro)::text as micro
         from tenantry.cost_shares s join tenantry.cost_allocations a on a.id = s.allocation_id
         where a.bill_id = $1 order by s.tenant_id`,
        [billId],
      );
      const reasons = await transaction.query<
        Record<'bill' | 'shared' | 'idle' | 'unallocated', string> & { reason: string | null; lines: number }
      >(
        `select g.reason, sum(g.micro)::text as bill, sum(g.shared_micro)::text as shared, sum(g.idle_micro)::text as idle,
                sum(g.unallocated_micro)::text as unallocated, sum(cardinality(g.line_nos))::int as lines
         from tenantry.cost_groups g join tenantry.cost_allocations a on a.id = g.allocation_id
         where a.bill_id = $1 group by g.reason order by abs(sum(g.unallocated_micro)) desc, g.reason`,
        [billId],
      );
      const total = (name: 'bill' | 'shared' | 'idle' | 'unallocated') =>
        reasons.reduce((sum, row) => sum + BigInt(row[name]), 0n);
      return {
        ...{ billMicro: total('bill'), sharedMicro: total('shared'), idleMicro: total('idle') },
        unallocatedMicro: total('unallocated'),
        tenants: tenants.map(({ tenantId, micro }) => ({ tenantId, micro: BigInt(micro) })),
        unallocated: reasons.flatMap(({ reason, unallocated, lines }) =>
          reason === null ? [] : [{ reason, micro: BigInt(unallocated), lines }],
        ),
      };
    });
  }

  /** What a tenant's costs are made of, the largest share first. */
  async explain(
    actor: StaffActor,
    tenant: TenantId,
    {
      window,
      part,
      currency,
    }: { readonly window: Window; readonly part: string | undefined; readonly currency: string },
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly ExplainedShare[]> {
    const [from, to] = [window.from, window.to].map((time) => new Date(time).toISOString().slice(0, 10));
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<ShareRow>(EXPLAIN, [tenant, from, to, currency, part ?? null, page.limit, page.offset]),
    );
    return rows.map(({ groupMicro, idleMicro, shareMicro, bases, ...row }) => ({
      ...row,
      ...{ groupMicro: BigInt(groupMicro), idleMicro: BigInt(idleMicro), shareMicro: BigInt(shareMicro) },
      bases: bases.map(({ key, usage, total }) => ({ key, usage: BigInt(usage), total: BigInt(total) })),
    }));
  }

  /** Every tenant that is known, for rules that take a tenant's name from a line. */
  async tenants(actor: StaffActor): Promise<ReadonlySet<TenantId>> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenantId: TenantId }>('select tenant_id as "tenantId" from tenantry.tenants'),
    );
    return new Set(rows.map(({ tenantId }) => tenantId));
  }

  /** Who was on which plan at a moment (Unix ms), by tenant id. */
  async plansAt(actor: StaffActor, at: number): Promise<ReadonlyMap<TenantId, string>> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ tenantId: TenantId; plan: string }>(
        `select t.tenant_id as "tenantId", coalesce(h.plan, case when h.tenant_id is null then t.plan end) as plan
         from tenantry.tenants t left join lateral (
           select tenant_id, plan from tenantry.tenant_plan_history
           where tenant_id = t.tenant_id and effective_from < to_timestamp($1::float8 / 1000)
           order by effective_from desc limit 1) h on true
         order by t.tenant_id`,
        [at],
      ),
    );
    return new Map(rows.filter(({ plan }) => plan !== null).map(({ tenantId, plan }) => [tenantId, plan]));
  }
}

const NOTHING = { billMicro: 0n, sharedMicro: 0n, idleMicro: 0n, unallocatedMicro: 0n, tenants: [], unallocated: [] };
