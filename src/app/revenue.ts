import { createHash } from 'node:crypto';
import type { MarginAnswer, Revenue } from '../api/revenue-ports.ts';
import { readRevenueFile } from '../cost/revenue-file.ts';
import { historyOf, mrrMovements } from '../cost/revenue-mrr.ts';
import type { Coupons } from '../cost/revenue-table.ts';
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import type { CostDaysReader, CostReader } from '../domain/cost.ts';
import { TenantryError } from '../domain/errors.ts';
import type { RevenueProblem, RevenueReader } from '../domain/revenue.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { RevenueFeatureStore } from '../store/postgres/revenue-feature-store.ts';
import { RevenueStore } from '../store/postgres/revenue-store.ts';
import { Margins } from './revenue-margins.ts';
import { StoredRevenue } from './revenue-stored.ts';

const REVENUE: StaffActor = { kind: 'system', subject: 'revenue' };
const PROBLEMS_TOLD = 20;

type MarginRow = MarginAnswer['tenants'][number] & { readonly currency: string };

export interface RevenueOptions {
  readonly postgres: Postgres;
  readonly clickhouse: AnalyticsReader;
  readonly costs: CostReader & CostDaysReader;
}

/** What customers pay, and what is left of it. `reader` is for the parts that build on it. */
export function startRevenue({ postgres, clickhouse, costs }: RevenueOptions): {
  readonly revenue: Revenue;
  readonly reader: RevenueReader;
  /** What reports list: of every tenant, or of one. */
  marginRows(actor: Actor, window: Window, tenantId: TenantId | undefined): Promise<readonly MarginRow[]>;
} {
  const store = new RevenueStore(postgres);
  const features = new RevenueFeatureStore(postgres);
  const reader = new StoredRevenue(store);
  const margins = new Margins({ revenue: reader, costs, features, clickhouse, postgres });
  return {
    reader,
    marginRows: async (_actor, window, tenantId) => {
      const { currency, tenants } = await margins.margins({ window, groupBy: 'tenant', measure: 'busy_ns' });
      return tenants
        .filter((row) => tenantId === undefined || row.tenantId === tenantId)
        .map((row) => ({ ...row, currency }));
    },
    revenue: {
      import: (actor, file) => importFile(store, actor, file),
      imports: (actor) => store.imports(actor),
      unmapped: (actor) => store.unmapped(actor),
      map: (actor, customerId, tenantId) => store.map(actor, customerId, tenantId),
      tenants: (window) => reader.revenue({ window }),
      movements: async (window) => mrrMovements(historyOf(await store.subscriptions(REVENUE)), window),
      margins: (question) => margins.margins(question),
      features: (actor) => features.list(actor),
      setFeatures: (actor, wanted) => features.replace(actor, wanted),
      forecast: (question) => margins.forecast(question),
    },
  };
}

async function importFile(
  store: RevenueStore,
  actor: StaffActor,
  file: {
    readonly fileName: string;
    readonly content: string;
    readonly asOf: number;
    readonly coupons: Coupons;
    readonly dryRun?: boolean;
  },
) {
  const { problems, ...read } = await readRevenueFile(file.content, file.coupons);
  if (problems.length > 0) throw cannotImport(problems);
  if (read.subscriptions.length + read.invoices.length === 0) {
    throw new TenantryError('BAD_REQUEST', 'The file has a header and nothing else.', {
      hint: 'Export it again, with its rows.',
    });
  }
  // With the coupons, as the same file with others says something else.
  const sha256 = createHash('sha256')
    .update(
      JSON.stringify([file.content, [...file.coupons].map(([name, discount]) => [name, describeDiscount(discount)])]),
    )
    .digest('hex');
  const named = { ...read, sha256, fileName: file.fileName, asOf: file.asOf };
  if (file.dryRun === true) return store.preview(actor, named);
  const made = await store.import(actor, named);
  return { ...made, unmapped: (await store.unmapped(actor)).length };
}

function describeDiscount(discount: Coupons extends ReadonlyMap<string, infer Discount> ? Discount : never): string {
  return JSON.stringify(discount, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

function cannotImport(problems: readonly RevenueProblem[]): TenantryError {
  const told = problems.slice(0, PROBLEMS_TOLD).map(({ line, problem }) => `line ${line} ${problem}`);
  const more = problems.length > PROBLEMS_TOLD ? `; and ${problems.length - PROBLEMS_TOLD} more` : '';
  return new TenantryError(
    'BAD_REQUEST',
    `${problems.length} of the rows cannot be imported: ${told.join('; ')}${more}.`,
    {
      hint: 'Nothing was imported. In JSON, line is the place of the object, from 1.',
    },
  );
}
