import type { DeletionRequest } from '../../domain/deletion.ts';
import type { TenantState } from '../../domain/tenant-state.ts';
import { unixMs } from './sql-time.ts';

/** A request as its row has it; holds are asked for apart. */
export type DeletionRow = Omit<DeletionRequest, 'legalHold'> & {
  readonly failures: number;
  /** Where the tenant stood before the request closed it; null: it was closed. */
  readonly stateBefore: TenantState | null;
};

export const DELETION_COLUMNS = `request_id as "requestId", tenant_id as "tenantId", state, reason,
  legal_basis as "legalBasis", requested_by as "requestedBy", requested_by_operator as "requestedByOperator",
  ${unixMs('requested_at')} as "requestedAt", ${unixMs('not_before')} as "notBefore", ${unixMs('ended_at')} as "endedAt",
  ended_by as "endedBy", ended_by_operator as "endedByOperator", ${unixMs('started_at')} as "startedAt",
  started_by as "startedBy", step, progress, waits_for as "waitsFor", failure, failures, state_before as "stateBefore"`;
