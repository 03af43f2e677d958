import type { Logger } from 'pino';
import { type LastSeenRow, lastSeen } from '../aggregate/queries/across-tenants/last-seen.ts';
import type { Directory } from '../api/lifecycle-ports.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { TenantRoster } from '../store/postgres/tenant-roster.ts';

export interface LifecycleOptions {
  readonly postgres: Postgres;
  readonly clickhouse: AnalyticsReader;
  readonly log: Logger;
}

/** The directory of tenants: what people and Postgres know of each, and when telemetry last saw it. */
export function startLifecycle({ postgres, clickhouse, log }: LifecycleOptions): Directory {
  const roster = new TenantRoster(postgres);

  /** undefined: telemetry cannot be read. Who is on which plan must stay readable then. */
  async function seen(tenants: readonly TenantId[], now: number) {
    try {
      const rows = tenants.length === 0 ? [] : await clickhouse.rows<LastSeenRow>(lastSeen(tenants, now));
      return new Map(
        rows.map((row) => [row.tenant_id, { at: row.at * SECOND_MS, stepMs: row.step_seconds * SECOND_MS }]),
      );
    } catch (error) {
      log.warn({ err: error }, 'not known when tenants were last seen');
      return undefined;
    }
  }

  return {
    list: async (actor, { now, ...page }) => {
      const { total, entries } = await roster.list(actor, page);
      const known = await seen(
        entries.map(({ tenantId }) => tenantId),
        now,
      );
      return {
        ...{ total, lastSeenKnown: known !== undefined },
        entries: entries.map((entry) => ({ ...entry, lastSeen: known?.get(entry.tenantId) ?? null })),
      };
    },
  };
}
