/** Wire types of what a plan lets a tenant's people do here. */

export interface PlanFeatureItem {
  feature: string;
  about: string;
  included: boolean;
}

export interface PlanFeatureList {
  tenant_id: string;
  plan: string | null;
  items: PlanFeatureItem[];
}
