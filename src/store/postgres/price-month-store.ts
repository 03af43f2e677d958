import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { StaffTransaction, Transaction } from './transaction.ts';

const KEEPER: StaffActor = { kind: 'system', subject: 'ai-months' };
/** Rows in one statement: a large estate's month has some ten thousands. */
const LINES_AT_ONCE = 10_000;

/** A month whose AI costs are final. Times are Unix ms. */
export interface ClosedMonth {
  /** Its first moment in UTC. */
  readonly month: number;
  readonly closedBy: string;
  readonly closedAt: number;
  /** Version of the price book that it stands on: of the close, or of the last repricing since. */
  readonly bookVersion: number;
}

/** What a tenant's calls to a model cost in a month; differences, in a correction. */
export interface MonthLine {
  readonly tenantId: TenantId;
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly unpricedCalls: number;
  readonly costPico: bigint;
}

/** A line of a month as it stands there. */
export interface WrittenLine extends MonthLine {
  readonly month: number;
  /** null: the figure at the close. */
  readonly repricing: string | null;
}

export interface Repricing {
  readonly id: string;
  /** Unix ms, months, half-open. */
  readonly from: number;
  readonly to: number;
  readonly bookVersion: number;
  readonly reason: string;
  readonly lines: number;
  readonly differenceMicro: number;
  readonly by: string;
  readonly at: number;
}

export interface NewRepricing {
  readonly from: number;
  readonly to: number;
  readonly bookVersion: number;
  readonly reason: string;
  readonly differenceMicro: bigint;
  readonly corrections: readonly (MonthLine & { readonly month: number })[];
  /** The closed months and what they stood on when the differences were made. */
  readonly months: readonly { readonly month: number; readonly bookVersion: number }[];
}

interface LineRow {
  readonly tenant_id: TenantId;
  readonly month: number;
  readonly repricing: string | null;
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly unpriced_calls: number;
  readonly cost_pico: string;
}

const monthMs = (column: string) => unixMs(`${column}::timestamp at time zone 'UTC'`);
const dateOf = (month: number) => new Date(month).toISOString().slice(0, 10);

/** Closed months, what they cost, and the corrections of it. */
export class PriceMonthStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** The oldest first. */
  async closed(): Promise<readonly ClosedMonth[]> {
    return this.#postgres.inReadTransaction(KEEPER, (transaction) =>
      transaction.query<ClosedMonth>(
        `select ${monthMs('month')} as month, closed_by as "closedBy", ${unixMs('closed_at')} as "closedAt",
                book_version::float8 as "bookVersion" from tenantry.ai_months order by ai_months.month`,
      ),
    );
  }

  /** What stands in closed months, corrections added up, of everybody or of the tenants given. */
  async standing(months: readonly number[], tenants?: readonly TenantId[]): Promise<readonly MonthLine[]> {
    if (months.length === 0) return [];
    return this.#postgres.inReadTransaction(KEEPER, (transaction) => readStanding(transaction, months, tenants));
  }

  /** The same of one tenant, as the role that sees no other's. */
  async standingOf(tenant: TenantId, months: readonly number[]): Promise<readonly MonthLine[]> {
    if (months.length === 0) return [];
    return this.#postgres.inTenantTransaction(tenant, (transaction) => readStanding(transaction, months, [tenant]));
  }

  /** Every line of a month in the order in which they were written, of one tenant or of all. */
  async lines(actor: StaffActor, month: number, tenant?: TenantId): Promise<readonly WrittenLine[]> {
    const rows = await this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<LineRow>(
        `select tenant_id, ${monthMs('month')} as month, repricing, provider, model, calls::float8 as calls,
                unpriced_calls::float8 as unpriced_calls, cost_pico
         from tenantry.ai_month_lines where month = $1 and ($2::text is null or tenant_id = $2)
         order by tenant_id, ai_month_lines.id`,
        [dateOf(month), tenant ?? null],
      ),
    );
    return rows.map((row) => ({ ...lineOf(row), month: row.month, repricing: row.repricing }));
  }

  /**
   * Writes down what a month cost, for good.
   * @throws TenantryError CONFLICT when it is closed already
   */
  async close(
    actor: StaffActor,
    {
      month,
      bookVersion,
      lines,
    }: { readonly month: number; readonly bookVersion: number; readonly lines: readonly MonthLine[] },
  ): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const made = await transaction.query(
        `insert into tenantry.ai_months (month, closed_by, book_version) values ($1, $2, $3)
         on conflict do nothing returning month`,
        [dateOf(month), actor.subject, bookVersion],
      );
      if (made.length === 0) {
        throw new TenantryError('CONFLICT', `${dateOf(month).slice(0, 7)} is closed already.`, {
          hint: 'POST /v1/repricings corrects closed months.',
        });
      }
      await insertLines(
        transaction,
        lines.map((line) => ({ ...line, month })),
        null,
      );
      await transaction.audit({
        action: 'month.close',
        resource: `months/${dateOf(month).slice(0, 7)}`,
        after: { book_version: bookVersion, lines: lines.length, cost_pico: String(sumOf(lines)) },
      });
    });
  }

  /**
   * Writes corrections beside what closed months say.
   * @throws TenantryError CONFLICT when one of the months was repriced, or one more was closed, in the meantime
   */
  async reprice(actor: StaffActor, repricing: NewRepricing): Promise<Repricing> {
    const { from, to, bookVersion, reason, corrections, months, differenceMicro } = repricing;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const held = await transaction.query<{ month: number; version: number }>(
        `select ${monthMs('month')} as month, book_version::float8 as version from tenantry.ai_months
         where month >= $1 and month < $2 order by ai_months.month for update`,
        [dateOf(from), dateOf(to)],
      );
      const isSame =
        held.length === months.length &&
        held.every((row) => months.some((one) => one.month === row.month && one.bookVersion === row.version));
      if (!isSame) {
        throw new TenantryError('CONFLICT', 'One of the months was closed or repriced in the meantime.', {
          hint: 'Make the preview again.',
        });
      }
      const [row] = await transaction.query<Repricing>(
        `insert into tenantry.repricings (from_month, to_month, book_version, reason, lines, difference_micro, by)
         values ($1, $2, $3, $4, $5, $6, $7) returning ${REPRICING_COLUMNS}`,
        [dateOf(from), dateOf(to), bookVersion, reason, corrections.length, String(differenceMicro), actor.subject],
      );
      if (row === undefined) throw new TenantryError('INTERNAL', 'The repricing just written cannot be read');
      await insertLines(transaction, corrections, row.id);
      await transaction.query(`update tenantry.ai_months set book_version = $1 where month >= $2 and month < $3`, [
        bookVersion,
        dateOf(from),
        dateOf(to),
      ]);
      await transaction.audit({ action: 'repricing.apply', resource: `repricings/${row.id}`, after: row });
      return row;
    });
  }

  /** Newest first. */
  async repricings(actor: StaffActor, limit: number): Promise<readonly Repricing[]> {
    return this.#postgres.inReadTransaction(actor, (transaction) =>
      transaction.query<Repricing>(
        `select ${REPRICING_COLUMNS} from tenantry.repricings order by repricings.at desc limit $1`,
        [limit],
      ),
    );
  }
}

const REPRICING_COLUMNS = `id, ${monthMs('from_month')} as "from", ${monthMs('to_month')} as "to",
  book_version::float8 as "bookVersion", reason, lines, difference_micro::float8 as "differenceMicro", by, ${unixMs('at')} as at`;

async function readStanding(
  transaction: Transaction,
  months: readonly number[],
  tenants: readonly TenantId[] | undefined,
): Promise<readonly MonthLine[]> {
  const rows = await transaction.query<LineRow>(
    `select tenant_id, provider, model, sum(calls)::float8 as calls, sum(unpriced_calls)::float8 as unpriced_calls,
            sum(cost_pico) as cost_pico
     from tenantry.ai_month_lines
     where month = any($1::date[]) and ($2::text[] is null or tenant_id = any($2))
     group by tenant_id, provider, model`,
    [months.map(dateOf), tenants ?? null],
  );
  return rows.map(lineOf);
}

function lineOf(row: Omit<LineRow, 'month' | 'repricing'>): MonthLine {
  return {
    tenantId: row.tenant_id,
    provider: row.provider,
    model: row.model,
    calls: row.calls,
    unpricedCalls: row.unpriced_calls,
    costPico: BigInt(row.cost_pico),
  };
}

async function insertLines(
  transaction: StaffTransaction,
  lines: readonly (MonthLine & { readonly month: number })[],
  repricing: string | null,
): Promise<void> {
  for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
    const some = lines.slice(from, from + LINES_AT_ONCE);
    await transaction.query(
      `insert into tenantry.ai_month_lines (tenant_id, month, repricing, provider, model, calls, unpriced_calls, cost_pico)
       select tenant_id, month, $1, provider, model, calls, unpriced, pico
       from unnest($2::text[], $3::date[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::numeric[])
            as t (tenant_id, month, provider, model, calls, unpriced, pico)`,
      [
        repricing,
        some.map(({ tenantId }) => tenantId),
        some.map(({ month }) => dateOf(month)),
        some.map(({ provider }) => provider),
        some.map(({ model }) => model),
        some.map(({ calls }) => calls),
        some.map(({ unpricedCalls }) => unpricedCalls),
        some.map(({ costPico }) => String(costPico)),
      ],
    );
  }
}

function sumOf(lines: readonly MonthLine[]): bigint {
  return lines.reduce((sum, { costPico }) => sum + costPico, 0n);
}
