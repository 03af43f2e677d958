/** Telemetry that could not be loaded, as it lies in the spool. */
import type { SegmentSignal } from './spool-format.ts';

export interface QuarantinedRequest {
  /** Name of its files without the ending. */
  readonly id: string;
  /**
   * `refused`: a whole request that ClickHouse does not take; it can be tried again. `corrupt`: bytes whose checksum was
   * wrong when ingest started; they can only be looked at and dropped.
   */
  readonly kind: 'refused' | 'corrupt';
  readonly signal: SegmentSignal;
  readonly reason: string;
  readonly bytes: number;
  /** Unix ms; null: the note beside it cannot be read. */
  readonly quarantinedAt: number | null;
  /** Unix ms at which it arrived; null for corrupt bytes. */
  readonly receivedAt: number | null;
  /** Whose key sent it, and the tenant that the key is bound to. null: none, or not readable. */
  readonly keyId: string | null;
  readonly keyTenant: string | null;
}

export interface QuarantinedDetail extends QuarantinedRequest {
  /** Readable texts from the bytes, in their order: service names, routes, attribute names. */
  readonly texts: readonly string[];
}
