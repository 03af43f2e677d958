import type { MeasuredSize } from '../../domain/storage.ts';
import {
  isReservedTenant,
  parseTenantId,
  type TenantId,
  UNATTRIBUTED_TENANT,
  UNKNOWN_TENANT,
} from '../../domain/tenant-id.ts';
import type { Checkpoint, Collected, Collector } from './checkpoint.ts';
import { combineSizes } from './combine-sizes.ts';
import type { ShareOut } from './postgres/table-sizes.ts';

/** One table of a ClickHouse, as `src/store/clickhouse` reads it. */
export interface ClickHouseTable {
  /** `database.table` */
  readonly name: string;
  readonly bytes: bigint;
  readonly rows: number;
}

/** What a tenant has in one part of a table. */
interface TenantInPart {
  readonly part: string;
  readonly tenant: string;
  readonly rows: number;
}

export interface ClickHouseTables {
  /** MergeTree tables with a tenant column. */
  tables(): Promise<readonly ClickHouseTable[]>;
  /** Bytes on disk of each active part. */
  partBytes(table: string): Promise<ReadonlyMap<string, bigint>>;
  /** Rows by part and tenant, read from the tenant column alone. */
  tenantRows(table: string): Promise<readonly TenantInPart[]>;
  /** Mean uncompressed bytes of a row by tenant, from some granules; tenants without one are absent. */
  rowWidths(table: string, rows: number): Promise<ReadonlyMap<string, number>>;
  close(): Promise<void>;
}

export interface ClickHouseCollectorOptions {
  readonly open: () => Promise<ClickHouseTables>;
  readonly shareOut: ShareOut;
}

interface SavedTable {
  /** [tenant, bytes, rows] */
  readonly sizes: readonly (readonly [string, string, number])[];
  readonly rows: number;
}

/**
 * Tenants' bytes in ClickHouse: each part's bytes on disk, which are exact, shared out by the rows that tenants have in
 * it, which are counted, times how wide their rows are, which is sampled.
 */
export class ClickHouseCollector implements Collector {
  readonly #options: ClickHouseCollectorOptions;

  constructor(options: ClickHouseCollectorOptions) {
    this.#options = options;
  }

  async collect(checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const source = await this.#options.open();
    try {
      const tables = await source.tables();
      const all = tables.reduce((sum, { rows }) => sum + rows, 0);
      const sizes: MeasuredSize[] = [];
      let read = 0;
      const progress = (stepsDone: number) =>
        ({ stepsDone, stepsTotal: tables.length, read, of: all, unit: 'rows' }) as const;
      for (const [index, table] of tables.entries()) {
        signal.throwIfAborted();
        const step = `table ${table.name}`;
        const before = (await checkpoint.load(step)) as SavedTable | undefined;
        const saved = before ?? (await this.#measure(source, table));
        if (before === undefined) await checkpoint.save(step, saved);
        sizes.push(...saved.sizes.map(measuredSize));
        read += saved.rows;
        await checkpoint.progress(progress(index + 1));
      }
      return { sizes: combineSizes(sizes), progress: progress(tables.length), skipped: [] };
    } finally {
      await source.close();
    }
  }

  async #measure(source: ClickHouseTables, { name, rows }: ClickHouseTable): Promise<SavedTable> {
    const parts = await source.partBytes(name);
    const found = await source.tenantRows(name);
    const widths = await source.rowWidths(name, rows);
    const usual = meanOf([...widths.values()]);
    const byPart = new Map<string, TenantInPart[]>();
    for (const one of found) byPart.set(one.part, [...(byPart.get(one.part) ?? []), one]);
    const bytes = new Map<string, bigint>();
    const counts = new Map<string, number>();
    const add = (tenant: string, more: bigint) => bytes.set(tenant, (bytes.get(tenant) ?? 0n) + more);
    for (const [part, size] of parts) {
      // Merged away or new since the rows were counted: nobody knows whose it is.
      const tenants = byPart.get(part) ?? [];
      if (tenants.length === 0) {
        add(UNATTRIBUTED_TENANT, size);
        continue;
      }
      const weights = tenants.map((one) =>
        BigInt(Math.max(1, Math.round(one.rows * (widths.get(one.tenant) ?? usual)))),
      );
      const shares = this.#options.shareOut(size, weights);
      for (const [index, { tenant, rows: count }] of tenants.entries()) {
        add(tenant, shares[index] ?? 0n);
        counts.set(tenant, (counts.get(tenant) ?? 0) + count);
      }
    }
    const sizes = [...bytes].map(([tenant, size]) => [tenant, String(size), counts.get(tenant) ?? 0] as const);
    return { sizes, rows };
  }
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 1 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function measuredSize([tenant, bytes, rows]: SavedTable['sizes'][number]): MeasuredSize {
  return {
    tenantId: tenantNamed(tenant),
    kind: 'clickhouse',
    bytes: BigInt(bytes),
    errorBytes: null,
    objects: BigInt(rows),
    method: 'rows x width by part',
  };
}

function tenantNamed(tenant: string): TenantId {
  return isReservedTenant(tenant) ? tenant : (parseTenantId(tenant) ?? UNKNOWN_TENANT);
}
