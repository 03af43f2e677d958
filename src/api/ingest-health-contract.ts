/** Wire types of the health of ingest. */

interface IngestVerdictItem {
  level: 'ok' | 'warning' | 'critical';
  text: string;
  /** What to do; null: nothing. */
  advice: string | null;
}

export interface IngestHealthBody {
  checked_at: string;
  verdict: IngestVerdictItem;
  spans_per_minute: number | null;
  /** From the end of a span to its being queryable, and its two parts; null: not known yet. */
  lag: {
    end_to_end_ms: number | null;
    export_p50_ms: number | null;
    export_p99_ms: number | null;
    load_ms: number | null;
  };
  /** Counts are since `started_at`; null: ingest has left no figures here. */
  ingest: {
    started_at: string;
    written_at: string;
    requests: number;
    spans: number;
    data_points: number;
    bytes: number;
    log_records_rejected: number;
    rejected: { reason: string; requests: number; advice: string }[];
    refusal: string | null;
    spool: {
      bytes: number;
      max_bytes: number;
      sealed_segments: number;
      oldest_seconds: number | null;
      torn_bytes: number;
      corrupt_bytes: number;
    };
  } | null;
  loader: {
    loaded_segments: number;
    waiting_segments: number;
    oldest_waiting_seconds: number;
    trouble: string | null;
    trouble_since: string | null;
  };
  quarantined: number;
  /** `spans`: of the last hour. */
  services: { service: string; last_seen: string; spans: number }[];
  keys: {
    id: string;
    name: string;
    service: string | null;
    active: boolean;
    last_seen: string | null;
    requests: number;
    items: number;
  }[];
  history: {
    since: string;
    step_seconds: number;
    /** Unix ms of the minute, spans, refused requests, most bytes in the spool, longest wait in ms; null: not measured. */
    minutes: [number, number | null, number | null, number | null, number][];
  };
}
