import type { ThrottleRecord } from '../domain/throttle-record.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { Finding } from './guard.ts';
import { type Action, decide, lookBackMs } from './policy.ts';
import { type ImpactVerdict, NO_EVIDENCE, type TenantFacts } from './policy-evidence.ts';
import type { PolicyParams } from './policy-params.ts';

/** What was so at one moment of the past. `now`: Unix ms. */
export interface PastMoment {
  readonly now: number;
  readonly findings: readonly Finding[];
  /** Verdicts of this moment; those before are remembered. */
  readonly verdicts: readonly ImpactVerdict[];
  readonly tenants: readonly TenantFacts[];
  readonly activeTenants: number;
  /** Of all tenants; null: not known. */
  readonly requestsPerSecond: number | null;
}

/**
 * The policy over the past, as if it had enforced: the code of production decides, and what it writes is in force from
 * then on. What rollups do not tell (how many instances reported, how fresh the data was) counts as well.
 */
export class PolicyReplay {
  readonly #params: PolicyParams;
  #records: ThrottleRecord[] = [];
  #verdicts: ImpactVerdict[] = [];
  #wasSuspended = false;
  #written = 0;

  constructor(params: PolicyParams) {
    this.#params = { ...params, minSources: 0 };
  }

  /** What is decided at a moment that is later than those before. */
  at({ now, findings, verdicts, tenants, activeTenants, requestsPerSecond }: PastMoment): readonly Action[] {
    const params = this.#params;
    const since = now - lookBackMs(params);
    this.#verdicts = [...this.#verdicts.filter(({ at }) => now - at <= params.verdictSeconds * SECOND_MS), ...verdicts];
    this.#records = this.#records.filter(({ flag }) => flag.expiresAt >= since);
    if (findings.length === 0) return [];
    const { actions, suspended } = decide({
      ...{ findings, throttles: this.#records, activeTenants, mode: 'enforce', now, params },
      wasSuspended: this.#wasSuspended,
      evidence: {
        ...NO_EVIDENCE,
        health: { ...NO_EVIDENCE.health, dataUntil: now },
        ...{ requestsPerSecond, tenants, verdicts: this.#verdicts },
      },
    });
    this.#wasSuspended = suspended;
    for (const action of actions) if (action.kind === 'throttle') this.#records.push(this.#record(action, now));
    return actions;
  }

  #record({ throttle }: Extract<Action, { kind: 'throttle' }>, now: number): ThrottleRecord {
    const { expiresInSeconds, anomalyId = null, ...flag } = throttle;
    this.#written += 1;
    const id = `replayed-${this.#written}`;
    return {
      flag: { ...flag, kind: 'throttle', id, expiresAt: now + expiresInSeconds * SECOND_MS, revision: this.#written },
      ...{
        createdBy: this.#params.automaticSubject,
        createdAt: now,
        liftedAt: null,
        liftedBy: null,
        anomalyId,
        acks: [],
      },
    };
  }
}
