/** Wire types of backups. */

export interface BackupRunItem {
  id: string;
  state: 'running' | 'done' | 'failed';
  started_at: string;
  ended_at: string | null;
  step: string;
  done: number;
  total: number;
  bytes: number;
  name: string | null;
  removed: string[];
  held_ms: number | null;
  shared_bytes: number | null;
  detail: string | null;
  hint: string | null;
}

interface BackupItem {
  name: string;
  cut_at: string | null;
  bytes: number | null;
  version: string | null;
}

export interface BackupList {
  configured: boolean;
  max_age_hours: number;
  /** Whether the newest is older than that, or there is none where there should be. */
  overdue: boolean;
  last_backup: { name: string; cut_at: string; finished_at: string; bytes: number; took_ms: number } | null;
  last_drill: {
    backup: string;
    tenant_id: string;
    finished_at: string;
    ok: boolean;
    tables: number;
    rows: number;
    differences: number;
    took_ms: number;
    backup_age_ms: number;
  } | null;
  /** The one under way, or the last since the start of the server. */
  run: BackupRunItem | null;
  /** In the configured folder, newest first. */
  items: BackupItem[];
}

export interface BackupFiguresBody {
  bounds: { untouched_until: number; kept_from: number };
  clickhouse: { table: string; rows: number; digest: string; sums: Record<string, string> }[];
  postgres: { table: string; rows: number; hashes: string[]; every_manieth: number }[];
  readers: { question: string; answer: string }[];
}
