/** Which of Tenantry's own features an operator may leave to some of its plans. */

/** What a tenant's people have with it. Who must always be able to do something (leave, see their usage) has no word here. */
export const PLAN_FEATURES = {
  scim: 'A directory (Okta, Entra ID) tells who its people are, and groups become roles',
  audit_log: 'The log of what was done about it, and by whom',
  traces: 'Single requests, span by span',
  queries: 'Its database statements, and the slow ones',
  sql: 'Questions in SQL of its own',
  embed: 'Its usage inside the product that it uses',
} as const;

export type PlanFeature = keyof typeof PLAN_FEATURES;
export const PLAN_FEATURE_NAMES = Object.keys(PLAN_FEATURES) as readonly PlanFeature[];

export function isPlanFeature(text: string): text is PlanFeature {
  return Object.hasOwn(PLAN_FEATURES, text);
}

/** What a tenant's plan includes now. */
export interface PlanInclusion {
  /** null: on none. */
  readonly plan: string | null;
  /** The operator's own names; null: nobody has said. */
  readonly features: readonly string[] | null;
  /** Tenantry's features; null: nobody has said, so all of them. */
  readonly tenantryFeatures: readonly PlanFeature[] | null;
}

export function includesFeature({ tenantryFeatures }: PlanInclusion, feature: PlanFeature): boolean {
  return tenantryFeatures === null || tenantryFeatures.includes(feature);
}
