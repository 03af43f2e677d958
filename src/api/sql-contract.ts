/** Wire types of statements that people write; see contract.ts. */

type SqlParamValue = string | number | boolean | null | (string | number | boolean)[];

export interface SqlBody {
  sql: string;
  params?: Record<string, SqlParamValue> | undefined;
  max_rows?: number | undefined;
  format?: 'json' | 'csv' | undefined;
}

interface SqlColumnItem {
  name: string;
  type: string;
}

export interface SqlResult {
  columns: SqlColumnItem[];
  rows: unknown[][];
  row_count: number;
  truncated: boolean;
  elapsed_ms: number;
  rows_read: number;
  bytes_read: number;
}

interface SqlTableItem {
  name: string;
  columns: SqlColumnItem[];
}

export interface SqlTableList {
  items: SqlTableItem[];
}
