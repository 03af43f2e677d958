/** What is known of the way of telemetry at one moment, and what is said of it. */
import type { SelfCheckStanding } from './self-check.ts';
import type { IntakeFigures } from './spool-format.ts';

export interface LoaderStanding {
  readonly loadedSegments: number;
  readonly waitingSegments: number;
  readonly oldestWaitingMs: number;
  /** Why the last attempt failed, and since when attempts fail (Unix ms); undefined: they do not. */
  readonly trouble: string | undefined;
  readonly troubleSince: number | undefined;
  /** From the first byte of a segment to its being queryable; undefined: none has been loaded yet. */
  readonly lastLoadMs: number | undefined;
  /** Spans that wait for the tenant of their trace; absent: none can. */
  readonly late?: { readonly waitingSpans: number; readonly trouble: string | undefined } | undefined;
}

/** From the end of spans to their arrival, of those that came within the last minutes; null: none came. */
export interface ExportDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface IngestSituation {
  readonly now: number;
  /** undefined: ingest has left no figures. */
  readonly intake: IntakeFigures | undefined;
  readonly loader: LoaderStanding;
  readonly delay: ExportDelay | null;
  /** Requests in quarantine. */
  readonly quarantined: number;
  readonly quarantinedBytes?: number;
  /** How full the spool was a while ago; null: not known. */
  readonly spoolBefore?: { readonly at: number; readonly bytes: number } | null;
  /** Of the list of keys that ingest should have, and since when (Unix ms). */
  readonly keysRevision?: { readonly revision: number; readonly since: number } | undefined;
  /** Services whose spans lately ended after they arrived, and by how much the worst of them did. */
  readonly clocks?: readonly { readonly service: string; readonly aheadMs: number }[];
  readonly selfCheck?: SelfCheckStanding | undefined;
  /** Unix ms of the newest minute with a span; null: there never was one. */
  readonly newestSpanAt: number | null;
}

export interface IngestVerdict {
  readonly level: 'ok' | 'warning' | 'critical';
  /** What is. */
  readonly text: string;
  /** What to do about it; null: nothing. */
  readonly advice: string | null;
}
