/** Writes archived rows of one tenant back, in a transaction that somebody else has begun. */
import type { TenantId } from '../../domain/tenant-id.ts';
import { SCHEMA } from './roles.ts';
import type { PostgresColumn, PostgresTenantTable } from './tenant-data.ts';
import type { Transaction } from './transaction.ts';

/** A foreign key to rows of no tenant. */
interface OuterReference {
  readonly table: string;
  readonly target: string;
  readonly columns: readonly string[];
  readonly targetColumns: readonly string[];
}

export interface RowTarget {
  readonly tenant: TenantId;
  /** Beside the tenant that the rows are of: ids that are looked up alone must not be there twice. */
  readonly isCopy: boolean;
}

const OUTER_REFERENCES = `
  select c.relname::text as "table", r.relname::text as target,
    (select json_agg(a.attname order by array_position(k.conkey, a.attnum)) from pg_catalog.pg_attribute a
     where a.attrelid = k.conrelid and a.attnum = any(k.conkey)) as columns,
    (select json_agg(a.attname order by array_position(k.confkey, a.attnum)) from pg_catalog.pg_attribute a
     where a.attrelid = k.confrelid and a.attnum = any(k.confkey)) as "targetColumns"
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class c on c.oid = k.conrelid
  join pg_catalog.pg_class r on r.oid = k.confrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where k.contype = 'f' and n.nspname = '${SCHEMA}' and not exists (
    select from pg_catalog.pg_attribute a where a.attrelid = r.oid and a.attname = 'tenant_id' and not a.attisdropped)`;

export class RowRestore {
  readonly #transaction: Transaction;
  readonly #target: RowTarget;
  readonly #references: readonly OuterReference[];

  private constructor(transaction: Transaction, target: RowTarget, references: readonly OuterReference[]) {
    this.#transaction = transaction;
    this.#target = target;
    this.#references = references;
  }

  static async into(transaction: Transaction, target: RowTarget): Promise<RowRestore> {
    return new RowRestore(transaction, target, await transaction.query<OuterReference>(OUTER_REFERENCES));
  }

  /** Which of the tables have rows of the tenant. That it is entered is nothing: telemetry does that by itself. */
  async occupied(tables: readonly PostgresTenantTable[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { table } of tables.filter((one) => one.table !== 'tenants')) {
      const rows = await this.#transaction.query(
        `select 1 from ${SCHEMA}.${quotedName(table)} where tenant_id = $1 limit 1`,
        [this.#target.tenant],
      );
      if (rows.length > 0) found.push(table);
    }
    return found;
  }

  /** Deletes the tenant's rows of these tables, given in an order in which rows can be inserted. */
  async clear(tables: readonly PostgresTenantTable[]): Promise<void> {
    for (const { table } of tables.toReversed().filter((one) => one.table !== 'tenants')) {
      await this.#transaction.query(`delete from ${SCHEMA}.${quotedName(table)} where tenant_id = $1`, [
        this.#target.tenant,
      ]);
    }
  }

  /**
   * Inserts rows, JSON objects of the table's columns. Rows that refer to something of the operator's that is not here
   * are left out, and counted by their absence.
   * @returns how many were inserted
   */
  async insert(table: PostgresTenantTable, columns: readonly string[], rows: readonly string[]): Promise<number> {
    const given = table.columns.filter(({ name, generated }) => generated === null && columns.includes(name));
    const outer = this.#references.filter((reference) => reference.table === table.table);
    const name = `${SCHEMA}.${quotedName(table.table)}`;
    if (outer.some(({ target }) => target === 'plans')) await this.#enterPlans(table, rows);
    const values = given.map((column) => this.#value(column, outer));
    const there = outer.map(
      (reference) =>
        `(${reference.columns.map((column) => `g.${quotedName(column)} is null`).join(' or ')} or exists (
           select from ${SCHEMA}.${quotedName(reference.target)} o where ${reference.columns
             .map((column, index) => `o.${quotedName(reference.targetColumns[index] ?? '')} = g.${quotedName(column)}`)
             .join(' and ')}))`,
    );
    // Numbers that the database gives are given anew, in the order of the old ones: elsewhere the old may be taken.
    const numbered = table.columns.find(({ generated }) => generated === 'identity');
    const order = numbered === undefined ? '' : `order by g.${quotedName(numbered.name)}`;
    const done = await this.#transaction.query(
      `insert into ${name} (${given.map((column) => quotedName(column.name)).join(', ')})
       select ${values.join(', ')} from jsonb_populate_recordset(null::${name}, $1::jsonb) g
       where $2::text is not null ${there.map((condition) => `and ${condition}`).join(' ')} ${order}
       ${table.table === 'tenants' ? upsert(given) : ''} returning 1`,
      [`[${rows.join(',')}]`, this.#target.tenant],
    );
    return done.length;
  }

  async count({ table }: PostgresTenantTable): Promise<number> {
    const [row] = await this.#transaction.query<{ n: number }>(
      `select count(*)::int as n from ${SCHEMA}.${quotedName(table)} where tenant_id = $1`,
      [this.#target.tenant],
    );
    return row?.n ?? 0;
  }

  /** Plans by name alone; their terms are no tenant's. */
  async #enterPlans(table: PostgresTenantTable, rows: readonly string[]): Promise<void> {
    await this.#transaction.query(
      `insert into ${SCHEMA}.plans (name) select distinct g.plan
       from jsonb_populate_recordset(null::${SCHEMA}.${quotedName(table.table)}, $1::jsonb) g
       where g.plan is not null on conflict do nothing`,
      [`[${rows.join(',')}]`],
    );
  }

  #value({ name, type }: PostgresColumn, outer: readonly OuterReference[]): string {
    if (name === 'tenant_id') return '$2';
    const pointsOut = outer.some(({ columns }) => columns.includes(name));
    if (!this.#target.isCopy || type !== 'uuid' || pointsOut) return `g.${quotedName(name)}`;
    // The same new id wherever the old one stands.
    return `case when g.${quotedName(name)} is not null then md5($2 || g.${quotedName(name)}::text)::uuid end`;
  }
}

/** Number of the newest migration. */
export async function postgresSchemaVersion(transaction: Pick<Transaction, 'query'>): Promise<number> {
  const [row] = await transaction.query<{ version: number }>(
    `select coalesce(max(number), 0)::int as version from ${SCHEMA}.migrations`,
  );
  return row?.version ?? 0;
}

/** Telemetry may have entered the tenant by now. */
function upsert(columns: readonly PostgresColumn[]): string {
  const set = columns
    .filter(({ name }) => name !== 'tenant_id')
    .map(({ name }) => `${quotedName(name)} = excluded.${quotedName(name)}`);
  return `on conflict (tenant_id) do update set ${set.join(', ')}`;
}

/** An identifier out of the catalogue. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
