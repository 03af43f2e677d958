/** Wire types of the health of ingest. */
import type { SelfCheckFault, SelfCheckStage } from '../domain/self-check.ts';

interface IngestVerdictItem {
  level: 'ok' | 'warning' | 'critical';
  text: string;
  /** What to do; null: nothing. */
  advice: string | null;
}

export interface IngestHealthBody {
  checked_at: string;
  verdict: IngestVerdictItem;
  /** Everything that is wrong, the gravest first. */
  findings: IngestVerdictItem[];
  /** null: it is switched off. */
  self_check: {
    runs: number;
    last_run_at: string | null;
    failing_since: string | null;
    lag_ms: number | null;
    failures: { stage: SelfCheckStage; fault: SelfCheckFault; text: string }[];
  } | null;
  /** Services whose clock is ahead of the server's. */
  clocks: { service: string; ahead_ms: number }[];
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
    /** Requests that had been stored already and were answered as the first time. */
    retries_recognized: number;
    rejected: { reason: string; requests: number; advice: string }[];
    refusal: string | null;
    spool: {
      bytes: number;
      max_bytes: number;
      sealed_segments: number;
      oldest_seconds: number | null;
      torn_bytes: number;
      corrupt_bytes: number;
      /** At the present rate; null: it does not fill. */
      full_at: string | null;
    };
  } | null;
  loader: {
    loaded_segments: number;
    waiting_segments: number;
    oldest_waiting_seconds: number;
    trouble: string | null;
    trouble_since: string | null;
    /** Spans that wait for the tenant of their trace. */
    late_spans_waiting: number;
  };
  quarantined: number;
  quarantined_bytes: number;
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
