/** What a drill compares: the figures of one tenant, asked in the same way of the running stores and of restored ones. */
import type { TenantId } from './tenant-id.ts';

export interface BackupFiguresQuestion {
  readonly tenantId: TenantId;
  /** Unix ms: rows that arrived later are left out. */
  readonly cutAt: number;
  /** pg_current_snapshot() of the backup; rows that a later transaction wrote are left out. */
  readonly snapshot: string;
}

/** What is the same on both sides, worked out by the running one. */
export interface BackupBounds {
  /** Unix ms: rollups from here on have had spans since the cut. */
  readonly untouchedUntil: number;
  /** Unix ms: what is older may have been dropped since. */
  readonly keptFrom: number;
}

export interface ClickHouseFigures {
  readonly table: string;
  readonly rows: number;
  /** Of all columns of these rows, whatever their order. */
  readonly digest: string;
  /** Column -> sum, of those that add up. Decimal. */
  readonly sums: Readonly<Record<string, string>>;
}

export interface PostgresFigures {
  readonly table: string;
  /** Rows that are as they were at the cut. */
  readonly rows: number;
  /** A hash of each, sorted; of a large table those of every so manieth. */
  readonly hashes: readonly string[];
  /** 1: of all rows. */
  readonly everyManieth: number;
}

export interface ReaderFigures {
  /** What was asked of a reader of the API. */
  readonly question: string;
  readonly answer: string;
}

export interface BackupFigures {
  readonly bounds: BackupBounds;
  readonly clickhouse: readonly ClickHouseFigures[];
  readonly postgres: readonly PostgresFigures[];
  readonly readers: readonly ReaderFigures[];
}
