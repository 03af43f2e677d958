/** Wire types of `/v1/neighbors`; part of `contract.ts`. Times are RFC 3339. */
type VerdictKind = 'culprit' | 'global_slowdown' | 'unclear' | 'quiet';
type Meter = 'cpu' | 'db' | 'requests';

export interface NeighborsAnswer {
  from: string;
  to: string;
  /** null: no service answered requests in the window. */
  service: string | null;
  /** Busiest first. */
  services: string[];
  verdict: VerdictKind;
  /** Start of the minute that the verdict is about; null: nobody was hurt. */
  at: string | null;
  reason: string;
  /** Worst first. */
  victims: { tenant_id: string; p95_ms: number; usual_p95_ms: number; requests: number }[];
  /** Most suspect first. */
  suspects: {
    tenant_id: string;
    /** 0 to 1. */
    score: number;
    evidence: {
      meter: Meter;
      /** Milliseconds (requests: a count) a minute. */
      now: number;
      usual: number;
      excess_share: number;
      requests_per_minute: number;
      usual_requests_per_minute: number;
    };
  }[];
  /** Who used how much, largest share first; null: nobody used the service. */
  load: {
    at: string;
    meter: Meter;
    tenants: {
      tenant_id: string;
      now: number;
      /** null: too little history to know what is usual. */
      usual: number | null;
      share: number;
      usual_share: number | null;
      requests_per_minute: number;
      usual_requests_per_minute: number | null;
      p95_ms: number | null;
      usual_p95_ms: number | null;
    }[];
    others: number;
    others_share: number;
  } | null;
  /** Every minute in which tenants were hurt, oldest first. */
  timeline: { at: string; verdict: VerdictKind; suspect: string | null; victims: number }[];
}
