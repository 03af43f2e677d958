import type { Anomaly } from '../domain/anomaly.ts';
import type { EnforcementMode, ThrottleLimit, ThrottleScope } from '../domain/flags.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import type { PolicyEvidence, TenantFacts } from './policy-evidence.ts';
import { MAX_RATE } from './policy-limit.ts';
import { usageMetric } from './policy-metric.ts';
import type { PolicyParams } from './policy-params.ts';

/** An open finding, and what the tenant usually requests per second (null: not known). */
export interface Finding {
  readonly anomaly: Anomaly;
  readonly usualRequestsPerSecond: number | null;
  /** What the finding is about; absent: all that the tenant does. */
  readonly scope?: ThrottleScope;
  /** What its plan allows, where that is what it passes: then this is the limit, and no headroom on top. */
  readonly ceilingRequestsPerSecond?: number;
}

/** What would be written if nothing held it back. */
export interface Draft {
  readonly scope: ThrottleScope;
  readonly limit: ThrottleLimit;
  readonly mode: EnforcementMode;
  readonly expiresInSeconds: number;
}

/** What the tenant's earlier throttles say. Records of before the look-back are not in it. */
export interface TenantPast {
  /** In force, set by a person. */
  readonly human: ThrottleRecord | undefined;
  /** Automatic ones of any age, newest first. */
  readonly automatic: readonly ThrottleRecord[];
}

/** What is in force and was done lately over all tenants, with what this decision has done so far. */
export interface EstateTally {
  readonly anomalous: number;
  readonly suspended: boolean;
  /** Tenants throttled by the machine now. */
  readonly throttled: number;
  /** Their share of the weight of all. */
  readonly throttledWeight: number;
  /** When the machine began throttles lately, Unix ms; renewals are not in it. */
  readonly actedAt: readonly number[];
}

/** One finding before its guards. */
export interface GuardCase {
  readonly finding: Finding;
  readonly draft: Draft;
  readonly facts: TenantFacts | undefined;
  readonly past: TenantPast;
  readonly estate: EstateTally;
  readonly evidence: PolicyEvidence;
  readonly activeTenants: number;
  readonly mode: 'off' | EnforcementMode;
  /** Unix ms. */
  readonly now: number;
  readonly params: PolicyParams;
}

/**
 * How a guard holds back: `alert` writes nothing, `ask` asks a person first, `shadow` writes a throttle that refuses
 * nothing, `soften` writes a milder or longer-lasting one.
 */
export type HeldBack =
  | { readonly effect: 'alert'; readonly because: string }
  | { readonly effect: 'ask'; readonly because: string }
  | { readonly effect: 'shadow'; readonly because: string }
  | {
      readonly effect: 'soften';
      readonly because: string;
      readonly limit?: ThrottleLimit;
      readonly expiresInSeconds?: number;
    };

/** One reason not to throttle. Pure, and independent of the other guards. */
export interface Guard {
  readonly name: string;
  /** Which of the twenty guards of safe automation it belongs to; `T44`: of the threat model. */
  readonly row: `${'G' | 'T'}${number}`;
  readonly check: (the: GuardCase) => HeldBack | undefined;
}

export function alertOnly(because: string): HeldBack {
  return { effect: 'alert', because };
}

export function shadowOnly(because: string): HeldBack {
  return { effect: 'shadow', because };
}

/** Requests a second that the tenant sends now within what the finding is about; undefined: not known. */
export function loadOf({ finding: { anomaly, ceilingRequestsPerSecond }, facts }: GuardCase): number | undefined {
  const isRate = usageMetric(anomaly.metric) === 'requests' || ceilingRequestsPerSecond !== undefined;
  const known = isRate ? anomaly.value : (facts?.requestsPerSecond ?? undefined);
  return known !== undefined && known >= 0 && known <= MAX_RATE ? known : undefined;
}

/** The throttle that goes on if one is written now: for the same finding, ended of itself a moment ago. */
export function renewedOf({ finding, past, now, params }: GuardCase): ThrottleRecord | undefined {
  const [latest] = past.automatic;
  if (latest === undefined || latest.liftedAt !== null || latest.anomalyId !== finding.anomaly.id) return undefined;
  return now - latest.flag.expiresAt <= params.renewSeconds * 1_000 ? latest : undefined;
}
