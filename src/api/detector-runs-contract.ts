/** Wire types of the runs of the loops that judge and act. */

export type DetectorLoopName = 'owner-rule' | 'minute-detector' | 'budget-burn' | 'spend-caps';

export interface DetectorRunItem {
  started_at: string;
  took_ms: number;
  series: number | null;
  data_until: string | null;
  /** How old the data was that it judged on; null: not known. */
  data_age_seconds: number | null;
  findings: number | null;
  skipped: string | null;
  failure: string | null;
}

export interface DetectorLoopItem {
  name: DetectorLoopName;
  every_seconds: number;
  /** null: not known yet. */
  leader: boolean | null;
  /** Since this server started. */
  total: number;
  skipped: number;
  failed: number;
  /** Of the runs below; null: there is none. */
  took_p50_ms: number | null;
  took_max_ms: number | null;
  /** Newest first. */
  runs: DetectorRunItem[];
}

export interface DetectorRunList {
  items: DetectorLoopItem[];
}
