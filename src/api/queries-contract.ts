/** Wire types of the audit of the operator's own databases; see contract.ts. */

type AuditVerdictName = 'filtered' | 'unfiltered' | 'row_security' | 'unknown';

export interface AuditedStatementItem {
  user: string;
  /** Without values and comments. */
  query: string;
  calls: number;
  total_ms: number;
  rows: number;
  /** null: it touches no table with a tenant column. */
  verdict: AuditVerdictName | null;
  tables: { table: string; alias: string; verdict: AuditVerdictName; reason: string }[];
}

export interface QueryAuditItem {
  /** Host, port and database. */
  target: string;
  checked_at: string;
  /** Why the last look failed; null: it did not. */
  problem: string | null;
  /** Of the last look that did not fail; null: there was none. */
  report: {
    /** Start of the interval that counts are of; null: since the counters began. */
    from: string | null;
    to: string;
    was_reset: boolean;
    forgotten: number;
    hidden: number;
    tables: { table: string; row_security: 'off' | 'enabled' | 'forced' }[];
    summary: { filtered: number; unfiltered: number; row_security: number; unknown: number; none: number };
    findings: AuditedStatementItem[];
    top_by_time: AuditedStatementItem[];
    top_by_calls: AuditedStatementItem[];
    top_by_rows: AuditedStatementItem[];
  } | null;
}

export interface QueryAuditList {
  items: QueryAuditItem[];
}
