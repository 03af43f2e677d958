import type { PolicyParams } from '../control/policy.ts';
import type { ApprovalAsker } from '../control/ports.ts';
import type { AlertCondition } from '../domain/alert.ts';
import type { Approval } from '../domain/automation.ts';
import type { ApprovalStore } from '../store/postgres/approval-store.ts';

const TITLE_MAX = 200;
const REASON_MAX = 1_000;

/** Brings what the policy does not decide alone before people. */
export function approvalAsker(store: Pick<ApprovalStore, 'ask'>, params: PolicyParams): ApprovalAsker {
  const actor = { kind: 'system', subject: params.automaticSubject } as const;
  return {
    ask: async ({ tenantId, anomalyId, throttle, explanation }) => {
      const proposal = { kind: 'throttle', anomalyId, throttle } as const;
      await store.ask(actor, { tenantId, proposal, explanation, expiresInSeconds: params.approvalSeconds });
    },
  };
}

/** A question that waits, as people are told of it; they hear of its end too, whoever answered or nobody. */
export function approvalCondition({ id, tenantId, proposal, explanation, askedAt }: Approval): AlertCondition {
  const isThrottle = proposal.kind === 'throttle';
  const what = isThrottle
    ? `Approve or deny: a limit of ${proposal.throttle.limit.requestsPerSecond} requests/s for ${tenantId}`
    : `Approve or deny: ${proposal.rule} to stage ${proposal.stage}`;
  return {
    tenantId,
    kind: 'throttle',
    key: `approval ${id}`,
    severity: isThrottle ? 'critical' : 'warning',
    title: what.slice(0, TITLE_MAX),
    reason: explanation.slice(0, REASON_MAX),
    link: '/',
    startedAt: askedAt,
  };
}
