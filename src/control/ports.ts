import type { StaffActor } from '../domain/actor.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { NewThrottle, ThrottleRecord } from '../domain/throttle-record.ts';
import type { Finding } from './guard.ts';
import type { Action, Decision, Situation } from './policy.ts';
import type { PolicyEvidence } from './policy-evidence.ts';

/** What control needs of the control plane: to read what was decided lately, and to write and end a throttle. */
export interface ThrottleReader {
  /** Throttles that are in force at `now`, and those that began or ended after `since`, of every tenant. Unix ms. */
  recent(now: number, since: number): Promise<readonly ThrottleRecord[]>;
}

export interface ThrottleWriter {
  create(actor: StaffActor, throttle: NewThrottle): Promise<ThrottleRecord>;
  /** Undefined if it has already ended. */
  lift(actor: StaffActor, id: string): Promise<ThrottleRecord | undefined>;
}

export interface EvidenceReader {
  /** What is known about the tenants of these findings, now. */
  gather(question: {
    readonly findings: readonly Finding[];
    readonly throttles: readonly ThrottleRecord[];
    /** Who does anything now: weights are shares of theirs. */
    readonly activeTenants: readonly TenantId[];
    /** Unix ms up to which everything that arrived is counted; null: nothing has arrived. */
    readonly dataUntil: number | null;
    readonly now: number;
  }): Promise<PolicyEvidence>;
}

/** Brings a throttle before a person. */
export interface ApprovalAsker {
  ask(action: Extract<Action, { kind: 'ask' }>): Promise<void>;
}

/** What must not be forgotten when another process leads. Unix ms. */
export interface PolicyMemory {
  /** Why automatic throttling stands still; null: it does not. */
  readonly page: string | null;
  readonly pageSince: number | null;
  /** Up to when tenants were judged; null: never. */
  readonly judgedUntil: number | null;
  /** The detector's own state as text; null: none. When saved, undefined leaves it as it is. */
  readonly detector?: string | null | undefined;
}

export interface PolicyMemoryStore {
  load(): Promise<PolicyMemory>;
  save(memory: PolicyMemory): Promise<void>;
}

/** Keeps what was decided, with all that it was decided from. */
export interface DecisionJournal {
  /** `throttle`: what was written or lifted, undefined for an alert or a page. Once for every action carried out. */
  note(situation: Situation, decision: Decision, action: Action, throttle: ThrottleRecord | undefined): Promise<void>;
}
