import { TenantryError } from '../../domain/errors.ts';
import { type CatalogTable, qualifiedName } from './storage-catalog.ts';
import type { StorageQuery, StorageSession } from './storage-session.ts';
import { heapBytesSql, outsideBytesSql, quoteIdentifier, type TupleLayout } from './storage-tuple-sql.ts';

const PAGE_BYTES = 8_192;
const TELLS_CHUNKS = 170_000;
/** Below this share of all-visible pages counting in an index would visit the heap for too many rows. */
const VISIBLE_ENOUGH = 0.95;

interface BlockRow {
  block: number;
  tenant: string | null;
  rows: number | null;
  heap: number;
  heapSquares: number;
  outside: number;
  outsideSquares: number;
  inPartial: number[];
}

/** The rows of one tenant on one page; see `TableSource` of the collectors. */
interface FoundRows extends Omit<BlockRow, 'block' | 'rows'> {
  readonly rows: number;
}

/** One table of the operator's, read page by page. Has the shape of the collectors' `TableSource`. */
export class StorageTable {
  readonly facts;
  readonly #session: StorageSession;
  readonly #table: CatalogTable;
  readonly #blocksSql: string;
  readonly #countSql: { readonly some: string; readonly all: string };
  readonly #checked = new Set<string>();
  #pagesRead = 0;

  constructor(session: StorageSession, table: CatalogTable) {
    this.#session = session;
    this.#table = table;
    const partial = table.indexes.filter(({ predicate }) => predicate !== null);
    this.facts = factsOf(table);
    const layout: TupleLayout = { ...table, tellsChunks: session.version >= TELLS_CHUNKS };
    this.#blocksSql = blocksSql(
      table,
      layout,
      partial.map(({ predicate }) => predicate ?? 'true'),
    );
    const tenant = quoteIdentifier(table.tenantColumn);
    const count = `select ${tenant}::text as tenant, count(*)::float8 as rows from only ${qualifiedName(table)}`;
    this.#countSql = {
      some: `${count} where ${tenant} = any($1::text[]::${table.tenantType}[]) group by ${tenant}`,
      all: `${count} where ${tenant} is not null group by ${tenant}`,
    };
  }

  get pagesRead(): number {
    return this.#pagesRead;
  }

  async readBlocks(
    blocks: readonly number[],
  ): Promise<{ readonly block: number; readonly tenants: readonly FoundRows[] }[]> {
    const rows = await this.#read<BlockRow>(this.#blocksSql, [blocks], 'Tid Range Scan', blocks.length);
    const byBlock = new Map<number, FoundRows[]>(blocks.map((block) => [block, []]));
    for (const { block, rows: count, ...found } of rows) {
      if (count !== null) byBlock.get(block)?.push({ ...found, rows: count });
    }
    return [...byBlock].map(([block, tenants]) => ({ block, tenants }));
  }

  async countRows(tenants: readonly string[] | undefined): Promise<ReadonlyMap<string, number>> {
    const [sql, values] = tenants === undefined ? [this.#countSql.all, []] : [this.#countSql.some, [tenants]];
    const rows = await this.#read<{ tenant: string; rows: number }>(sql, values, 'Index Only Scan', 1);
    return new Map(rows.map(({ tenant, rows: count }) => [tenant, count]));
  }

  /** Runs a statement whose plan has been seen to read the table in the expected way and no other. */
  async #read<Row extends object>(
    sql: string,
    values: readonly unknown[],
    scan: string,
    atLeast: number,
  ): Promise<readonly Row[]> {
    return this.#session.reading(async (query) => {
      // Planning looks at the first page of each index, so it counts, too.
      const before = await this.#pagesFetched(query);
      await this.#checkPlan(query, sql, values, scan);
      const rows = await query<Row>(sql, values);
      // With track_counts off the server does not know what it read.
      this.#pagesRead += Math.max(atLeast, (await this.#pagesFetched(query)) - before);
      return rows;
    });
  }

  async #checkPlan(query: StorageQuery, sql: string, values: readonly unknown[], scan: string): Promise<void> {
    if (this.#checked.has(sql)) return;
    const plan = await query<{ 'QUERY PLAN': string }>(`explain (costs off) ${sql}`, values);
    const scans = plan.flatMap((line) => /(\w[\w ]* Scan)\b.* on /.exec(line['QUERY PLAN'])?.[1] ?? []);
    const ofTable = scans.filter((name) => name !== 'Function Scan');
    if (ofTable.length !== 1 || ofTable[0] !== scan) {
      throw new TenantryError('NOT_SUPPORTED_HERE', `The server would not read the table by ${scan}.`, {
        hint: 'Leave the table out (`exclude`), or report its definition.',
      });
    }
    this.#checked.add(sql);
  }

  /** Of this session's statements that the server has not yet added to its statistics. */
  async #pagesFetched(query: StorageQuery): Promise<number> {
    const [row] = await query<{ pages: number }>(
      `select sum(pg_stat_get_xact_blocks_fetched(relation::oid))::float8 as pages from unnest($1::int8[]) relation`,
      [this.#table.relations],
    );
    return row?.pages ?? 0;
  }
}

function factsOf(table: CatalogTable) {
  const sum = (isOne: (index: CatalogTable['indexes'][number]) => boolean) =>
    table.indexes.filter(isOne).reduce((total, { bytes }) => total + bytes, 0n);
  return {
    name: qualifiedName(table),
    root: table.root,
    heapPages: table.heapPages,
    heapBytes: table.heapBytes,
    toastBytes: table.toastBytes,
    // A condition that cannot be asked for is taken to hold for all tenants alike.
    plainIndexBytes: sum(({ predicate }) => predicate === null),
    partialIndexBytes: table.indexes.flatMap(({ predicate, bytes }) => (predicate === null ? [] : [bytes])),
    reservedBytes: Math.floor((PAGE_BYTES * (100 - table.fillFactor)) / 100),
    countingIndex: countingIndexOf(table),
    isVector: table.columns.some(({ isVector }) => isVector),
  };
}

function countingIndexOf({ indexes, knownRows, knownPages, visiblePages }: CatalogTable) {
  const pages = indexes.filter(({ leadsWithTenant }) => leadsWithTenant).map(({ bytes }) => Number(bytes) / PAGE_BYTES);
  if (pages.length === 0 || knownRows <= 0 || knownPages === 0) return undefined;
  const visible = visiblePages / knownPages;
  if (visible < VISIBLE_ENOUGH) return undefined;
  const smallest = Math.min(...pages);
  return { pages: smallest, perRowPages: smallest / knownRows + (1 - visible) };
}

/** One TID range for each page: the server reads the page and nothing else. A page without rows gives a row of nulls. */
function blocksSql(table: CatalogTable, layout: TupleLayout, predicates: readonly string[]): string {
  const flags = predicates.map((predicate, index) => `, coalesce((${predicate}), false) as p${index}`).join('');
  const counts = predicates.map((_, index) => `count(*) filter (where p${index})`).join(', ');
  return `select b.block::float8 as block, s.tenant, s.rows::float8 as rows, s.heap::float8 as heap,
      s.heap_squares::float8 as "heapSquares", s.outside::float8 as outside,
      s.outside_squares::float8 as "outsideSquares", s.in_partial as "inPartial"
    from unnest($1::bigint[]) b (block) left join lateral (
      select tenant, count(*) as rows, sum(heap) as heap, sum(heap::float8 * heap) as heap_squares,
             sum(outside) as outside, sum(outside::float8 * outside) as outside_squares,
             array[${counts}]::float8[] as in_partial
      from (select ${quoteIdentifier(table.tenantColumn)}::text as tenant, ${heapBytesSql(layout)} as heap,
                   ${outsideBytesSql(layout)} as outside${flags}
            from only ${qualifiedName(table)}
            where ctid >= format('(%s,0)', b.block)::tid and ctid < format('(%s,0)', b.block + 1)::tid
            offset 0) rows
      group by tenant) s on true`;
}
