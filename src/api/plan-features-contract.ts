/** Wire types of what a plan lets a tenant's people do here. */

interface PlanFeatureItem {
  feature: 'scim' | 'audit_log' | 'traces' | 'queries' | 'sql' | 'embed';
  about: string;
  included: boolean;
}

export interface PlanFeatureList {
  tenant_id: string;
  plan: string | null;
  items: PlanFeatureItem[];
}
