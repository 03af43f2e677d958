import { createHash } from 'node:crypto';
import { POLICY, type PolicyParams } from '../control/policy.ts';
import { ERROR_RATE_PARAMS } from '../detect/error-rate.ts';
import { TOKENS_PER_CALL_PARAMS } from '../detect/latency.ts';
import { OWNER_RULE, ownerRuleParams } from '../detect/owner-rule.ts';
import { PLAN_CEILING_RULE } from '../detect/plan-ceiling.ts';
import { RULE_VERSIONS, type RuleSetName } from '../detect/rule-sets.ts';
import { SURGE_PARAMS } from '../detect/surge-params.ts';
import { TenantryError } from '../domain/errors.ts';

/** Rules whose findings the policy decides about. */
export const ACTING_RULES: readonly string[] = [OWNER_RULE, RULE_VERSIONS.tenantry, PLAN_CEILING_RULE];

const PARTS: Readonly<Record<string, unknown>> = {
  [OWNER_RULE]: ownerRuleParams('requests'),
  [RULE_VERSIONS.tenantry]: { SURGE_PARAMS, ERROR_RATE_PARAMS, TOKENS_PER_CALL_PARAMS },
};

/**
 * SHA-256 over all that a rule and the policy behind it are made of: what was measured with one hash says nothing about
 * the rule with another.
 */
export function ruleHash(rule: string, params: PolicyParams): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, PARTS[rule] ?? null, POLICY, params]))
    .digest('hex');
}

export function ruleHashes(params: PolicyParams): ReadonlyMap<string, string> {
  return new Map(ACTING_RULES.map((rule) => [rule, ruleHash(rule, params)]));
}

/** The rule set that replays a rule on stored minutes. @throws TenantryError BAD_REQUEST for rules without one */
export function ruleSetOf(rule: string): RuleSetName {
  const [name] = Object.entries(RULE_VERSIONS).find(([, version]) => version === rule) ?? [];
  if (name === undefined || !ACTING_RULES.includes(rule)) {
    throw new TenantryError('BAD_REQUEST', `${rule} cannot be replayed on stored minutes.`, {
      hint: `One of: ${[OWNER_RULE, RULE_VERSIONS.tenantry].join(', ')}.`,
    });
  }
  return name as RuleSetName;
}
