import type { NewThrottle } from './throttle-record.ts';

/** What people say about automation, and what experiments show. Times are Unix ms. */

/** How far automation may go. Each step forward is a human act that takes its time; one step back is one call. */
export const STAGES = ['off', 'shadow', 'canary', 'enforce'] as const;
export type Stage = (typeof STAGES)[number];

/** Result of replaying history through a rule, as far as promotions ask for it. */
export interface BacktestProof {
  readonly at: number;
  /** Share of the throttles that were right, 0 to 1. */
  readonly precision: number;
  readonly falsePerThousandTenantDays: number;
}

/** How far one rule may go, and on whose word. */
export interface RuleStage {
  /** Name and version, as in findings. */
  readonly rule: string;
  readonly stage: Stage;
  readonly by: string;
  readonly at: number;
  readonly reason: string;
  /** The second person who agreed; null where none was needed. */
  readonly approvedBy: string | null;
  /** null: without one, or with one of the rule as it was before. */
  readonly backtest: BacktestProof | null;
  /** Why it may act without one; null: it may not. */
  readonly unprovenBecause: string | null;
}

/** A tenant with which automation goes less far than its rules do. */
export interface TenantStage {
  readonly tenantId: string;
  readonly stage: Stage;
  readonly by: string;
  readonly at: number;
  readonly reason: string;
}

/** A time in which much load is expected. Half-open where it is once; by the clocks of a zone where it is weekly. */
export type PeakTime =
  | { readonly kind: 'once'; readonly from: number; readonly to: number }
  | {
      readonly kind: 'weekly';
      /** IANA name. */
      readonly timeZone: string;
      /** 1 = Monday to 7 = Sunday. */
      readonly weekdays: readonly number[];
      /** Minute of the day, 0 to 1,439. */
      readonly startMinute: number;
      /** 1 to 10,080. */
      readonly lengthMinutes: number;
    };

export interface NewKnownPeak {
  /** A tenant, or `EVERY_TENANT` (breaker.ts). */
  readonly tenantId: string;
  readonly name: string;
  readonly note: string;
  readonly time: PeakTime;
}

export interface KnownPeak extends NewKnownPeak {
  readonly id: string;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** What a second person is asked to allow. */
export type Proposal =
  | { readonly kind: 'throttle'; readonly anomalyId: string; readonly throttle: NewThrottle }
  | {
      readonly kind: 'promotion';
      readonly rule: string;
      readonly stage: Stage;
      readonly reason: string;
      readonly unprovenBecause: string | null;
      readonly backtestId: string | null;
      /** What the rule would have done while it was watched. */
      readonly evidence: PromotionEvidence;
    };

/** What a rule's stage so far has shown. */
export interface PromotionEvidence {
  readonly heldSeconds: number;
  /** Throttles that it wrote in shadow, and in force, since the stage began. */
  readonly shadowThrottles: number;
  readonly enforcedThrottles: number;
}

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired';

export interface Approval {
  readonly id: string;
  /** A tenant, or `EVERY_TENANT` (breaker.ts) for promotions. */
  readonly tenantId: string;
  readonly proposal: Proposal;
  readonly explanation: string;
  readonly askedBy: string;
  readonly askedAt: number;
  /** Without an answer until then nothing is done. */
  readonly expiresAt: number;
  readonly state: ApprovalState;
  readonly decidedBy: string | null;
  readonly decidedAt: number | null;
  readonly note: string | null;
}
