import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { AuditEntry } from './audit-entry.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

export interface AuditRecord {
  /** Grows with time; gaps are rolled-back transactions. */
  readonly seq: number;
  /** Unix ms. */
  readonly at: number;
  readonly subject: string;
  readonly role: string;
  readonly tenantId: TenantId | null;
  readonly action: string;
  readonly resource: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string | null;
}

export interface AuditFilter {
  readonly tenantId?: TenantId;
  /** Only records older than this one; for paging. */
  readonly beforeSeq?: number;
  readonly limit: number;
}

/** What was done by whom. Repositories append in their own transactions; `append` is for what no table holds. */
export class AuditLog {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async append(actor: StaffActor, entry: AuditEntry): Promise<void> {
    await this.#postgres.inStaffTransaction(actor, (transaction) => transaction.audit(entry));
  }

  /** Newest first. */
  async list(actor: StaffActor, filter: AuditFilter): Promise<readonly AuditRecord[]> {
    return this.#postgres.inStaffTransaction(actor, (transaction) =>
      transaction.query<AuditRecord>(
        `select seq::float8 as seq, ${unixMs('at')} as at, subject, role, tenant_id as "tenantId", action, resource,
                before, after, request_id as "requestId"
         from tenantry.audit_log
         where ($1::text is null or tenant_id = $1) and ($2::bigint is null or seq < $2)
         order by seq desc limit $3`,
        [filter.tenantId ?? null, filter.beforeSeq ?? null, filter.limit],
      ),
    );
  }
}
