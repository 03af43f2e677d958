/** Words of what leaves the house of one tenant as a whole, and comes back: exports, archives, restores. */
import type { TenantId } from './tenant-id.ts';
import { DAY_MS, type Window } from './window.ts';

/**
 * `log_comment` of an insert that brings rows of an archive back. The rollups' views pass over such an insert, as their
 * rows come back themselves (src/aggregate/views.ts).
 */
export const RESTORE_COMMENT = 'tenantry restore';

/**
 * `archive` is lossless and can be restored; the others are for people, with sums and percentiles in place of
 * mergeable states, and cannot.
 */
export const EXPORT_FORMATS = ['json', 'csv', 'parquet', 'archive'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];
export type ReadableFormat = Exclude<ExportFormat, 'archive'>;

/**
 * `tenant`: what is the tenant's own and may be handed to it. `operator`: with what the operator noted, paid and earned,
 * and who of its people did it. Secrets are in neither.
 */
export const EXPORT_AUDIENCES = ['tenant', 'operator'] as const;
export type ExportAudience = (typeof EXPORT_AUDIENCES)[number];

/** `telemetry`: single spans, points and events. `usage`: what was summed up of them. `account`: everything else. */
export const EXPORT_SECTIONS = ['telemetry', 'usage', 'account'] as const;
export type ExportSection = (typeof EXPORT_SECTIONS)[number];

/** A finished export can be fetched for so long, then its files are gone. */
export const EXPORT_LIFE_MS = 3 * DAY_MS;

export interface ExportQuestion {
  readonly tenantId: TenantId;
  readonly format: ExportFormat;
  readonly audience: ExportAudience;
  readonly sections: readonly ExportSection[];
  /** Of telemetry and usage, by when it happened. Undefined: as far back as there is any. */
  readonly window: Window | undefined;
}

export const JOB_STATES = ['waiting', 'running', 'done', 'failed', 'cancelled', 'expired'] as const;
type JobState = (typeof JOB_STATES)[number];

export interface JobProgress {
  readonly tablesDone: number;
  readonly tables: number;
  readonly rows: number;
  readonly bytes: number;
  /** What it is at. */
  readonly table: string | null;
}

export const NO_PROGRESS: JobProgress = { tablesDone: 0, tables: 0, rows: 0, bytes: 0, table: null };

/** Times in Unix ms. */
export interface TenantExport {
  /** Random, so that it cannot be guessed. */
  readonly id: string;
  readonly question: ExportQuestion;
  readonly state: JobState;
  readonly progress: JobProgress;
  /** For people, of one that failed. */
  readonly error: string | null;
  readonly askedBy: string;
  readonly askedByOperator: boolean;
  readonly askedAt: number;
  readonly endedAt: number | null;
  /** When its files go. */
  readonly expiresAt: number | null;
}

export interface RestoreQuestion {
  /** A folder of `tenant-restores` in the data directory, or a finished export of the format `archive`. */
  readonly source: { readonly folder: string } | { readonly exportId: string };
  /** Undefined: the tenant of the archive. */
  readonly as: TenantId | undefined;
  readonly dryRun: boolean;
  /** What is there of the tenant is deleted first. Without it a tenant of whom there is anything is left alone. */
  readonly replace: boolean;
  /** Bring back a tenant that was deleted on request. */
  readonly deletedToo: boolean;
}

/** Of one table of a restore. */
export interface RestoredTable {
  readonly table: string;
  readonly archived: number;
  readonly restored: number;
  /** Rows that refer to something of the operator's that is not in this system. */
  readonly leftOut: number;
  /** Whether what is there now is what the archive says was there; null: not compared, as in a dry run. */
  readonly matches: boolean | null;
}

export interface RestoreReport {
  readonly tenantId: TenantId;
  readonly archivedAt: number;
  readonly tables: readonly RestoredTable[];
  /** For people: what is not as it was, and why. */
  readonly notes: readonly string[];
}

export interface TenantRestore {
  readonly id: string;
  readonly question: RestoreQuestion;
  readonly tenantId: TenantId;
  readonly state: JobState;
  readonly progress: JobProgress;
  readonly report: RestoreReport | null;
  readonly error: string | null;
  readonly askedBy: string;
  readonly askedAt: number;
  readonly endedAt: number | null;
}
