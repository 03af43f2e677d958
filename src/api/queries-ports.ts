import type { StaffActor } from '../domain/actor.ts';
import type { QueryAuditState } from '../domain/query-audit.ts';

export interface QueryAudits {
  /** The last look at each of the operator's own databases, in order of their names. */
  list(actor: StaffActor): Promise<readonly QueryAuditState[]>;
}
