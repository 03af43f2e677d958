import { type RuleStage, STAGES, type Stage, type TenantStage } from '../domain/automation.ts';
import type { GuardCase } from './guard.ts';

/** How far the installation's setting goes; `enforce` is a human act for every rule and tenant at once. */
export const INSTALLATION_STAGE: Readonly<Record<GuardCase['mode'], Stage>> = {
  off: 'off',
  shadow: 'shadow',
  enforce: 'enforce',
};

export function stageRank(stage: Stage): number {
  return STAGES.indexOf(stage);
}

type StageCase = Pick<GuardCase, 'finding' | 'evidence' | 'mode'>;

function ruleOf({ finding: { anomaly }, evidence }: StageCase): RuleStage | undefined {
  return evidence.ruleStages.find(({ rule }) => rule === anomaly.rule);
}

function tenantOf({ finding: { anomaly }, evidence }: StageCase): TenantStage | undefined {
  return evidence.tenantStages.find(({ tenantId }) => tenantId === anomaly.tenantId);
}

/**
 * How far automation may go for a finding: as far as its rule, which follows the installation unless somebody moved it,
 * no farther than its tenant may be gone with, and nowhere when the mode is off.
 */
export function effectiveStage(the: StageCase): Stage {
  if (the.mode === 'off') return 'off';
  const ofRule = ruleOf(the)?.stage ?? INSTALLATION_STAGE[the.mode];
  const ofTenant = tenantOf(the)?.stage ?? ofRule;
  return stageRank(ofRule) < stageRank(ofTenant) ? ofRule : ofTenant;
}

/** The promotion that a finding's stage rests on, if it goes beyond the installation's setting. */
export function promotionBeyond(the: StageCase): RuleStage | undefined {
  const rule = ruleOf(the);
  return rule !== undefined && stageRank(rule.stage) > stageRank(INSTALLATION_STAGE[the.mode]) ? rule : undefined;
}
