/** Words of a tenant's wish to be deleted, and which state may follow which. Pure. */
import type { TenantId } from './tenant-id.ts';
import { MINUTE_MS } from './window.ts';

/** So long a tenant can think again, and nothing is deleted, where neither settings nor the request say otherwise. */
export const DELETION_WAITING_DAYS = 14;
export const MOST_DELETION_WAITING_DAYS = 365;

/**
 *   requested --begin--> running --finish--> (the row is gone, the certificate stands)
 *       |                  | ^
 *     cancel             fail retry
 *       v                  v |
 *   cancelled            failed
 *
 * A legal hold stops every arrow but cancel and fail: what is not deleted yet stays.
 */
export type DeletionState = 'requested' | 'cancelled' | 'running' | 'failed';
export type DeletionEvent = 'cancel' | 'begin' | 'fail' | 'retry' | 'finish';

/** What the job does, in this order. Each step can be done over. */
export const DELETION_STEPS = ['close', 'drain', 'files', 'telemetry', 'memory', 'control-plane'] as const;
export type DeletionStep = (typeof DELETION_STEPS)[number];

/** The step after this one; undefined: it was the last. */
export function stepAfter(step: DeletionStep): DeletionStep | undefined {
  return DELETION_STEPS[DELETION_STEPS.indexOf(step) + 1];
}

/** Times are Unix ms. */
export interface DeletionRequest {
  readonly requestId: string;
  readonly tenantId: TenantId;
  readonly state: DeletionState;
  readonly reason: string;
  /** Which duty or right is fulfilled; empty: nobody said. */
  readonly legalBasis: string;
  readonly requestedBy: string;
  readonly requestedByOperator: boolean;
  readonly requestedAt: number;
  /** Nothing is deleted before. */
  readonly notBefore: number;
  /** null: it stands. */
  readonly endedAt: number | null;
  readonly endedBy: string | null;
  readonly endedByOperator: boolean | null;
  readonly startedAt: number | null;
  readonly startedBy: string | null;
  /** What the job is at; null: it has not begun. */
  readonly step: DeletionStep | null;
  /** `clickhouse.spans` -> rows deleted so far. */
  readonly progress: Readonly<Record<string, number>>;
  /** What the job waits for, as a sentence; null: nothing. */
  readonly waitsFor: string | null;
  readonly failure: string | null;
  /** Nothing of the tenant may be deleted while this holds, whatever was requested. */
  readonly legalHold: boolean;
}

export interface LegalHold {
  readonly tenantId: TenantId;
  readonly reason: string;
  readonly setBy: string;
  /** Unix ms. */
  readonly setAt: number;
}

export interface DeletionSituation {
  readonly state: DeletionState;
  readonly event: DeletionEvent;
  /** Unix ms. */
  readonly now: number;
  readonly notBefore: number;
  readonly legalHold: boolean;
  /** One of the tenant's people, and none of the operator's. */
  readonly byTenant: boolean;
}

export type DeletionRefusal = 'not-in-this-state' | 'too-early' | 'too-late' | 'legal-hold' | 'operators-only';
export type DeletionVerdict = { readonly next: DeletionState | 'done' } | { readonly refusal: DeletionRefusal };

const ARROWS: Readonly<Record<DeletionEvent, Partial<Record<DeletionState, DeletionState | 'done'>>>> = {
  cancel: { requested: 'cancelled' },
  begin: { requested: 'running' },
  fail: { running: 'failed' },
  retry: { failed: 'running' },
  finish: { running: 'done' },
};

/** Which state follows, or why none does. */
export function deletionVerdict(situation: DeletionSituation): DeletionVerdict {
  const { state, event, now, notBefore, legalHold, byTenant } = situation;
  const next = ARROWS[event][state];
  if (next === undefined) return { refusal: 'not-in-this-state' };
  if (event === 'cancel') return byTenant && now >= notBefore ? { refusal: 'too-late' } : { next };
  if (byTenant) return { refusal: 'operators-only' };
  if (event === 'begin' && now < notBefore) return { refusal: 'too-early' };
  if (legalHold && event !== 'fail') return { refusal: 'legal-hold' };
  return { next };
}

const FIRST_RETRY_MS = MINUTE_MS;
const LAST_RETRY_MS = 60 * MINUTE_MS;
/** Failures after which a person has to look. */
export const MOST_DELETION_FAILURES = 8;

/** Wait before a step that failed is tried again, slower and slower. */
export function deletionRetryMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1));
}
