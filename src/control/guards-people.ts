/** Guards that carry people's word: kill switch, overrides, allow-list, promotion, approval, canary. */
import { UNKNOWN_TENANT } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { alertOnly, type Guard, shadowOnly } from './guard.ts';
import { effectiveStage, promotionsBeyond } from './policy-stage.ts';

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

/** A promotion beyond what the installation allows touches every tenant if it is a rule's, else the tenants promoted. */
export const secondPerson: Guard = {
  name: 'needs-approval',
  row: 'G18',
  check: (the) => {
    const { rule, tenant } = promotionsBeyond(the);
    if (rule !== undefined && !isApproved(rule)) {
      return shadowOnly(`the promotion of ${rule.rule} by ${rule.by} concerns every tenant and needs a second person`);
    }
    const { evidence, activeTenants, params } = the;
    const promoted = evidence.tenantStages.filter(({ stage }) => stage === 'ramp' || stage === 'full').length;
    if (tenant === undefined || isApproved(tenant) || promoted <= params.approvalShare * activeTenants)
      return undefined;
    return shadowOnly(
      `${promoted} tenants are promoted, more than ${params.approvalShare * 100} %: that needs a second person`,
    );
  },
};

function isApproved({ by, approvedBy }: { readonly by: string; readonly approvedBy: string | null }): boolean {
  return approvedBy !== null && approvedBy !== by;
}

export const canary: Guard = {
  name: 'unproven-rule',
  row: 'G19',
  check: (the) => {
    const { rule } = promotionsBeyond(the);
    if (rule === undefined || rule.unprovenBecause !== null) return undefined;
    const { backtest } = rule;
    if (backtest === null) return shadowOnly(`${rule.rule} has not been replayed on history`);
    const { minPrecision, maxFalsePerThousandTenantDays: maxFalse } = the.params;
    const passes = backtest.precision >= minPrecision && backtest.falsePerThousandTenantDays <= maxFalse;
    if (passes) return undefined;
    return shadowOnly(
      `${rule.rule} had a precision of ${backtest.precision} and ${backtest.falsePerThousandTenantDays} false throttles ` +
        `in 1,000 tenant-days on history; asked for are ${minPrecision} and ${maxFalse}`,
    );
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
