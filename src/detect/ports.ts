import type { TenantId } from '../domain/tenant-id.ts';

/** Counts per interval, oldest first; null = not measured (a gap in the data), which is not zero. */
export type Counts = readonly (number | null)[];

export interface TenantActivity {
  /** Server spans. */
  readonly requests: Counts;
  /** Input plus output tokens of AI calls. */
  readonly aiTokens: Counts;
}

/** What tenants did in the newest whole intervals. A tenant that is absent did nothing in any of them. */
export interface ActivityTable {
  readonly intervalSeconds: number;
  /** Unix ms, exclusive: the last entry of every series covers [end - intervalSeconds, end). */
  readonly end: number;
  readonly tenants: ReadonlyMap<TenantId, TenantActivity>;
}

/** What the detector needs of the store: recent activity, and up to when it is complete. */
export interface ActivityReader {
  /** The newest `intervals` intervals before `end`, which is a multiple of the interval. */
  activity(question: {
    readonly intervalSeconds: number;
    readonly intervals: number;
    readonly end: number;
  }): Promise<ActivityTable>;
  /** Unix ms up to which everything that arrived has been counted; null: nothing has arrived yet. */
  dataUntil(): Promise<number | null>;
}
