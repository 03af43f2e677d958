/** Wire types of requests to delete a tenant; times are RFC 3339. */

export interface DeletionRequestItem {
  id: string;
  tenant_id: string;
  state: 'requested' | 'cancelled';
  reason: string;
  /** `operator` for tenant callers where the operator's people did it. */
  requested_by: string;
  requested_at: string;
  /** Nothing is deleted before, and nothing by itself. */
  not_before: string;
  ended_at: string | null;
  ended_by: string | null;
  legal_hold: boolean;
  /** One sentence: what happens now. */
  next_step: string;
}

export interface DeletionRequestList {
  items: DeletionRequestItem[];
  waiting_days: number;
}

export interface NewDeletionRequest {
  reason: string;
  /** Needed from the operator's people. */
  tenant_id?: string;
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
