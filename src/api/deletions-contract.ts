/** Wire types of the deletion of tenants: requests, legal holds, certificates. Times are RFC 3339. */

export interface DeletionRequestItem {
  id: string;
  tenant_id: string;
  state: 'requested' | 'cancelled' | 'running' | 'failed';
  reason: string;
  /** Which duty or right is fulfilled; empty: nobody said. */
  legal_basis: string;
  /** `operator` for tenant callers where the operator's people did it. */
  requested_by: string;
  requested_at: string;
  /** Nothing is deleted before. */
  not_before: string;
  ended_at: string | null;
  ended_by: string | null;
  started_at: string | null;
  /** What the deletion is at; null: it has not begun. */
  step: 'close' | 'drain' | 'files' | 'telemetry' | 'memory' | 'control-plane' | null;
  /** How many of the steps are behind it. */
  steps_done: number;
  steps_total: number;
  /** Rows deleted so far, table by table; empty for tenant callers. */
  progress: { place: string; rows: number }[];
  waits_for: string | null;
  /** Why the last attempt at the step failed; null for tenant callers. */
  failure: string | null;
  legal_hold: boolean;
  /** One sentence: what happens now. */
  next_step: string;
}

export interface DeletionRequestList {
  items: DeletionRequestItem[];
  waiting_days: number;
  /** Requests are carried out when they are due; false: when an admin starts them. */
  automatic: boolean;
}

export interface NewDeletionRequest {
  reason: string;
  /** Needed from the operator's people. */
  tenant_id?: string;
  legal_basis?: string;
  /** Only from the operator's people. */
  waiting_days?: number;
}

export interface LegalHoldItem {
  tenant_id: string;
  reason: string;
  set_by: string;
  set_at: string;
}

export interface LegalHoldList {
  items: LegalHoldItem[];
}

interface DeletionProofItem {
  place: string;
  query: string;
  result: number;
}

export interface DeletionCertificateSummary {
  id: string;
  pseudonym: string;
  requested_at: string;
  finished_at: string;
  legal_basis: string;
  rows_deleted: number;
}

export interface DeletionCertificateList {
  items: DeletionCertificateSummary[];
}

export interface DeletionCertificateItem extends DeletionCertificateSummary {
  requested_by: 'tenant' | 'operator';
  not_before: string;
  started_at: string;
  started_by: 'operator' | 'schedule';
  tenantry_version: string;
  deleted: { place: string; rows: number }[];
  kept_under_pseudonym: { place: string; rows: number }[];
  names_taken_out: { place: string; rows: number }[];
  audit_records: number;
  proofs: DeletionProofItem[];
  /** What this does not prove. */
  limits: string[];
  /** The very text that is signed (JSON). */
  signed_text: string;
  sha256: string;
  /** Ed25519, base64. */
  signature: string;
  /** SPKI, base64. */
  public_key: string;
  /** What was done to the stores' files afterwards; null: not done yet. */
  aftercare: { at: string; notes: string[]; files_left: string[] | null } | null;
}

export interface DeletionVerification {
  certificate_id: string;
  checked_at: string;
  holds: boolean;
  signature_good: boolean;
  chained: boolean;
  audit_as_left: boolean;
  /** The tenant was entered anew since, so that rows of it are no fault. */
  entered_anew: boolean;
  proofs: DeletionProofItem[];
  /** Files that name the tenant; null: not searched, as the tenant's id was not given. */
  files_left: string[] | null;
}
