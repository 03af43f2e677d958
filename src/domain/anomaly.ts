import type { TenantId } from './tenant-id.ts';

/** Series that the detector watches. `requests` counts server spans, `ai_tokens` input plus output tokens. */
export const WATCHED_METRICS = ['requests', 'ai_tokens'] as const;
export type WatchedMetric = (typeof WATCHED_METRICS)[number];

/** One finding of the detector: which figure left which baseline by how much, in numbers and in a sentence. */
export interface Anomaly {
  readonly id: string;
  readonly tenantId: TenantId;
  /** A watched metric, or any that minutes are judged by: `p95_ms`, `db_calls`, `requests on /orders`. */
  readonly metric: string;
  /** Unix milliseconds: start of the first interval above the line. */
  readonly startedAt: number;
  /** Unix milliseconds at which the detector said so. */
  readonly detectedAt: number;
  readonly endedAt: number | null;
  /** Per second, averaged over the intervals above the line. */
  readonly value: number;
  /** Per second, the tenant's own baseline. */
  readonly baseline: number;
  readonly ratio: number;
  /** Name and version of the rule, so that a decision can be replayed. */
  readonly rule: string;
  readonly reason: string;
}
