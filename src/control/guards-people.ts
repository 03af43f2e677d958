/** Guards that carry people's word: kill switch, overrides, allow-list, promotion, approval, canary. */
import { UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { alertOnly, type Guard, type GuardCase, loadOf, shadowOnly } from './guard.ts';
import { backtestProblem } from './policy-promotion.ts';
import { effectiveStage, promotionBeyond } from './policy-stage.ts';

export const killSwitch: Guard = {
  name: 'kill-switch',
  row: 'G14',
  check: ({
    evidence: {
      killSwitch: { on, reason },
    },
  }) => (on ? alertOnly(`the kill switch is on${reason === '' ? '' : ` (${reason})`}`) : undefined),
};

export const modeOff: Guard = {
  name: 'mode-off',
  row: 'G1',
  check: (the) => {
    if (the.mode === 'off') return alertOnly('automatic throttling is off');
    return effectiveStage(the) === 'off' ? alertOnly('automatic throttling is off for its rule or for it') : undefined;
  },
};

export const shadowFirst: Guard = {
  name: 'shadow-first',
  row: 'G1',
  check: (the) =>
    effectiveStage(the) === 'shadow' ? shadowOnly('nobody has promoted its rule and it beyond shadow') : undefined,
};

/** A promotion beyond what the installation allows concerns every tenant. */
export const secondPerson: Guard = {
  name: 'needs-approval',
  row: 'G18',
  check: (the) => {
    const rule = promotionBeyond(the);
    if (rule === undefined || (rule.approvedBy !== null && rule.approvedBy !== rule.by)) return undefined;
    return shadowOnly(`the promotion of ${rule.rule} by ${rule.by} concerns every tenant and needs a second person`);
  },
};

/** What is drastic, and what concerns a tenant of weight, waits for a person; without an answer nothing is done. */
export const person: Guard = {
  name: 'needs-person',
  row: 'G18',
  check: (the) => {
    const why = whyPerson(the);
    if (why === undefined) return undefined;
    const asked = the.evidence.approvals.find(({ anomalyId }) => anomalyId === the.finding.anomaly.id);
    switch (asked?.state) {
      case undefined:
        return { effect: 'ask', because: `${why}, so a person decides` };
      case 'approved':
        return { effect: 'soften', because: `${why}; approved by ${asked?.by ?? 'somebody'}` };
      case 'denied':
        return alertOnly(`${why}, and ${asked?.by ?? 'somebody'} decided against it`);
      case 'expired':
        return alertOnly(`${why}, and nobody answered in time`);
      case 'pending':
        return alertOnly(`${why}, and nobody has answered yet`);
    }
  },
};

/** Times the share that each would have if all weighed the same. */
const LARGER_THAN_MOST = 1.5;

function whyPerson(the: GuardCase): string | undefined {
  const { draft, facts, activeTenants, params } = the;
  // What refuses nothing needs nobody.
  if (draft.mode === 'shadow') return undefined;
  const guarded = facts?.guardedBecause ?? null;
  if (guarded !== null) return guarded;
  const weight = facts?.weightShare ?? 0;
  // Among few tenants everybody's share is large: only one that is larger than most counts.
  if (weight >= params.approvalWeightShare && weight * activeTenants > LARGER_THAN_MOST) {
    return `it has ${Math.round(weight * 100)} % of the weight of all tenants`;
  }
  const load = loadOf(the);
  const cut = load === undefined || load === 0 ? 0 : 1 - draft.limit.requestsPerSecond / load;
  return cut > params.approvalCutShare ? `${Math.round(cut * 100)} % of what it sends would be cut` : undefined;
}

export const canary: Guard = {
  name: 'unproven-rule',
  row: 'G19',
  check: (the) => {
    const rule = promotionBeyond(the);
    if (rule === undefined || rule.unprovenBecause !== null) return undefined;
    const problem = backtestProblem(rule.backtest, the.params);
    return problem === undefined ? undefined : shadowOnly(`${rule.rule} ${problem}`);
  },
};

export const allowList: Guard = {
  name: 'allow-listed',
  row: 'G12',
  check: ({ finding, evidence, now }) => {
    const { tenantId } = finding.anomaly;
    const entry = evidence.allowList.find((one) => one.tenantId === tenantId && one.expiresAt > now);
    return entry && alertOnly(`${entry.owner} put it on the allow-list (${entry.reason})`);
  },
};

/** Its requests are refused or few: what is left of them says nothing, and a throttle would outlive the suspension. */
export const heldTenant: Guard = {
  name: 'held',
  row: 'G13',
  check: ({ finding, evidence }) =>
    evidence.heldTenants?.includes(finding.anomaly.tenantId) === true
      ? alertOnly('it is suspended or closed')
      : undefined,
};

export const unknownTenant: Guard = {
  name: 'unknown-tenant',
  row: 'T44',
  check: ({ finding }) =>
    finding.anomaly.tenantId === UNKNOWN_TENANT
      ? alertOnly('requests without a tenant are never throttled')
      : undefined,
};

export const humanThrottle: Guard = {
  name: 'human-throttle',
  row: 'G13',
  check: ({ past }) => (past.human === undefined ? undefined : alertOnly('somebody set a throttle for this tenant')),
};

export const humanLift: Guard = {
  name: 'human-lift',
  row: 'G13',
  check: ({ past, now, params }) => {
    const lifted = past.automatic.some(
      ({ liftedAt, liftedBy }) =>
        liftedAt !== null &&
        liftedBy !== params.automaticSubject &&
        now < liftedAt + params.leaveAloneSeconds * SECOND_MS,
    );
    return lifted ? alertOnly('somebody lifted an automatic throttle of this tenant a short while ago') : undefined;
  },
};
