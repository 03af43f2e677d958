import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };

/** What the control plane knows of tenants that a decision is made from. */
export class PolicyFacts {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Unix ms at which each of the tenants was first named; those nobody has named are absent. */
  async firstSeen(tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, number>> {
    if (tenants.length === 0) return new Map();
    const rows = await this.#postgres.inReadTransaction(DETECTOR, (transaction) =>
      transaction.query<{ tenant_id: TenantId; first_ms: number }>(
        `select tenant_id, ${unixMs('first_seen_at')} as first_ms from tenantry.tenants where tenant_id = any($1)`,
        [tenants],
      ),
    );
    return new Map(rows.map((row) => [row.tenant_id, row.first_ms]));
  }
}
