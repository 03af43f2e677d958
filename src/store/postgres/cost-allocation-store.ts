/** How bills were shared out: written whole, with its check, in the transaction that makes it count. */

import type { StaffActor } from '../../domain/actor.ts';
import type { ChargeKind } from '../../domain/bill.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { enterTenants } from './tenant-directory.ts';
import type { Transaction } from './transaction.ts';

/** Times are Unix ms, days the first of theirs. */
export interface GroupToKeep extends ChargeKind {
  readonly rule: string;
  readonly billingFrom: number;
  readonly billingTo: number;
  readonly usageFrom: number;
  readonly usageTo: number;
  readonly day: number;
  readonly booked: number;
  readonly exact: bigint;
  readonly micro: bigint;
  readonly tenantsMicro: bigint;
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
  readonly reason: string | null;
  readonly basisNos: readonly number[];
  readonly lineNos: readonly number[];
}

interface BasisToKeep {
  readonly key: string;
  readonly usageFrom: number;
  readonly usageTo: number;
  readonly total: bigint;
}

export interface SharesToKeep {
  readonly tenantId: TenantId;
  /** Places in `groups` and, beside them, the tenant's micro-units. */
  readonly groupNos: readonly number[];
  readonly micros: readonly bigint[];
  readonly basisNos: readonly number[];
  readonly usages: readonly bigint[];
}

export interface AllocationToKeep {
  readonly id: string;
  readonly rulesVersion: number;
  readonly groups: readonly GroupToKeep[];
  readonly bases: readonly BasisToKeep[];
  /** One for each tenant with a share. */
  readonly shares: readonly SharesToKeep[];
}

const GROUPS_AT_ONCE = 500;
const SHARES_AT_ONCE = 200;

const INSERT_GROUPS = `
  insert into tenantry.cost_groups (allocation_id, group_no, rule, part, provider, issuer, account, service, category,
    charge_category, correction, billing_from, billing_to, usage_from, usage_to, day, booked, exact, micro, tenants_micro,
    shared_micro, idle_micro, unallocated_micro, reason, basis_nos, line_nos)
  select $1, g."groupNo", g.rule, g.part, g.provider, g.issuer, g.account, g.service, g.category, g."chargeCategory",
    g.correction, to_timestamp(g."billingFrom" / 1000), to_timestamp(g."billingTo" / 1000),
    to_timestamp(g."usageFrom" / 1000), to_timestamp(g."usageTo" / 1000), (to_timestamp(g.day / 1000) at time zone 'UTC')::date,
    (to_timestamp(g.booked / 1000) at time zone 'UTC')::date, g.exact, g.micro, g."tenantsMicro", g."sharedMicro", g."idleMicro",
    g."unallocatedMicro", g.reason, g."basisNos", g."lineNos"
  from json_to_recordset($2::json) as g ("groupNo" int, rule text, part text, provider text, issuer text, account text,
    service text, category text, "chargeCategory" text, correction boolean, "billingFrom" float8, "billingTo" float8,
    "usageFrom" float8, "usageTo" float8, day float8, booked float8, exact numeric, micro bigint, "tenantsMicro" bigint,
    "sharedMicro" bigint, "idleMicro" bigint, "unallocatedMicro" bigint, reason text, "basisNos" int[], "lineNos" int[])`;

const INSERT_SHARES = `
  insert into tenantry.cost_shares (tenant_id, allocation_id, group_nos, micros, basis_nos, usages)
  select tenant, $1, group_nos::int[], micros::bigint[], basis_nos::int[], usages::numeric[]
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as s (tenant, group_nos, micros, basis_nos, usages)`;

const INSERT_MONTHS = `
  insert into tenantry.cost_months (tenant_id, month, part, allocation_id, currency, micro)
  select s.tenant_id, date_trunc('month', g.booked)::date, g.part, $1, $2, sum(u.micro)
  from tenantry.cost_shares s cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
  join tenantry.cost_groups g on g.allocation_id = s.allocation_id and g.group_no = u.group_no
  where s.allocation_id = $1 and s.tenant_id = any($3) group by 1, 2, 3`;

/** What was written, read back: sums of some tenants' shares by group. */
const SUMS = `
  select u.group_no as "groupNo", sum(u.micro)::text as micro from tenantry.cost_shares s
  cross join lateral unnest(s.group_nos, s.micros) as u (group_no, micro)
  where s.allocation_id = $1 and s.tenant_id = any($2) group by 1`;

/** Whatever makes a stored allocation differ from the stored lines; an empty answer is the proof that it does not. */
const FAULTS = `
  with sums as (
    select * from unnest($3::int[], $4::bigint[]) as sums (group_no, micro)),
  months as (
    select date_trunc('month', booked)::date as month, sum(tenants_micro) as micro from tenantry.cost_groups
    where allocation_id = $1 group by 1)
  select 'group' as what from tenantry.cost_groups g left join sums s using (group_no)
  where g.allocation_id = $1 and g.tenants_micro <> coalesce(s.micro, 0)
  union all
  select 'day' from (select booked, sum(micro) as micro from tenantry.cost_groups where allocation_id = $1 group by 1) g
  full join (select booked, sum(micro) as micro from tenantry.bill_days where bill_id = $2 group by 1) d using (booked)
  where coalesce(g.micro, 0) <> coalesce(d.micro, 0)
  union all
  select 'month' from months m
  full join (select month, sum(micro) as micro from tenantry.cost_months where allocation_id = $1 group by 1) c using (month)
  where coalesce(m.micro, 0) <> coalesce(c.micro, 0)
  union all
  select 'bill' from tenantry.bills b where b.id = $2
    and b.bill_micro <> coalesce((select sum(micro) from tenantry.bill_days where bill_id = $2), 0)
  union all
  select 'lines' from tenantry.bills b where b.id = $2
    and b.lines <> coalesce((select sum(cardinality(line_nos)) from tenantry.cost_groups where allocation_id = $1), 0)
  limit 5`;

/**
 * Writes an allocation in place of the bill's last one, and compares what was written with the bill's lines.
 * @throws TenantryError INTERNAL when they differ by a micro-unit; nothing is kept then
 */
export async function keepAllocation(
  transaction: Transaction,
  actor: StaffActor,
  { billId, currency, allocation }: { billId: string; currency: string; allocation: AllocationToKeep },
): Promise<void> {
  const { id, rulesVersion, groups, bases, shares } = allocation;
  await transaction.query('delete from tenantry.cost_allocations where bill_id = $1', [billId]);
  await transaction.query(
    'insert into tenantry.cost_allocations (id, bill_id, rules_version, created_by) values ($1, $2, $3, $4)',
    [id, billId, rulesVersion, actor.subject],
  );
  for (let start = 0; start < groups.length; start += GROUPS_AT_ONCE) {
    const rows = groups
      .slice(start, start + GROUPS_AT_ONCE)
      .map((group, index) => ({ groupNo: start + index, ...group }));
    await transaction.query(INSERT_GROUPS, [id, JSON.stringify(rows, asText)]);
  }
  await transaction.query(
    `insert into tenantry.cost_bases (allocation_id, basis_no, key, usage_from, usage_to, total)
     select $1, (place - 1)::int, key, to_timestamp(f / 1000), to_timestamp(t / 1000), total
     from unnest($2::text[], $3::float8[], $4::float8[], $5::numeric[]) with ordinality as b (key, f, t, total, place)`,
    [
      id,
      bases.map(({ key }) => key),
      bases.map(({ usageFrom }) => usageFrom),
      bases.map(({ usageTo }) => usageTo),
      bases.map(({ total }) => String(total)),
    ],
  );
  const sums = await keepShares(transaction, { id, currency, shares });
  const faults = await transaction.query<{ what: string }>(FAULTS, [
    ...[id, billId, [...sums.keys()]],
    [...sums.values()].map(String),
  ]);
  if (faults.length > 0) {
    throw new TenantryError(
      'INTERNAL',
      `What was shared out is not the bill: ${faults.map(({ what }) => what).join(', ')}`,
    );
  }
}

/**
 * Some tenants at a time: millions of shares in one statement would run into the statement timeout.
 * @returns what the database holds now, by group
 */
async function keepShares(
  transaction: Transaction,
  { id, currency, shares }: { id: string; currency: string; shares: readonly SharesToKeep[] },
): Promise<ReadonlyMap<number, bigint>> {
  const sums = new Map<number, bigint>();
  const literal = (values: readonly (number | bigint)[]) => `{${values.join(',')}}`;
  for (let start = 0; start < shares.length; start += SHARES_AT_ONCE) {
    const some = shares.slice(start, start + SHARES_AT_ONCE);
    const tenants = some.map(({ tenantId }) => tenantId);
    await enterTenants(transaction, tenants);
    await transaction.query(INSERT_SHARES, [
      id,
      tenants,
      some.map(({ groupNos }) => literal(groupNos)),
      some.map(({ micros }) => literal(micros)),
      some.map(({ basisNos }) => literal(basisNos)),
      some.map(({ usages }) => literal(usages)),
    ]);
    await transaction.query(INSERT_MONTHS, [id, currency, tenants]);
    for (const { groupNo, micro } of await transaction.query<{ groupNo: number; micro: string }>(SUMS, [id, tenants])) {
      sums.set(groupNo, (sums.get(groupNo) ?? 0n) + BigInt(micro));
    }
  }
  return sums;
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
