/** Wire types of `/v1/degradations`; part of `contract.ts`. */
export interface DegradationItem {
  id: string;
  tenant_id: string;
  /** `ai`, `ai.key.<key>`, `ai.model.<model>` or `ai.key.<key>.model.<model>`. */
  feature: string;
  step: 'ok' | 'warn' | 'cached_only' | 'blocked';
  /** It follows from a spend cap; else a person has ordered it. */
  automatic: boolean;
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
  status: 'active' | 'expired' | 'lifted';
  ended_at: string | null;
  revision: number;
}

export interface DegradationList {
  items: DegradationItem[];
  /** Those that match; more than there are items when the limit cut some off. */
  total: number;
}

export interface NewDegradation {
  tenant_id: string;
  feature: string;
  step: 'warn' | 'cached_only' | 'blocked';
  expires_in_seconds: number;
  reason: string;
}
