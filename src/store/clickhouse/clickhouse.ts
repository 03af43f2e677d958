import type { AnalyticsReader, QueryParam } from '../../domain/analytics-query.ts';
import type { SegmentSignal } from '../../domain/spool-format.ts';

/** A sealed spool segment as the loader hands it over. */
export interface SegmentInsert {
  /** What the file holds; decides which table it goes into. */
  readonly signal: SegmentSignal;
  /** Absolute path of the file: length-delimited export requests. */
  readonly path: string;
  /** Deduplication token. Same token = same bytes, for ever. */
  readonly token: string;
  /** Batch under which its spans without a tenant wait. */
  readonly waitingBatch?: string;
}

/** Rows that Tenantry made itself: collected, imported or taken in through the API. */
export interface RowsInsert {
  /** Plain name of one of our tables. */
  readonly table: string;
  /** JSON objects, one a line, with every column of the table. */
  readonly rows: string;
  /** Deduplication token. Same token = same rows in the same order, for ever. */
  readonly token: string;
}

/** Rows of a statement of our own text that go into a file on this machine. */
export interface FileSelect {
  readonly sql: string;
  readonly params: Readonly<Record<string, QueryParam>>;
  readonly format: 'Native' | 'Parquet' | 'CSVWithNames' | 'JSONEachRow';
  /** `name = value, …`, constant. */
  readonly settings?: string;
  /** Absolute; written anew. */
  readonly path: string;
}

/** Rows of an archive on their way back. */
export interface FileInsert {
  readonly table: string;
  /** Absolute path of a file in the format Native with every one of `columns`. */
  readonly path: string;
  readonly columns: readonly string[];
  /** Expressions in place of some of them, constant texts of ours. */
  readonly replacing?: Readonly<Record<string, string>>;
  /** Deduplication token. Same token = same rows in the same order, for ever. */
  readonly token: string;
}

/**
 * The only door to ClickHouse, embedded or server. Questions go through `rows`; schema and segments have their own
 * methods, so that nothing else can write.
 */
export interface ClickHouse extends AnalyticsReader {
  readonly kind: 'embedded' | 'server';
  /** Runs one statement of our own text (schema, retention); never anything that came from outside. */
  command(sql: string): Promise<void>;
  /** Rows of a statement of our own text, outside any tenant's scope: schema bookkeeping and health. */
  inspect<Row extends object>(sql: string): Promise<Row[]>;
  /** Inserts a segment exactly once, however often it is called with the same token. */
  insertSegment(segment: SegmentInsert): Promise<void>;
  /** Reads a segment as an insert would, and writes nothing: fails for its content, or because the store does. */
  checkSegment(segment: SegmentInsert): Promise<void>;
  /** Inserts rows exactly once, in the table and its rollups, however often it is called with the same token. */
  insertRows(insert: RowsInsert): Promise<void>;
  /** Writes rows into a file piece by piece: memory does not grow with them. */
  selectIntoFile(select: FileSelect): Promise<void>;
  /** Inserts a file exactly once into the table alone: rollups made of the table do not see its rows. */
  restoreFile(insert: FileInsert): Promise<void>;
  /** Lets `work` run statements of our own text while nothing of this process is inserted anywhere. */
  withoutInserts<T>(work: (run: (sql: string) => Promise<void>) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface QueryLimits {
  readonly maxExecutionSeconds: number;
  readonly maxMemoryBytes: number;
  readonly maxResultRows: number;
}

export const QUERY_LIMITS: QueryLimits = {
  maxExecutionSeconds: 10,
  maxMemoryBytes: 2 * 1024 ** 3,
  maxResultRows: 100_000,
};

/** Database that holds everything; created on first use. */
export const DATABASE = 'tenantry';
