import { TenantryError } from '../../../domain/errors.ts';
import type { MeasuredSize } from '../../../domain/storage.ts';
import type { Skipped, StorageProgress } from '../../../domain/storage-target.ts';
import { UNATTRIBUTED_TENANT } from '../../../domain/tenant-id.ts';
import type { Checkpoint, Collected, Collector } from '../checkpoint.ts';
import { combineSizes } from '../combine-sizes.ts';
import { pageBudgets } from './page-budget.ts';
import { sampleTable } from './table-sampler.ts';
import { type ShareOut, type TableSize, tableSizes, totalBytesOf } from './table-sizes.ts';
import { PAGE_BYTES, type TableFacts, type TableSource } from './table-source.ts';

/** One database of the operator's, as `src/store/postgres` opens it. */
export interface Database {
  readonly tables: readonly TableSource[];
  readonly skipped: readonly Skipped[];
  readonly otherBytes: bigint;
  close(): Promise<void>;
}

export interface PostgresCollectorOptions {
  readonly open: () => Promise<Database>;
  readonly shareOut: ShareOut;
  /** Part of all pages that may be asked for. */
  readonly pageShare: number;
  /** Any number; another one picks other pages. */
  readonly seed: number;
  /** Resolves when the next statement may come. */
  readonly pause: () => Promise<void>;
}

interface Plan {
  readonly seed: number;
  readonly budgets: Readonly<Record<string, number>>;
  /** Of all tables together. */
  readonly totalPages: number;
}

interface SavedTable {
  readonly pagesRead: number;
  readonly totalPages: number;
  readonly isVector: boolean;
  /** [tenant, bytes, error, rows, method] */
  readonly sizes: readonly (readonly [string, string, string, string, string])[];
  /** Set: it could not be measured. */
  readonly skipped?: string;
}

/** Tenants that have more in the database are to be known well; in one table at least so much of it has to lie. */
const WORTH_BYTES = 1_000_000;
const FEWEST_WORTH_BYTES = 100_000;

/** What a table tells instead of sizes; everything else ends the attempt, and another one goes on from here. */
const SKIPPING = new Set(['FORBIDDEN', 'NOT_FOUND', 'NOT_SUPPORTED_HERE', 'QUERY_TIMEOUT']);

/** Tenants' bytes in all tables of a PostgreSQL database that have a tenant column; see `sampleTable`. */
export class PostgresCollector implements Collector {
  readonly #options: PostgresCollectorOptions;

  constructor(options: PostgresCollectorOptions) {
    this.#options = options;
  }

  async collect(checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const database = await this.#options.open();
    try {
      return await this.#collect(database, checkpoint, signal);
    } finally {
      await database.close();
    }
  }

  async #collect(database: Database, checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const plan = await this.#plan(database, checkpoint);
    const tables = database.tables.filter(({ facts }) => Object.hasOwn(plan.budgets, facts.name));
    const skipped = [...database.skipped];
    const sizes: MeasuredSize[] = [];
    let progress: StorageProgress = {
      ...{ stepsDone: 0, stepsTotal: tables.length, read: 0, unit: 'pages' },
      of: tables.reduce((sum, { facts }) => sum + pagesOf(totalBytesOf(facts)), 0),
    };
    for (const table of tables) {
      signal.throwIfAborted();
      const saved = await this.#measureOnce(table, plan, checkpoint, signal);
      if (saved.skipped !== undefined) skipped.push({ name: table.facts.name, reason: saved.skipped });
      sizes.push(...sizesOf(saved));
      progress = { ...progress, stepsDone: progress.stepsDone + 1, read: progress.read + saved.pagesRead };
      await checkpoint.progress(progress);
    }
    if (database.otherBytes > 0n) {
      sizes.push({
        ...{ tenantId: UNATTRIBUTED_TENANT, kind: 'postgres', part: 'shared', bytes: database.otherBytes },
        ...{ errorBytes: 0n, objects: null, method: 'tables without a tenant' },
      });
    }
    return { sizes: combineSizes(sizes), progress, skipped };
  }

  /** Made once a run: a resumed one keeps to the budget of the first attempt and picks the same pages. */
  async #plan({ tables }: Database, checkpoint: Checkpoint): Promise<Plan> {
    const saved = (await checkpoint.load('plan')) as Plan | undefined;
    if (saved !== undefined) return saved;
    const sized = tables.map(({ facts }) => ({
      name: facts.name,
      heapPages: facts.heapPages,
      totalPages: pagesOf(totalBytesOf(facts)),
    }));
    const plan = {
      seed: this.#options.seed,
      budgets: Object.fromEntries(pageBudgets(sized, this.#options.pageShare)),
      totalPages: sized.reduce((sum, { totalPages }) => sum + totalPages, 0),
    };
    await checkpoint.save('plan', plan);
    return plan;
  }

  async #measureOnce(table: TableSource, plan: Plan, checkpoint: Checkpoint, signal: AbortSignal): Promise<SavedTable> {
    const step = `table ${table.facts.name}`;
    const before = (await checkpoint.load(step)) as SavedTable | undefined;
    if (before !== undefined) return before;
    const { facts } = table;
    const common = { totalPages: pagesOf(totalBytesOf(facts)), isVector: facts.isVector };
    const measured = await this.#measure(table, plan, signal);
    const saved: SavedTable = { ...common, ...measured, pagesRead: table.pagesRead };
    await checkpoint.save(step, saved);
    return saved;
  }

  async #measure(table: TableSource, plan: Plan, signal: AbortSignal): Promise<Pick<SavedTable, 'sizes' | 'skipped'>> {
    const { facts } = table;
    try {
      const estimate = await sampleTable(table, {
        budgetPages: plan.budgets[facts.name] ?? 0,
        worthBytes: worthBytesIn(facts, plan.totalPages),
        seed: plan.seed ^ hashOf(facts.name),
        pause: async () => {
          signal.throwIfAborted();
          await this.#options.pause();
        },
      });
      return { sizes: tableSizes(facts, estimate, this.#options.shareOut).map(saving) };
    } catch (error) {
      if (!(error instanceof TenantryError) || !SKIPPING.has(error.code)) throw error;
      return { sizes: [], skipped: error.message };
    }
  }
}

/** A tenant that is worth it in the whole database has a part of that in each table, taken as the table's own part. */
function worthBytesIn(facts: TableFacts, totalPages: number): number {
  const part = pagesOf(totalBytesOf(facts)) / Math.max(1, totalPages);
  return Math.max(FEWEST_WORTH_BYTES, WORTH_BYTES * part);
}

function pagesOf(bytes: bigint): number {
  return Number(bytes / BigInt(PAGE_BYTES));
}

function saving({ tenantId, bytes, errorBytes, rows, method }: TableSize): SavedTable['sizes'][number] {
  return [tenantId, String(bytes), String(errorBytes), String(rows), method];
}

function sizesOf({ isVector, sizes }: SavedTable): MeasuredSize[] {
  return sizes.map(([tenantId, bytes, error, rows, method]) => ({
    tenantId: tenantId as MeasuredSize['tenantId'],
    kind: isVector ? 'vector' : 'postgres',
    part: isVector ? 'vector' : undefined,
    bytes: BigInt(bytes),
    errorBytes: BigInt(error),
    objects: BigInt(rows),
    method,
  }));
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
