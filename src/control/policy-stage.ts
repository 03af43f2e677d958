import type { GuardCase } from './guard.ts';
import { type RuleStage, STAGES, type Stage, type TenantStage } from './policy-evidence.ts';

/** How far the installation's setting goes; `enforce` is a human act for every rule and tenant at once. */
const INSTALLATION: Readonly<Record<GuardCase['mode'], Stage>> = { off: 'off', shadow: 'shadow', enforce: 'full' };

const rank = (stage: Stage) => STAGES.indexOf(stage);

type StageCase = Pick<GuardCase, 'finding' | 'evidence' | 'mode'>;

function recordsOf({ finding: { anomaly }, evidence }: StageCase): {
  readonly rule: RuleStage | undefined;
  readonly tenant: TenantStage | undefined;
} {
  return {
    rule: evidence.ruleStages.find(({ rule }) => rule === anomaly.rule),
    tenant: evidence.tenantStages.find(({ tenantId }) => tenantId === anomaly.tenantId),
  };
}

/** How far automation may go for a finding: as far as both its rule and its tenant, and nowhere when the mode is off. */
export function effectiveStage(the: StageCase): Stage {
  if (the.mode === 'off') return 'off';
  const { rule, tenant } = recordsOf(the);
  const installation = INSTALLATION[the.mode];
  const [ofRule, ofTenant] = [rule?.stage ?? installation, tenant?.stage ?? installation];
  return rank(ofRule) < rank(ofTenant) ? ofRule : ofTenant;
}

/** The promotions that a finding's stage rests on and that go beyond the installation's setting. */
export function promotionsBeyond(the: StageCase): {
  readonly rule: RuleStage | undefined;
  readonly tenant: TenantStage | undefined;
} {
  const { rule, tenant } = recordsOf(the);
  const isBeyond = ({ stage }: { readonly stage: Stage }) => rank(stage) > rank(INSTALLATION[the.mode]);
  return {
    rule: rule !== undefined && isBeyond(rule) ? rule : undefined,
    tenant: tenant !== undefined && isBeyond(tenant) ? tenant : undefined,
  };
}
