/** Wire types of signing tenants up; times are RFC 3339, money micro-units. */
import type { NewRetention } from './lifecycle-retention-contract.ts';
import type { NewCap } from './spend-contract.ts';

export interface NewTenantItem {
  tenant_id: string;
  display_name?: string;
  /** One of those that there are. */
  plan?: string;
  seats?: number;
  /** Day of the month on which its months begin. */
  billing_day?: number;
  owner?: string;
  segment?: string;
  tags?: string[];
  /** Of its own, in the place of the plan's. */
  caps?: NewCap[];
  members?: { email: string; role: 'tenant_admin' | 'member' | 'viewer'; state?: 'invited' | 'active' }[];
  /** A key by which it sends its own telemetry. */
  ingest_key?: { name?: string; service?: string; expires_at?: string };
  /** `then_plan`: where it goes when the trial ends; null: off every plan; absent: it stays. */
  trial?: { ends_at: string; then_plan?: string | null };
  retention?: NewRetention;
}

export interface OnboardedTenant {
  tenant_id: string;
  /** false: telemetry or a person had named it before, and the call adopted it. */
  created: boolean;
  /** true: the same call had been made before, and nothing was done now. */
  replayed: boolean;
  onboarded_at: string;
  onboarded_by: string;
  /** `key` is shown this once; null in a repetition. */
  ingest_key: { id: string; key: string | null } | null;
  /** What it was signed up with. */
  terms: Record<string, unknown>;
}
