/** Words of signals: what sales should look at about a tenant, with what it is told by. Times are Unix ms. */
import type { TenantId } from './tenant-id.ts';

export const SIGNAL_KINDS = [
  'near_quota',
  'growth',
  'beyond_plan',
  'negative_margin',
  'limited_experience',
  'shrinking',
] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

/** The figures behind a signal, and paths of the API that show where they come from. */
export interface SignalEvidence {
  readonly figures: Readonly<Record<string, number | string | null>>;
  readonly links: readonly string[];
}

/** What a signal is about. `subject`: a quota's key, a metric or a feature; '' if its kind has only one. */
export interface SignalId {
  readonly tenantId: TenantId;
  readonly kind: SignalKind;
  readonly subject: string;
}

/**
 * Whether a condition holds right now. `between`: less than it takes to begin, more than it takes to end. `unknown`: it
 * could not be measured, which ends nothing and begins nothing.
 */
export type SignalGrade = 'on' | 'between' | 'off' | 'unknown';

export interface SignalObservation extends SignalId {
  readonly grade: SignalGrade;
  /** 0 to 100. */
  readonly strength: number;
  /** One sentence for people, with its numbers. */
  readonly sentence: string;
  readonly evidence: SignalEvidence;
}

interface SignalDismissal {
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  /** null: for as long as the signal lasts. */
  readonly until: number | null;
}

export interface Signal extends SignalId {
  readonly id: string;
  /** Since when the condition has held. */
  readonly since: number;
  /** When it was last seen to hold. */
  readonly seenAt: number;
  readonly strength: number;
  readonly sentence: string;
  readonly evidence: SignalEvidence;
  readonly endedAt: number | null;
  readonly dismissal: SignalDismissal | null;
}

export const SIGNAL_STATUSES = ['open', 'dismissed', 'ended'] as const;
export type SignalStatus = (typeof SIGNAL_STATUSES)[number];

/** A dismissal with an end is over then. */
export function signalStatus({ endedAt, dismissal }: Pick<Signal, 'endedAt' | 'dismissal'>, now: number): SignalStatus {
  if (endedAt !== null) return 'ended';
  return dismissal !== null && (dismissal.until === null || dismissal.until > now) ? 'dismissed' : 'open';
}

export function signalKey({ tenantId, kind, subject }: SignalId): string {
  return `${tenantId} ${kind} ${subject}`;
}
