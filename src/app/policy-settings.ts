import type { Config } from '../config/config.ts';
import { POLICY_DEFAULTS, type PolicyParams } from '../control/policy.ts';

/** The policy as it is configured; what has no setting is as the policy has it. */
export function policyParamsOf(config: Config): PolicyParams {
  return {
    ...POLICY_DEFAULTS,
    throttleSeconds: config.TENANTRY_THROTTLE_SECONDS,
    maxThrottleSeconds: config.TENANTRY_THROTTLE_MAX_SECONDS,
    needsImpact: config.TENANTRY_THROTTLE_NEEDS_IMPACT,
    minHistorySeconds: config.TENANTRY_THROTTLE_MIN_HISTORY_SECONDS,
    minSources: config.TENANTRY_THROTTLE_MIN_SOURCES,
    settleSeconds: config.TENANTRY_THROTTLE_SETTLE_SECONDS,
    approvalCutShare: config.TENANTRY_THROTTLE_APPROVAL_CUT,
    approvalSeconds: config.TENANTRY_THROTTLE_APPROVAL_SECONDS,
    minStageSeconds: config.TENANTRY_PROMOTION_HOLD_SECONDS,
    protectedRoutes: config.TENANTRY_PROTECTED_ROUTES.map((segment) => segment.toLowerCase()),
    // Whoever lets the detector find less than the policy asks for means it.
    minRatio: Math.min(POLICY_DEFAULTS.minRatio, config.TENANTRY_DETECT_RATIO),
  };
}
