/** Wire types of reports: what the schemas of `reports-schemas.ts` describe. */

export interface ReportScheduleItem {
  id: string;
  name: string;
  dataset: 'usage' | 'quotas' | 'ai-costs' | 'costs' | 'margins';
  format: 'csv' | 'json' | 'parquet';
  step: 'total' | 'day' | 'month';
  period: 'day' | 'week' | 'month';
  time_zone: string;
  tenant_id: string | null;
  /** Where it goes, without path and secret. */
  host: string;
  created_by: string;
  created_at: string;
  next_at: string;
  last_delivery: {
    from: string;
    to: string;
    state: 'waiting' | 'sent' | 'failed';
    attempts: number;
    detail: string | null;
    rows: number | null;
    at: string;
  } | null;
}

export interface ReportScheduleList {
  items: ReportScheduleItem[];
}
