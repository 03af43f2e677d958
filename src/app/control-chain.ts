import type { Control } from '../api/control-ports.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnomalyStore } from '../store/postgres/anomaly-store.ts';
import type { PolicyJournal } from '../store/postgres/policy-journal.ts';
import type { ThrottleStore } from '../store/postgres/throttle-store.ts';

/** Joins each decision with the finding that led to it and the throttle that came of it. */
export function decisionChains(stores: {
  readonly journal: Pick<PolicyJournal, 'list'>;
  readonly anomalies: Pick<AnomalyStore, 'byIds'>;
  readonly throttles: Pick<ThrottleStore, 'byIds'>;
}): Control['decisions'] {
  return async (actor: StaffActor, filter) => {
    const decisions = await stores.journal.list(actor, filter);
    const idsOf = (ids: readonly (string | null)[]) => [...new Set(ids.filter((id) => id !== null))];
    const [findings, throttles] = await Promise.all([
      stores.anomalies.byIds(actor, idsOf(decisions.map(({ anomalyId }) => anomalyId))),
      stores.throttles.byIds(actor, idsOf(decisions.map(({ flagId }) => flagId))),
    ]);
    const findingById = new Map(findings.map((finding) => [finding.id, finding]));
    const throttleById = new Map(throttles.map((record) => [record.flag.id, record]));
    return decisions.map(({ anomalyId, flagId, ...decision }) => ({
      ...decision,
      finding: findingById.get(anomalyId ?? ''),
      throttle: throttleById.get(flagId ?? ''),
    }));
  };
}
