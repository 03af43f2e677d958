/** Thirteen months of rollups and bills of 10,000 tenants, as real servers hold them, for the bench of costs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { UsageReader } from '../../src/aggregate/usage-reader.ts';
import { UsageRollups } from '../../src/aggregate/usage-rollups.ts';
import { startBilling } from '../../src/app/billing.ts';
import { AiCosts } from '../../src/app/prices-costs.ts';
import { loadCatalogue } from '../../src/cost/price-catalogue.ts';
import { seedBook } from '../../src/cost/price-seed.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { AllocationRule } from '../../src/domain/cost-rule.ts';
import { DAY_MS, type Window } from '../../src/domain/window.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { TEST_DDL, TEST_VIEWS } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { print } from './measure.ts';
import { benchTenantSql } from './tenants.ts';

const MONTHS = 13;
/** AI calls of the newest month go in as spans and through the views; the same question can be asked of both. */
const CALLS_A_TENANT = 200;
const RAW_BATCHES = 8;
const ADMIN: StaffActor = { kind: 'staff', subject: 'bench', role: 'admin' };
const SERVICES = ['api', 'worker'];
const MODELS = ['gpt-4o', 'gpt-4o-mini', 'text-embedding-3-small'];
const BILL_SERVICES = ['Compute Engine', 'Cloud SQL', 'Cloud Storage', 'Networking', 'Support', 'Logging'];
const LINES_A_DAY = 24;

const TENANT = benchTenantSql('tenant');

export interface CostWorld {
  readonly tenants: number;
  readonly clickhouse: EmbeddedClickHouse;
  readonly postgres: TestPostgres;
  readonly billing: ReturnType<typeof startBilling>;
  readonly usage: UsageReader;
  readonly ai: AiCosts;
  /** Oldest first; the newest has raw calls. */
  readonly months: readonly Window[];
  close(): Promise<void>;
}

const RULES: readonly AllocationRule[] = [
  rule('compute', 'Compute Engine', {
    kind: 'weighted',
    keys: [
      { key: 'busy_ns', weight: 3 },
      { key: 'requests', weight: 1 },
    ],
    ...{ withoutTenant: 'unallocated', idle: null },
  }),
  rule('databases', 'Cloud SQL', { kind: 'proportional', key: 'db_ns', withoutTenant: 'unallocated', idle: null }),
  rule('network', 'Networking', { kind: 'proportional', key: 'response_bytes', withoutTenant: 'spread', idle: null }),
  rule('storage', 'Cloud Storage', { kind: 'even', plans: null }),
  rule('support', 'Support', { kind: 'follow', scope: 'bill' }),
];

function rule(part: string, service: string, method: AllocationRule['method']): AllocationRule {
  return { id: part, part, match: { service: [service] }, method };
}

/** Whole months, the newest one over. */
function monthsBefore(now: number): Window[] {
  const at = new Date(now);
  const begin = (back: number) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - back, 1);
  return Array.from({ length: MONTHS }, (_, i) => ({ from: begin(MONTHS - i), to: begin(MONTHS - i - 1) }));
}

export async function buildCostWorld(tenants: number): Promise<CostWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
  const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'db') });
  const postgres = await startTestPostgres({ poolSize: 4 });
  const months = monthsBefore(Date.now());
  // The newest month is over: with the usual retention its calls would be gone.
  const retention = { ...TEST_DDL.retention, spansDays: 400 };
  await migrateClickHouse(clickhouse, TEST_VIEWS, { ...TEST_DDL, retention });
  for (const [index, month] of months.entries()) {
    await seedRollups(clickhouse, tenants, month, index === months.length - 1);
    print(`  month ${index + 1} of ${months.length} of rollups`);
  }
  await seedCalls(clickhouse, tenants, months.at(-1) ?? { from: 0, to: 0 });
  for (const table of [
    'requests_by_day',
    'db_calls_by_day',
    'ai_usage_by_day',
    'ai_usage_by_hour',
    'ai_usage_by_minute',
  ]) {
    await clickhouse.command(`OPTIMIZE TABLE tenantry.${table} FINAL`);
  }
  await seedTenants(postgres, tenants);
  const usage = new UsageReader([new UsageRollups(clickhouse)]);
  const book = seedBook(await loadCatalogue());
  const ai = new AiCosts(clickhouse, { current: () => book, at: async () => book });
  const billing = startBilling({ postgres: postgres.postgres, dataDir: folder, usage, ai });
  await billing.bills.changeRules(ADMIN, { basedOn: 0, rules: RULES, comment: null });
  return {
    ...{ tenants, clickhouse, postgres, billing, usage, ai, months },
    close: async () => {
      await clickhouse.close();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A bill of one month by the door that everybody uses: read, checked, shared out, kept. */
export async function importBill({ billing }: CostWorld, month: Window): Promise<void> {
  const name = new Date(month.from).toISOString().slice(0, 7);
  await billing.bills.importBill(ADMIN, Readable.from([Buffer.from(billOf(month))]), {
    ...{ fileName: `${name}.csv`, measure: 'billed', encoding: 'auto', rates: {}, into: 'USD' },
    ...{ defaults: { issuer: 'Cloud Inc', account: 'main', invoice: name }, split: false, allowIdentical: false },
    ...{ replace: false, dryRun: false },
  });
}

function billOf(month: Window): string {
  const lines = ['date,provider,account,service,resource,amount,currency'];
  for (let day = month.from; day < month.to; day += DAY_MS) {
    const date = new Date(day).toISOString().slice(0, 10);
    for (let line = 0; line < LINES_A_DAY; line += 1) {
      const service = BILL_SERVICES[line % BILL_SERVICES.length] ?? '';
      lines.push(`${date},cloud,main,${service},vm-${line},${(line * 7.31 + 3.000000417).toFixed(9)},USD`);
    }
  }
  return `${lines.join('\n')}\n`;
}

async function seedTenants({ postgres }: TestPostgres, tenants: number): Promise<void> {
  await postgres.inStaffTransaction(ADMIN, async (transaction) => {
    transaction.unaudited('a bench');
    await transaction.query(
      `insert into tenantry.tenants (tenant_id) select 'tenant-' || lpad(n::text, 5, '0') from generate_series(0, $1::int - 1) n`,
      [tenants],
    );
  });
}

/** Day rollups of a month; hours and minutes are not asked for by whole months. */
async function seedRollups(
  clickhouse: EmbeddedClickHouse,
  tenants: number,
  { from, to }: Window,
  isNewest: boolean,
): Promise<void> {
  const days = (to - from) / DAY_MS;
  const first = `toDateTime(${from / 1_000}, 'UTC')`;
  const cells = (per: number) =>
    `(SELECT number % ${tenants} AS tenant, intDiv(number, ${tenants}) % ${days} AS day, intDiv(number, ${tenants * days}) AS kind FROM numbers(${tenants * days * per}))`;
  const service = `['${SERVICES.join("', '")}'][kind + 1]`;
  await clickhouse.command(
    `INSERT INTO tenantry.requests_by_day (TenantId, ServiceName, Route, Time, Requests, Errors, DurationNs, RequestBytes, ResponseBytes)
     SELECT ${TENANT}, ${service}, 'GET /orders/:id', ${first} + toIntervalDay(day), 100 + tenant % 977, tenant % 7,
            (100 + tenant % 977) * 31000000, 4096, 65536 + tenant FROM ${cells(SERVICES.length)}`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.db_calls_by_day (TenantId, ServiceName, DbSystem, DbOperation, Time, Calls, Errors, SlowCalls, DurationNs)
     SELECT ${TENANT}, 'api', 'postgresql', 'SELECT', ${first} + toIntervalDay(day), 300 + tenant % 501, 0, 1,
            (300 + tenant % 501) * 1700000 FROM ${cells(1)}`,
  );
  if (isNewest) return;
  await clickhouse.command(
    `INSERT INTO tenantry.ai_usage_by_day (TenantId, ServiceName, Provider, Model, Operation, InputTier, Time, Calls, Errors, DurationNs, InputTokens, OutputTokens)
     SELECT ${TENANT}, 'api', 'openai', ['${MODELS.join("', '")}'][kind + 1], 'chat', 0, ${first} + toIntervalDay(day), 3, 0, 1,
            1200 + tenant % 400, 300 FROM ${cells(MODELS.length)}`,
  );
}

/** Calls of the newest month as spans: rollups come from the views. */
async function seedCalls(clickhouse: EmbeddedClickHouse, tenants: number, { from, to }: Window): Promise<void> {
  const seconds = (to - from) / 1_000;
  const batch = (tenants * CALLS_A_TENANT) / RAW_BATCHES;
  for (let done = 0; done < RAW_BATCHES; done += 1) {
    // By days within a batch, so that no insert makes a part of every day.
    const begin = Math.floor((done / RAW_BATCHES) * seconds);
    const span = Math.floor(seconds / RAW_BATCHES);
    await clickhouse.command(
      `INSERT INTO tenantry.spans (TenantId, Timestamp, Duration, SpanName, SpanKind, ServiceName, SpanAttributes, ReceivedAt,
                                   AiOperation, AiProvider, AiModel, AiInputTokens, AiOutputTokens)
       SELECT ${benchTenantSql(`number % ${tenants}`)},
              toDateTime64(${from / 1_000 + begin} + intDiv(number * ${span}, ${batch}), 9, 'UTC'), 900000000, 'chat', 'Client', 'api',
              map('gen_ai.operation.name', 'chat', 'gen_ai.request.model', 'gpt-4o', 'server.address', 'api.openai.com'),
              now64(3), 'chat', 'openai', ['${MODELS.join("', '")}'][number % 3 + 1], 1000 + number % 800, 100 + number % 300
       FROM numbers(${batch})`,
    );
  }
  print(`  ${batch * RAW_BATCHES} AI calls of the newest month as spans`);
}
