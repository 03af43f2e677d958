/** Wire types of how long telemetry of tenants is kept. Days; times are RFC 3339. */
export interface RetentionDaysItem {
  spans_days: number | null;
  points_days: number | null;
  minutes_days: number | null;
  hours_days: number | null;
  days_days: number | null;
}

type Level = 'spans' | 'points' | 'minutes' | 'hours' | 'days';

export interface TenantRetentionItem {
  tenant_id: string;
  plan: string | null;
  /** What holds, and who says so. */
  levels: Record<Level, { days: number; source: 'installation' | 'plan' | 'tenant' }>;
  /** What is said of the tenant itself. */
  own: RetentionDaysItem;
  /** While it stands nothing is removed before the installation's own time. null for the tenant's own people. */
  legal_hold: boolean | null;
}

export interface RetentionRunItem {
  id: string;
  state: 'asked' | 'running' | 'done' | 'failed';
  asked_by: string;
  started_at: string;
  finished_at: string | null;
  tenants: number;
  tables_total: number;
  tables_done: number;
  rows_removed: number;
  problem: string | null;
}

export interface RetentionOverviewItem {
  installation: Record<Level, number>;
  /** Less than this cannot be said. */
  shortest: Record<Level, number>;
  plans: (RetentionDaysItem & { plan: string })[];
  /** Those for whom something else holds than for the installation. */
  tenants: TenantRetentionItem[];
  /** Newest first. */
  runs: RetentionRunItem[];
  /** Of the day, UTC. */
  hour: number;
  next_run_at: string;
}
