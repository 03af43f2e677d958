/** Questions of several tenants at once on the real engine, a fifth of them failing after some rows have been given out. */
import { randomBytes } from 'node:crypto';
import type { AnalyticsQuery } from '../../src/domain/analytics-query.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.ts';
import { otlpRequest, otlpSpan, segmentOf } from './spans.ts';

const TENANTS = ['ant', 'bee', 'cat', 'dog'] as TenantId[];
const SPANS_EACH = 200;
const BLOCKS = 20;
const ROWS_A_BLOCK = 50;

/** A store with some spans of each tenant, whose questions fail soon. */
export async function startFailingStore(drainAfterError: boolean): Promise<TestClickHouse> {
  const store = await startTestClickHouse({
    drainAfterError,
    limits: { maxExecutionSeconds: 1, maxMemoryBytes: 64 * 1024 * 1024, maxResultRows: 900 },
  });
  await store.clickhouse.command('CREATE TABLE tenantry.small_blocks (n UInt64) ENGINE = Memory');
  for (let block = 0; block < BLOCKS; block += 1) {
    await store.clickhouse.command(
      `INSERT INTO tenantry.small_blocks SELECT number FROM numbers(${block * ROWS_A_BLOCK}, ${ROWS_A_BLOCK})`,
    );
  }
  const now = Date.now();
  const spans = TENANTS.flatMap((tenant) =>
    Array.from({ length: SPANS_EACH }, (_, index) =>
      otlpSpan({ name: `${tenant}-${index}`, start: now, attributes: { tenant_id: tenant } }),
    ),
  );
  await store.insert(segmentOf([otlpRequest(spans)], { receivedAt: now }), 'seed');
  return store;
}

/** Each failure comes after some blocks of the tenant's own rows have been given out: only then is there a leftover. */
const FAILURES = {
  timeout: 'n < 800 OR sleepEachRow(0.1) = 0',
  memory: 'n < 800 OR length(arrayMap(x -> toString(x), range(toUInt64(1000000 + n)))) > 0',
  cast: "n < 800 OR toUInt8(concat('x', toString(n))) = 1",
  rows: 'n < 1000000',
} as const;

function failing(cause: keyof typeof FAILURES, tenant: TenantId | undefined): AnalyticsQuery {
  return {
    question: `fails-by-${cause}`,
    sql: `SELECT {nonce:String} AS nonce, {name:String} AS tenant_id, n AS secret FROM small_blocks WHERE ${FAILURES[cause]}`,
    params: { name: tenant ?? 'ant' },
    scope: tenant === undefined ? 'across-tenants' : { tenant },
  };
}

function good(tenant: TenantId, scoped: boolean, marker: string): AnalyticsQuery {
  return {
    question: 'spans-of-tenant',
    sql: `SELECT {nonce:String} AS nonce, TenantId AS tenant_id, {marker:String} AS marker, count() AS spans
          FROM spans WHERE TenantId = {tenant:String} GROUP BY TenantId`,
    params: { tenant, marker },
    scope: scoped ? { tenant } : 'across-tenants',
  };
}

export interface FailingTally {
  good: number;
  /** What was answered with rows that are not those of the question. */
  wrong: unknown[];
  /** Answers that the check of their nonce refused. */
  refusedMixups: number;
  /** By cause and code. */
  failed: Map<string, number>;
}

/** The causes that every run of some hundred questions must meet. */
export const EVERY_CAUSE = [
  'abort',
  'cast: INTERNAL',
  'memory: QUERY_TOO_HEAVY',
  'rows: QUERY_TOO_HEAVY',
  'timeout: QUERY_TIMEOUT',
] as const;

/** Asks for several tenants, 64 at once; each fifth question fails, by one cause after the other. */
export async function askFailingQuestions(target: TestClickHouse, queries: number): Promise<FailingTally> {
  const tally: FailingTally = { good: 0, wrong: [], refusedMixups: 0, failed: new Map() };
  const causes = Object.keys(FAILURES) as (keyof typeof FAILURES)[];
  const count = (name: string) => tally.failed.set(name, (tally.failed.get(name) ?? 0) + 1);

  const one = async (index: number): Promise<void> => {
    const tenant = TENANTS[index % TENANTS.length] ?? TENANTS[0];
    if (tenant === undefined) return;
    const scoped = index % 2 === 0;
    if (index % 5 === 0) {
      // Timeouts last a second each, so they are fewer; the fifth cause is a caller who goes away.
      const kind = Math.floor(index / 5) % 100;
      const cause = kind === 0 ? 'timeout' : (causes[1 + (kind % 3)] ?? 'rows');
      const signal = kind % 4 === 3 ? AbortSignal.timeout(1) : undefined;
      await target.clickhouse
        .rows(failing(cause, scoped ? tenant : undefined), signal === undefined ? {} : { signal })
        .then(
          (rows) => tally.wrong.push({ cause, rows: rows.length }),
          (error: unknown) => count(error instanceof TenantryError ? `${cause}: ${error.code}` : 'abort'),
        );
      return;
    }
    const marker = randomBytes(6).toString('hex');
    try {
      const rows = await target.clickhouse.rows<object>(good(tenant, scoped, marker));
      tally.good += 1;
      const expected = { tenant_id: tenant, marker, spans: SPANS_EACH };
      if (rows.length !== 1 || JSON.stringify(rows[0]) !== JSON.stringify(expected)) tally.wrong.push(rows);
    } catch (error) {
      if (error instanceof TenantryError && error.code === 'TENANT_MIXUP') tally.refusedMixups += 1;
      else tally.wrong.push(String(error));
    }
  };

  let next = 0;
  const workers = Array.from({ length: 64 }, async () => {
    while (next < queries) {
      next += 1;
      await one(next);
    }
  });
  await Promise.all(workers);
  return tally;
}
