export const LOOP_NAMES = ['owner-rule', 'minute-detector', 'budget-burn', 'spend-caps'] as const;
export type LoopName = (typeof LOOP_NAMES)[number];

export interface LoopRun {
  /** Unix ms. */
  readonly startedAt: number;
  readonly tookMs: number;
  /** Tenants' series that were looked at; null: not counted. */
  readonly series: number | null;
  /** Unix ms up to which everything that arrived was counted; null: not known. */
  readonly dataUntil: number | null;
  /** Findings that are open after it; null: the loop has none. */
  readonly findings: number | null;
  /** Why nothing was judged; null: it was. */
  readonly skipped: string | null;
  /** null: it did not fail. */
  readonly failure: string | null;
}

export interface LoopStanding {
  readonly name: LoopName;
  readonly everyMs: number;
  /** null: it has not run yet, or the loop knows no leader. */
  readonly leader: boolean | null;
  /** Since this process started. */
  readonly total: number;
  readonly skipped: number;
  readonly failed: number;
  /** Newest first, the last few hundred. */
  readonly runs: readonly LoopRun[];
}

export interface DetectorRuns {
  read(): readonly LoopStanding[];
}
