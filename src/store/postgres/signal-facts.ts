import type { StaffActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

const SIGNALS: StaffActor = { kind: 'system', subject: 'signals' };

/** How long a tenant was held back, in ms; flags that overlap count once. */
export interface LimitedTimeRow {
  readonly tenantId: TenantId;
  readonly throttledMs: number;
  readonly degradedMs: number;
}

/** What the control plane knows of tenants that signals are made from. */
export class SignalFacts {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** Tenants that were held back in the window by a throttle that was enforced, or by a feature that was degraded. */
  async limited(window: Window): Promise<readonly LimitedTimeRow[]> {
    return this.#postgres.inStaffTransaction(SIGNALS, (transaction) =>
      transaction.query<LimitedTimeRow>(
        `with held as (
           select tenant_id, kind, greatest(created_at, ${fromUnixMs('$1')}) as from_at,
                  least(expires_at, coalesce(lifted_at, expires_at), ${fromUnixMs('$2')}) as to_at
           from tenantry.flags
           where mode = 'enforce' and created_at < ${fromUnixMs('$2')} and expires_at > ${fromUnixMs('$1')}
             and (kind = 'throttle' or kind = 'degrade' and value ->> 'step' in ('cached_only', 'blocked'))),
         spans as (
           select tenant_id, kind, unnest(range_agg(tstzrange(from_at, to_at))) as span
           from held where from_at < to_at group by tenant_id, kind)
         select tenant_id as "tenantId",
                coalesce(sum(extract(epoch from upper(span) - lower(span))) filter (where kind = 'throttle'), 0)::float8 * 1000 as "throttledMs",
                coalesce(sum(extract(epoch from upper(span) - lower(span))) filter (where kind = 'degrade'), 0)::float8 * 1000 as "degradedMs"
         from spans group by tenant_id order by tenant_id`,
        [window.from, window.to],
      ),
    );
  }

  /** When each tenant was first seen, Unix ms. */
  async firstSeen(): Promise<ReadonlyMap<TenantId, number>> {
    const rows = await this.#postgres.inStaffTransaction(SIGNALS, (transaction) =>
      transaction.query<{ tenant_id: TenantId; first_ms: number }>(
        `select tenant_id, ${unixMs('first_seen_at')} as first_ms from tenantry.tenants where status <> 'closed'`,
      ),
    );
    return new Map(rows.map((row) => [row.tenant_id, row.first_ms]));
  }
}
