/** What the sampler needs of a PostgreSQL server; `src/store/postgres` has classes of this shape. */

export const PAGE_BYTES = 8_192;

/** One physical table: a plain one, a partition, an heir or a materialised view. Sizes in bytes. */
export interface TableFacts {
  /** `schema.table`, quoted where SQL would. */
  readonly name: string;
  /** Of the partition tree or of the ancestor that it inherits from; its own name when it stands alone. */
  readonly root: string;
  readonly heapPages: number;
  /** Every fork of the heap. */
  readonly heapBytes: bigint;
  /** With the index of the TOAST table. */
  readonly toastBytes: bigint;
  readonly plainIndexBytes: bigint;
  /** Indexes over some of the rows only, in the order of `TenantRows.inPartial`. */
  readonly partialIndexBytes: readonly bigint[];
  /** Space on each page that fillfactor keeps free. */
  readonly reservedBytes: number;
  /** The cheapest index that tells how many rows a tenant has; undefined: there is none, or it would visit the heap. */
  readonly countingIndex: { readonly pages: number; readonly perRowPages: number } | undefined;
  /** Whether a column holds embeddings (pgvector). */
  readonly isVector: boolean;
}

/** The rows of one tenant on one page. */
export interface TenantRows {
  /** Null: rows without a tenant. */
  readonly tenant: string | null;
  readonly rows: number;
  /** Bytes that the tuples take on the page, line pointers included, and the sum of their squares. */
  readonly heap: number;
  readonly heapSquares: number;
  /** Bytes that they have in the TOAST table, and the sum of the squares by row. */
  readonly outside: number;
  readonly outsideSquares: number;
  readonly inPartial: readonly number[];
}

export interface SampledBlock {
  readonly block: number;
  readonly tenants: readonly TenantRows[];
}

/** Reads of one table. Each call is a short read-only transaction of its own. */
export interface TableSource {
  readonly facts: TableFacts;
  /** Pages that the calls so far have asked for: heap, indexes and TOAST, those in the cache included. */
  readonly pagesRead: number;
  /** Live rows of the pages, by tenant. A page without rows is in the answer, too. */
  readBlocks(blocks: readonly number[]): Promise<readonly SampledBlock[]>;
  /** Rows that each of the tenants has; undefined: every tenant, by one walk through the whole counting index. */
  countRows(tenants: readonly string[] | undefined): Promise<ReadonlyMap<string, number>>;
}
