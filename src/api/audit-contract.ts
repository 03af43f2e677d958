/** Wire types of the audit log; see contract.ts. */

export interface AuditItem {
  id: string;
  at: string;
  /** Who; for a tenant's people, the operator's are `operator` and `system`. */
  actor: string;
  role: string;
  /** `<noun>.<verb>`: `throttle.create`. */
  action: string;
  tenant_id: string | null;
  resource: string;
  before: unknown;
  after: unknown;
  request_id: string | null;
}

export interface AuditList {
  items: AuditItem[];
  next_cursor: string | null;
}

/** What does not fit in the log, in plain words. `position` is the place in the chain, where it is about one. */
interface AuditProblem {
  kind: 'edited' | 'missing' | 'unchained' | 'truncated' | 'rewritten';
  position: number | null;
  /** Of the record, where there is one. */
  id: string | null;
  detail: string;
}

export interface AuditChain {
  /** `checking`: a check is under way, the rest is of the one before. */
  state: 'intact' | 'broken' | 'checking' | 'unchecked';
  /** Of the last check that ended; null: none has since the server started. */
  checked_at: string | null;
  /** Records that the last check read. */
  entries: number;
  /** Of a check that is under way. */
  progress: { checked: number; total: number } | null;
  /** At most the first hundred. */
  problems: AuditProblem[];
  problems_total: number;
  /** The end of the chain, to be kept elsewhere: nobody who has it can be shown a shorter or another log. */
  head: { position: number; hash: string } | null;
}
