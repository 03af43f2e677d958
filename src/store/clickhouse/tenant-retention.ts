import { setTimeout as pause } from 'node:timers/promises';
import { TenantryError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { isTenantId } from '../../domain/tenant-id.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import type { AgingTable } from './retention.ts';
import { quoted } from './sql-text.ts';

/** Tenants in one statement. Ids have up to 128 bytes, and the engine reads statements of 256 KB. */
const TENANTS_AT_ONCE = 1_000;
/** Between two looks whether it is done: short at first, as most tables are small. */
const FIRST_LOOK_MS = 10;
const LAST_LOOK_MS = 1_000;
/** A table that takes longer than this is stuck; the next run goes on with it. */
const LONGEST_MS = 3_600_000;

/** Tenants of whom nothing before a moment (Unix ms) is kept. */
export interface TenantCut {
  readonly before: number;
  readonly tenants: readonly TenantId[];
}

/**
 * Takes away what tenants' own retention ends, table by table. Rows are removed for good by a mutation, which rewrites only
 * parts that hold some of them: one for all tenants of a table, and never two at a time.
 */
export class TenantRetention {
  readonly #clickhouse: Pick<ClickHouse, 'inspect' | 'command'>;
  readonly #onCluster: string;

  constructor(
    clickhouse: Pick<ClickHouse, 'inspect' | 'command'>,
    options: { readonly cluster?: string | undefined } = {},
  ) {
    this.#clickhouse = clickhouse;
    this.#onCluster = options.cluster === undefined ? '' : `ON CLUSTER ${quoted(options.cluster)}`;
  }

  /**
   * Removes rows of exactly these tenants that are older than their cut. A table without such rows is not touched.
   * @returns how many rows there were
   * @throws TenantryError STORE_UNAVAILABLE, also when the engine does not get done with it; BAD_REQUEST
   */
  async remove(table: AgingTable, cuts: readonly TenantCut[]): Promise<number> {
    let removed = 0;
    for (const condition of conditionsOf(table, cuts)) {
      const rows = await this.#count(table, condition);
      if (rows === 0) continue;
      await this.#settled(table);
      await this.#clickhouse.command(
        `ALTER TABLE ${DATABASE}.${table.name} ${this.#onCluster} DELETE WHERE ${condition} SETTINGS mutations_sync = 0`,
      );
      await this.#settled(table);
      removed += rows;
    }
    return removed;
  }

  async #count({ name }: AgingTable, condition: string): Promise<number> {
    const [row] = await this.#clickhouse.inspect<{ rows: string }>(
      `SELECT count() AS rows FROM ${DATABASE}.${name} WHERE ${condition}`,
    );
    return Number(row?.rows ?? 0);
  }

  /** Waits until no mutation of the table is under way, whoever began it. */
  async #settled({ name }: AgingTable): Promise<void> {
    let lookMs = FIRST_LOOK_MS;
    for (let waitedMs = 0; waitedMs <= LONGEST_MS; waitedMs += lookMs) {
      const [row] = await this.#clickhouse.inspect<{ open: string; problem: string }>(
        `SELECT count() AS open, max(latest_fail_reason) AS problem FROM system.mutations
         WHERE database = '${DATABASE}' AND table = ${quoted(name)} AND NOT is_done AND NOT is_killed`,
      );
      if (Number(row?.open ?? 0) === 0) return;
      if (row !== undefined && row.problem !== '') {
        throw new TenantryError(
          'STORE_UNAVAILABLE',
          `ClickHouse cannot remove rows of ${name}: ${row.problem.slice(0, 200)}`,
        );
      }
      lookMs = Math.min(2 * lookMs, LAST_LOOK_MS);
      await pause(lookMs);
    }
    throw new TenantryError('STORE_UNAVAILABLE', `ClickHouse has not got done with removing rows of ${name}.`);
  }
}

/** Pure text: ids are checked against their pattern, which has no quote, and quoted all the same. */
function conditionsOf({ time }: AgingTable, cuts: readonly TenantCut[]): readonly string[] {
  return cuts.flatMap(({ before, tenants }) => {
    const chunks = Array.from({ length: Math.ceil(tenants.length / TENANTS_AT_ONCE) }, (_, index) =>
      tenants.slice(index * TENANTS_AT_ONCE, (index + 1) * TENANTS_AT_ONCE),
    );
    return chunks.map((chunk) => {
      if (!chunk.every(isTenantId)) throw new TenantryError('BAD_REQUEST', 'A tenant id is malformed');
      return `TenantId IN (${chunk.map(quoted).join(', ')}) AND ${time} < toDateTime(${Math.floor(before / 1_000)}, 'UTC')`;
    });
  });
}
