/** What the operator's own PostgreSQL says of the statements that it ran, and whether they keep tenants apart. */

/** Counts since the counters were last reset. */
export interface StatementCounts {
  /** User and statement; the same over time. */
  readonly key: string;
  readonly user: string;
  /** Superusers and roles with BYPASSRLS: no policy holds for them. */
  readonly bypassesRowSecurity: boolean;
  /** As `pg_stat_statements` keeps it. */
  readonly query: string;
  readonly calls: number;
  readonly totalMs: number;
  readonly rows: number;
}

export interface StatementSnapshot {
  /** Unix ms, by the clock of the database. */
  readonly takenAt: number;
  /** Unix ms; null: never, or the server does not say. */
  readonly statsReset: number | null;
  /** How often the server has forgotten the least used statements to make room. */
  readonly forgotten: number;
  /** Statements of other users that the login may not see. */
  readonly hidden: number;
  readonly statements: readonly StatementCounts[];
}

/** A table or view as the catalogue describes it. */
export interface AuditedTable {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly tenantColumns: readonly string[];
  /** off: no policy holds; enabled: for all but the owner; forced: for the owner too. */
  readonly rowSecurity: 'off' | 'enabled' | 'forced';
  /** For a view without the column: the tables with it that it reads. */
  readonly hides: readonly string[];
  /** Another table of this name, in another schema, has no tenant column. */
  readonly hasNamesake: boolean;
}

export type AuditVerdict = 'filtered' | 'unfiltered' | 'row_security' | 'unknown';

export interface AuditedStatement {
  readonly user: string;
  /** Without values and comments. */
  readonly query: string;
  readonly calls: number;
  readonly totalMs: number;
  readonly rows: number;
  /** null: it touches no table with a tenant column. */
  readonly verdict: AuditVerdict | null;
  readonly tables: readonly {
    readonly table: string;
    readonly alias: string;
    readonly verdict: AuditVerdict;
    readonly reason: string;
  }[];
}

export interface QueryAuditReport {
  /** Unix ms; counts are of this interval. `from` null: since the counters began, which nobody knows. */
  readonly from: number | null;
  readonly to: number;
  /** The counters were reset within the interval: what came before is missing. */
  readonly wasReset: boolean;
  readonly forgotten: number;
  /** Statements that the login may not see (it lacks pg_read_all_stats): nothing is said of them. */
  readonly hidden: number;
  /** Tables with a tenant column. */
  readonly tables: readonly { readonly table: string; readonly rowSecurity: AuditedTable['rowSecurity'] }[];
  /** Statements of the interval by verdict; `none`: they touch no table with a tenant column. */
  readonly summary: Readonly<Record<AuditVerdict | 'none', number>>;
  /** Statements on tenant tables that are not filtered, and those that nothing can be said of; most time first. */
  readonly findings: readonly AuditedStatement[];
  /** The dearest statements whatever they touch, by time, by calls and by rows. */
  readonly top: Readonly<Record<'time' | 'calls' | 'rows', readonly AuditedStatement[]>>;
}

/** What is known of one database. */
export interface QueryAuditState {
  /** Host and database, or the name that the operator gave it. */
  readonly target: string;
  /** Unix ms of the last attempt. */
  readonly checkedAt: number;
  /** Why that failed; null: it did not. */
  readonly problem: string | null;
  /** Of the last attempt that did not fail. */
  readonly report: QueryAuditReport | null;
}
