/**
 * Bills. A bill:
 *
 *   importing -> current -> superseded     by a newer version of the same bill
 *                        -> removed        by a person
 *             -> (deleted)                 refused, only looked at, or its import died
 *
 * Lines come in many transactions while it is `importing`, and count nowhere; one transaction makes it current together
 * with how it was shared out, or not at all.
 */
import type { StaffActor } from '../../domain/actor.ts';
import type { Bill, BillLine, BillProblem } from '../../domain/bill.ts';
import { TenantryError } from '../../domain/errors.ts';
import {
  BILL_COLUMNS,
  type BillRow,
  billFromRow,
  INSERT_LINES,
  LINE_COLUMNS,
  type LineRow,
  lineFromRow,
  lineToRow,
} from './bill-rows.ts';
import { endBills, makeRoom, refuseClosed } from './bill-succession.ts';
import { type LinesSummary, readSummary } from './bill-summary.ts';
import { type AllocationToKeep, keepAllocation } from './cost-allocation-store.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';
import type { StaffTransaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

const IMPORTING = 'lines of an import count nowhere yet; the bill is recorded when it does';
/** Any constant: whoever makes bills current does it one after the other, so that two cannot miss each other. */
const BILLS_LOCK = 7_070_014;
const MOST_DUPLICATES = 100;
/** An import that was not heard of for so long has died with its server. */
const DEAD_AFTER = '1 hour';

export type NewBill = Pick<Bill, 'id' | 'format' | 'focusVersion' | 'fileName' | 'measure'>;

export interface BillToKeep {
  readonly bill: Pick<Bill, 'id' | 'sha256' | 'currency' | 'rates' | 'billMicro'>;
  readonly summary: LinesSummary;
  /** Micro-units by day, and the day on which each counts. */
  readonly days: readonly { readonly day: number; readonly booked: number; readonly micro: bigint }[];
  readonly allocation: AllocationToKeep;
  /** Take the place of bills that hold the same charges. */
  readonly replace: boolean;
}

export class BillStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Begins an import; what died of earlier ones is cleared away. */
  async begin(actor: StaffActor, { id, format, focusVersion, fileName, measure }: NewBill): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      transaction.unaudited(IMPORTING);
      await transaction.query(
        `delete from tenantry.bills where state = 'importing' and created_at < clock_timestamp() - $1::interval`,
        [DEAD_AFTER],
      );
      await transaction.query(
        `insert into tenantry.bills (id, state, format, focus_version, file_name, measure, created_by)
         values ($1, 'importing', $2, $3, $4, $5, $6)`,
        [id, format, focusVersion, fileName.slice(0, 255), measure, actor.subject],
      );
    });
  }

  /** `keys`: hex, beside the lines: what makes each the same as another. */
  async addLines(actor: StaffActor, id: string, lines: readonly BillLine[], keys: readonly string[]): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      transaction.unaudited(IMPORTING);
      const rows = lines.map((line, index) => lineToRow(line, keys[index] ?? ''));
      await transaction.query(INSERT_LINES, [id, JSON.stringify(rows)]);
      await transaction.query('update tenantry.bills set lines = lines + $2 where id = $1', [id, lines.length]);
    });
  }

  /** Forgets a bill that never counted. */
  async discard(actor: StaffActor, id: string): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      transaction.unaudited(IMPORTING);
      await transaction.query(`delete from tenantry.bills where id = $1 and state = 'importing'`, [id]);
    });
  }

  /** Lines that are there twice, by the keys that they came with; the first hundred. `onlyIds`: by their own ids only. */
  async duplicates(actor: StaffActor, id: string, onlyIds: boolean): Promise<readonly BillProblem[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<BillProblem>(
        `select line, 'it is line ' || first || ' again: '
                  || case when by_id then 'both have the same line id' else 'every cell is the same' end as problem
         from (select line, get_byte(line_key, 0) = 1 as by_id, min(line) over (partition by line_key) as first
               from tenantry.bill_lines where bill_id = $1) l
         where line > first and (by_id or not $3) order by line limit $2`,
        [id, MOST_DUPLICATES, onlyIds],
      ),
    );
  }

  /** First days (Unix ms) of the months that are closed. */
  async closedMonths(actor: StaffActor): Promise<ReadonlySet<number>> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<{ month: number }>(
        `select ${unixMs(`month::timestamp at time zone 'UTC'`)} as month from tenantry.ai_months`,
      ),
    );
    return new Set(rows.map(({ month }) => month));
  }

  async summary(actor: StaffActor, id: string): Promise<LinesSummary> {
    return this.#postgres.inStaffTransaction(actor, (transaction) => readSummary(transaction, id));
  }

  /** In the order of the file, after line `after`; or those with these numbers. */
  async lines(
    actor: StaffActor,
    id: string,
    page: { readonly after: number; readonly limit: number; readonly only?: readonly number[] },
  ): Promise<readonly Omit<BillLine, 'key'>[]> {
    if (!isUuid(id)) return [];
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<LineRow>(
        `select ${LINE_COLUMNS} from tenantry.bill_lines
         where bill_id = $1 and line > $2 and ($4::int[] is null or line = any($4)) order by line limit $3`,
        [id, page.after, page.limit, page.only ?? null],
      ),
    );
    return rows.map(lineFromRow);
  }

  /** The first so many lines, by number, of those that each question names; answers in the order of the questions. */
  async linesOf(
    actor: StaffActor,
    asked: readonly { readonly billId: string; readonly only: readonly number[]; readonly limit: number }[],
  ): Promise<readonly (readonly Omit<BillLine, 'key'>[])[]> {
    const known = asked.map((one, place) => ({ ...one, place })).filter(({ billId }) => isUuid(billId));
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<LineRow & { readonly place: number }>(
        `select asked.place, found.*
         from jsonb_to_recordset($1::jsonb) as asked (place int, "billId" uuid, "only" int[], "limit" int)
         cross join lateral (
           select ${LINE_COLUMNS} from tenantry.bill_lines
           where bill_id = asked."billId" and line = any(asked."only") order by line limit asked."limit") found
         order by asked.place, found.line`,
        [JSON.stringify(known)],
      ),
    );
    const answers: Omit<BillLine, 'key'>[][] = asked.map(() => []);
    for (const { place, ...row } of rows) answers[place]?.push(lineFromRow(row));
    return answers;
  }

  /**
   * Makes imported bills count, and how they were shared out with them: all of them, or none.
   * @returns beside the bills, the ids of those whose place each took
   * @throws TenantryError CONFLICT when one is there already, or overlaps others that it is not to replace
   */
  async keep(actor: StaffActor, bills: readonly BillToKeep[]): Promise<readonly (readonly string[])[]> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('select pg_advisory_xact_lock($1)', [BILLS_LOCK]);
      const replaced: (readonly string[])[] = [];
      for (const bill of bills) replaced.push(await keepBill(transaction, actor, bill));
      return replaced;
    });
  }

  /** Shares a current bill out anew. @throws TenantryError CONFLICT when it is not current or has charges in a closed month */
  async reallocate(actor: StaffActor, id: string, allocation: AllocationToKeep): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('select pg_advisory_xact_lock($1)', [BILLS_LOCK]);
      const [bill] = await transaction.query<{ currency: string }>(
        `select currency from tenantry.bills where id = $1 and state = 'current'`,
        [id],
      );
      if (bill === undefined) throw new TenantryError('CONFLICT', 'This bill has been replaced or removed meanwhile.');
      await refuseClosed(transaction, [id]);
      await keepAllocation(transaction, actor, { billId: id, currency: bill.currency, allocation });
      await transaction.audit({
        action: 'bill.allocate',
        resource: `bill/${id}`,
        after: { allocation: allocation.id, rulesVersion: allocation.rulesVersion },
      });
    });
  }

  /** Newest first. */
  async list(actor: StaffActor, page: { limit: number; offset: number; ended: boolean }): Promise<readonly Bill[]> {
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<BillRow>(
        `select ${BILL_COLUMNS} from tenantry.bills b where b.state in ('importing', 'current') or $3
         order by b.created_at desc, b.id limit $1 offset $2`,
        [page.limit, page.offset, page.ended],
      ),
    );
    return rows.map(billFromRow);
  }

  /** Undefined if there is none with this id. */
  async find(actor: StaffActor, id: string): Promise<Bill | undefined> {
    if (!isUuid(id)) return undefined;
    const rows = await this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<BillRow>(`select ${BILL_COLUMNS} from tenantry.bills b where b.id = $1`, [id]),
    );
    return rows[0] === undefined ? undefined : billFromRow(rows[0]);
  }

  /** Takes a bill out of all answers; it stays listed. False if no current bill has this id. */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      await transaction.query('select pg_advisory_xact_lock($1)', [BILLS_LOCK]);
      const gone = await endBills(transaction, actor, [id], 'removed');
      if (gone.length === 0) return false;
      await transaction.audit({ action: 'bill.remove', resource: `bill/${id}`, before: { id } });
      return true;
    });
  }
}

async function keepBill(
  transaction: StaffTransaction,
  actor: StaffActor,
  { bill, summary, days, allocation, replace }: BillToKeep,
): Promise<readonly string[]> {
  const { sha256, currency } = bill;
  const replaced = await makeRoom(transaction, actor, { sha256, currency, summary, replace });
  for (const { issuer, account, invoice, currency: billed, from, to } of summary.identities) {
    await transaction.query(
      `insert into tenantry.bill_identities (bill_id, issuer, account, invoice, currency, period_from, period_to)
       values ($1, $2, $3, $4, $5, ${fromUnixMs('$6')}, ${fromUnixMs('$7')})`,
      [bill.id, issuer, account, invoice, billed, from, to],
    );
  }
  await transaction.query(
    `insert into tenantry.bill_days (bill_id, day, booked, micro)
     select $1, (to_timestamp(d / 1000) at time zone 'UTC')::date, (to_timestamp(b / 1000) at time zone 'UTC')::date, m
     from unnest($2::float8[], $3::float8[], $4::bigint[]) as days (d, b, m)`,
    [bill.id, days.map(({ day }) => day), days.map(({ booked }) => booked), days.map(({ micro }) => String(micro))],
  );
  const rows = await transaction.query(
    `update tenantry.bills set state = 'current', sha256 = $2, currency = $3, rates = $4::jsonb, bill_micro = $5,
       lines = $6, rounded_lines = $7, charges_from = ${fromUnixMs('$8')}, charges_to = ${fromUnixMs('$9')},
       correction = $10, replaces = $11::uuid[]
     where id = $1 and state = 'importing' returning id`,
    [
      ...[bill.id, sha256, currency, JSON.stringify(bill.rates), String(bill.billMicro), summary.lines],
      ...[summary.roundedLines, summary.from, summary.to, days.some(({ day, booked }) => day !== booked), replaced],
    ],
  );
  if (rows.length === 0) throw new TenantryError('CONFLICT', 'This import has ended already.');
  await keepAllocation(transaction, actor, { billId: bill.id, currency, allocation });
  await transaction.audit({
    action: replaced.length === 0 ? 'bill.import' : 'bill.replace',
    resource: `bill/${bill.id}`,
    after: {
      ...{ sha256, currency, rates: bill.rates, billMicro: String(bill.billMicro), lines: summary.lines, replaced },
      ...{ identities: summary.identities, rulesVersion: allocation.rulesVersion },
    },
  });
  return replaced;
}
