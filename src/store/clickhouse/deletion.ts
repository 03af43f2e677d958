/**
 * Takes one tenant's rows out of every table of telemetry, by mutation: a lightweight delete would only mark them. The
 * conditions name the tenant by a salted hash, as the engine keeps the text of mutations and of queries in files and logs
 * of its own. Parts that a mutation has replaced lie on the disk until the engine's cleanup takes them, which is
 * waited for.
 */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { MINUTE_MS } from '../../domain/window.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';
import { type ClickHouseTenantTable, tenantDataTables } from './tenant-data.ts';

const POLL_MS = 25;
/** A mutation that takes longer goes on in the engine; whoever asks again waits for the same one. */
const MUTATION_PATIENCE_MS = 10 * MINUTE_MS;

export interface TenantRows {
  readonly table: string;
  readonly rows: number;
}

/** What of a tenant may still lie on the disk although no query sees it. */
export interface Leftovers {
  /** Parts that were replaced and not removed yet. */
  readonly replacedParts: number;
  /** Parts that somebody detached: nothing reads them, and nothing removes them by itself. */
  readonly detachedParts: number;
}

type Store = Pick<ClickHouse, 'command' | 'inspect' | 'kind'>;

export class TelemetryEraser {
  readonly #clickhouse: Store;
  readonly #onCluster: string;

  constructor(clickhouse: Store, cluster: string | undefined) {
    this.#clickhouse = clickhouse;
    this.#onCluster = cluster === undefined ? '' : `ON CLUSTER ${quoted(cluster)}`;
  }

  /** Rows of the tenant in every table, also those that are on their way. */
  async count(tenantId: TenantId): Promise<readonly TenantRows[]> {
    const tables = await tenantDataTables(this.#clickhouse);
    return this.#count(tables, conditionOf(tenantId));
  }

  /**
   * Deletes the tenant's rows in one table and waits for it. Whatever is cut short can be done over.
   * @throws TenantryError STORE_UNAVAILABLE when the engine gives the mutation up, QUERY_TIMEOUT when it takes too long
   */
  async erase(tenantId: TenantId, table: string): Promise<void> {
    const condition = conditionOf(tenantId);
    await this.#clickhouse.command(
      `ALTER TABLE ${DATABASE}.${table} ${this.#onCluster} DELETE WHERE ${condition} SETTINGS mutations_sync = 0`,
    );
    await this.#mutated(table);
  }

  /** Seconds of the engine's clock. */
  async now(): Promise<number> {
    const [row] = await this.#clickhouse.inspect<{ now: number }>('SELECT toFloat64(toUnixTimestamp(now())) AS now');
    return row?.now ?? 0;
  }

  /** Parts of the tables that were replaced until then (`now`) and are still there. */
  async leftovers(tables: readonly string[], replacedUntil: number): Promise<Leftovers> {
    if (tables.length === 0) return { replacedParts: 0, detachedParts: 0 };
    if (this.#clickhouse.kind === 'embedded') await this.#wakeCleanup(tables);
    const names = tables.map(quoted).join(', ');
    const [row] = await this.#clickhouse.inspect<{ replaced: number; detached: number }>(
      `SELECT (SELECT toFloat64(count()) FROM system.parts WHERE database = '${DATABASE}' AND table IN (${names}) AND NOT active
                 AND toUnixTimestamp(remove_time) <= ${Math.ceil(replacedUntil)}) AS replaced,
              (SELECT toFloat64(count()) FROM system.detached_parts WHERE database = '${DATABASE}' AND table IN (${names})) AS detached`,
    );
    return { replacedParts: row?.replaced ?? 0, detachedParts: row?.detached ?? 0 };
  }

  /** Whose rows are in any table: id -> tables. For whoever knows tenants by their hash alone. */
  async everybody(): Promise<ReadonlyMap<string, readonly TenantRows[]>> {
    const tables = await tenantDataTables(this.#clickhouse);
    const found = new Map<string, TenantRows[]>();
    for (const { table } of tables) {
      const rows = await this.#clickhouse.inspect<{ tenant: string; n: number }>(
        `SELECT toString(TenantId) AS tenant, toFloat64(count()) AS n FROM ${DATABASE}.${table} GROUP BY tenant`,
      );
      for (const { tenant, n } of rows) found.set(tenant, [...(found.get(tenant) ?? []), { table, rows: n }]);
    }
    return found;
  }

  async #count(tables: readonly ClickHouseTenantTable[], condition: string): Promise<readonly TenantRows[]> {
    if (tables.length === 0) return [];
    const counts = tables.map(
      ({ table }) =>
        `SELECT ${quoted(table)} AS table, toFloat64(count()) AS rows FROM ${DATABASE}.${table} WHERE ${condition}`,
    );
    const rows = await this.#clickhouse.inspect<TenantRows>(counts.join(' UNION ALL '));
    return rows.toSorted((left, right) => (left.table < right.table ? -1 : 1));
  }

  async #mutated(table: string): Promise<void> {
    const until = Date.now() + MUTATION_PATIENCE_MS;
    for (;;) {
      const open = await this.#clickhouse.inspect<{ reason: string }>(
        `SELECT latest_fail_reason AS reason FROM system.mutations
         WHERE database = '${DATABASE}' AND table = ${quoted(table)} AND NOT is_done AND NOT is_killed`,
      );
      if (open.length === 0) return;
      const failed = open.find(({ reason }) => reason !== '');
      if (failed !== undefined) {
        throw new TenantryError(
          'STORE_UNAVAILABLE',
          `Rows of ${table} could not be deleted: ${failed.reason.slice(0, 200)}`,
          {
            hint: 'The engine tries again by itself. system.mutations tells how it stands.',
          },
        );
      }
      if (Date.now() > until) {
        throw new TenantryError('QUERY_TIMEOUT', `Deleting rows of ${table} takes longer than ten minutes.`, {
          hint: 'It goes on in the engine and is looked at again.',
        });
      }
      await delay(POLL_MS);
    }
  }

  /** It sleeps for half a minute between two looks; stopped and started, it looks at once (366 ms against 35 s). */
  async #wakeCleanup(tables: readonly string[]): Promise<void> {
    for (const table of tables) {
      await this.#clickhouse.command(`SYSTEM STOP CLEANUP ${DATABASE}.${table}`);
      await this.#clickhouse.command(`SYSTEM START CLEANUP ${DATABASE}.${table}`);
    }
  }
}

/** Of a salt that is made for this one statement, so that two statements do not tell that they speak of the same tenant. */
function conditionOf(tenantId: TenantId): string {
  const salt = randomBytes(16).toString('hex');
  const hash = createHash('sha256').update(salt).update(tenantId).digest('hex');
  return `lower(hex(SHA256(concat('${salt}', toString(TenantId))))) = '${hash}'`;
}
