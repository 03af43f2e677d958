/** A replay of stored minutes through a rule and the policy: what would have been found, and whom it would have throttled. */

/** Something that is known to have happened and is right to act on; unix seconds. */
export interface BacktestLabel {
  readonly tenant_id: string;
  /** Absent: every metric. */
  readonly metric?: string;
  readonly started_at: number;
  readonly ended_at: number;
}

/** Times are Unix ms. */
export interface BacktestQuestion {
  readonly from: number;
  readonly to: number;
  /** What differs from the rule as it is in force; empty: nothing, and then the result counts as its proof. */
  readonly draft: BacktestDraft;
  /** null: nobody has said what was right, so nothing can be proven. */
  readonly labels: readonly BacktestLabel[] | null;
}

/** Settings of the policy that a draft may change. */
export interface BacktestDraft {
  readonly minRatio?: number;
  readonly needsImpact?: boolean;
  readonly headroom?: number;
  readonly minRequestsPerMinute?: number;
  readonly throttleSeconds?: number;
}

/** One throttle that would have been written. Unix ms. */
export interface WouldThrottle {
  readonly tenantId: string;
  readonly at: number;
  readonly metric: string;
  readonly requestsPerSecond: number;
  /** How long it would have held, renewals included; absent in results of before this was kept. */
  readonly seconds?: number;
  readonly reason: string;
  /** null without labels. */
  readonly right: boolean | null;
}

export interface BacktestResult {
  readonly minutes: number;
  readonly tenants: number;
  readonly findings: number;
  /** Findings of which none led to a throttle, by the guard that held back. */
  readonly heldBack: Readonly<Record<string, number>>;
  readonly throttles: number;
  /** The first of them. */
  readonly examples: readonly WouldThrottle[];
  /** Of the throttles; null without labels, and without throttles. */
  readonly precision: number | null;
  /** Of the labels; null without any. */
  readonly recall: number | null;
  /** null without labels. */
  readonly falsePerThousandTenantDays: number | null;
}

export interface Backtest {
  readonly id: string;
  readonly rule: string;
  readonly ruleHash: string;
  readonly source: 'api' | 'command';
  readonly state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly question: BacktestQuestion;
  /** 0 to 1. */
  readonly progress: number;
  readonly result: BacktestResult | null;
  readonly error: string | null;
  readonly askedBy: string;
  readonly askedAt: number;
  readonly endedAt: number | null;
}
