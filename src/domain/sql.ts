/** A statement that somebody wrote by hand, and what came of it. Shapes alone. */

type SqlParam = string | number | boolean | null | readonly (string | number | boolean)[];

/** One statement to be run on behalf of one person. */
export interface SqlRun {
  readonly sql: string;
  /** Values of `{name:Type}`, bound by the engine. */
  readonly params: Readonly<Record<string, SqlParam>>;
  /** Rows that are answered at most; what is beyond them is told by `truncated` alone. */
  readonly maxRows: number;
  /** Aborted when nobody waits for the answer any more: the engine stops computing. */
  readonly signal: AbortSignal;
}

export interface SqlColumn {
  readonly name: string;
  /** ClickHouse's type. */
  readonly type: string;
}

export interface SqlAnswer {
  readonly columns: readonly SqlColumn[];
  /** Values as ClickHouse's JSON has them; 64-bit and wider integers and decimals are texts, so that no digit is lost. */
  readonly rows: readonly (readonly unknown[])[];
  /** There are more rows than these. */
  readonly truncated: boolean;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

/** A table or view that may be asked. */
export interface SqlTable {
  /** As it is written in a statement. */
  readonly name: string;
  readonly columns: readonly SqlColumn[];
}

/** Where statements written by hand are run: held to reading, to limits, and to what their writer may see. */
export interface SqlEngine {
  /** @throws TenantryError SQL_REFUSED, QUERY_TIMEOUT, QUERY_TOO_HEAVY, STORE_UNAVAILABLE; the signal's reason */
  run(run: SqlRun): Promise<SqlAnswer>;
  tables(): Promise<readonly SqlTable[]>;
  close(): Promise<void>;
}
