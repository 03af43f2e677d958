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
