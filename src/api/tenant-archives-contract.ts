/** Wire types of exports of one tenant, and of restores; times are RFC 3339. */

export type TenantExportFormat = 'json' | 'csv' | 'parquet' | 'archive';
type TenantExportSection = 'telemetry' | 'usage' | 'account';
type TenantJobState = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled' | 'expired';

export interface TenantJobProgress {
  tables_done: number;
  tables: number;
  rows: number;
  bytes: number;
  /** What it is at. */
  table: string | null;
}

export interface TenantExportItem {
  id: string;
  tenant_id: string;
  format: TenantExportFormat;
  /** `tenant`: what may be handed to it. `operator`: with the operator's own notes and figures. */
  audience: 'tenant' | 'operator';
  sections: TenantExportSection[];
  from: string | null;
  to: string | null;
  state: TenantJobState;
  progress: TenantJobProgress;
  error: string | null;
  /** `operator` for tenant callers where the operator's people asked. */
  asked_by: string;
  asked_at: string;
  ended_at: string | null;
  expires_at: string | null;
  /** Where the file is; null: there is none. */
  file: string | null;
}

export interface TenantExportList {
  items: TenantExportItem[];
}

export interface NewTenantExport {
  format: TenantExportFormat;
  /** Needed from the operator's people. */
  tenant_id?: string;
  audience?: 'tenant' | 'operator';
  sections?: TenantExportSection[];
  from?: string;
  to?: string;
}

interface RestoredTableItem {
  table: string;
  archived: number;
  restored: number;
  left_out: number;
  /** null: not compared, as in a dry run. */
  matches: boolean | null;
}

export interface TenantRestoreItem {
  id: string;
  tenant_id: string;
  dry_run: boolean;
  replace: boolean;
  state: TenantJobState;
  progress: TenantJobProgress;
  report: { archived_at: string; tables: RestoredTableItem[]; notes: string[] } | null;
  error: string | null;
  asked_by: string;
  asked_at: string;
  ended_at: string | null;
}

/** One of `archive` and `export_id`. */
export interface NewTenantRestore {
  /** Id of an archive that was laid into the server's data directory (`tenantry restore-tenant` does). */
  archive?: string;
  export_id?: string;
  as?: string;
  dry_run?: boolean;
  replace?: boolean;
  deleted_too?: boolean;
}
