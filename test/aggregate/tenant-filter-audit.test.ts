import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditStatement, type FilterVerdict } from '../../src/aggregate/tenant-filter-audit.ts';
import type { FindTable, TenantTable } from '../../src/aggregate/tenant-filter-scope.ts';
import { TENANT_FILTER_CASES } from '../support/tenant-filter-cases.ts';

const table = (name: string, changes: Partial<TenantTable> = {}): TenantTable => ({
  schema: 'public',
  name,
  tenantColumns: ['tenant_id'],
  rowSecurity: false,
  ...changes,
});

const TABLES = [
  table('orders'),
  table('lines'),
  table('members'),
  table('nodes'),
  table('guarded', { rowSecurity: true }),
  table('old_orders', { tenantColumns: ['org_id'] }),
  table('order_totals', { tenantColumns: [], unclear: 'a view that hides the tenant column of public.orders' }),
];

/** `tenants`, `statuses` and the like have no tenant column. */
const findTable: FindTable = (schema, name) =>
  schema === undefined || schema === 'public' ? TABLES.find((one) => one.name === name) : undefined;

async function verdicts(sql: string): Promise<Record<string, FilterVerdict>> {
  const { tables } = await auditStatement(sql, findTable);
  return Object.fromEntries(tables.map(({ alias, verdict }) => [alias, verdict]));
}

const [F, U] = ['filtered', 'unfiltered'] as const;

describe.each(Object.entries(TENANT_FILTER_CASES))('%s', (_group, cases) => {
  it.each(cases)('%s', async (sql, expected) => {
    expect(await verdicts(sql)).toEqual(expected);
  });
});

describe('a statement', () => {
  it('has the worst verdict of its tables', async () => {
    const worst = async (sql: string) => (await auditStatement(sql, findTable)).verdict;
    expect(await worst('SELECT * FROM orders o, guarded g WHERE o.tenant_id = $1')).toBe('row_security');
    expect(await worst('SELECT * FROM orders o, guarded g, order_totals t WHERE o.tenant_id = $1')).toBe('unknown');
    expect(await worst('SELECT * FROM orders o, guarded g, order_totals t')).toBe('unfiltered');
    expect(await worst('SELECT 1')).toBeUndefined();
  });

  it('says why, and which of two readings of a table it is about', async () => {
    const { tables } = await auditStatement(
      'SELECT * FROM orders a JOIN orders b ON a.parent = b.id WHERE a.tenant_id = $1',
      findTable,
    );
    expect(tables).toEqual([
      { table: 'public.orders', alias: 'a', verdict: F, reason: 'a.tenant_id is held to given values' },
      { table: 'public.orders', alias: 'b', verdict: U, reason: 'nothing holds b.tenant_id to given values' },
    ]);
  });

  it.each(['', ' ;', '<insufficient privilege>', 'SELECT FROM WHERE', 'SELECT 1; garbage ('])(
    'that cannot be read is unknown or says nothing: %s',
    async (sql) => {
      const { verdict, tables } = await auditStatement(sql, findTable);
      expect(verdict === undefined ? tables : verdict).toEqual(verdict === undefined ? [] : 'unknown');
      expect(['', ' ;'].includes(sql)).toBe(verdict === undefined);
    },
  );
});

describe('whatever is built around it', () => {
  /** Wraps that leave what is filtered as it is. `S` is a query with the columns tenant_id and id. */
  const wrap = fc.constantFrom(
    'SELECT * FROM (S) AS w',
    'SELECT w.tenant_id, w.id FROM (S) AS w WHERE w.id > $9',
    'WITH w AS (S) SELECT * FROM w',
    'WITH w AS (S), v AS (SELECT * FROM w) SELECT tenant_id, id FROM v',
    'SELECT tenant_id, id FROM (S) AS w UNION ALL SELECT $1, $2',
    'SELECT * FROM (SELECT w.*, $3 AS more FROM (S) AS w ORDER BY id LIMIT 5) AS v',
    'SELECT w.* FROM (S) AS w LEFT JOIN statuses s ON s.id = w.id',
    'SELECT w.* FROM statuses s JOIN (S) AS w ON s.id = w.id',
  );
  const wraps = fc.array(wrap, { maxLength: 5 });
  const build = (inner: string, around: readonly string[]) =>
    around.reduce((sql, one) => one.replace('S)', `${sql})`), inner);

  it('a filter within stays one, and a missing one stays missing', async () => {
    await fc.assert(
      fc.asyncProperty(wraps, async (around) => {
        expect(await verdicts(build('SELECT tenant_id, id FROM orders WHERE tenant_id = $1', around))).toEqual({
          orders: F,
        });
        expect(await verdicts(build('SELECT tenant_id, id FROM orders WHERE id = $1', around))).toEqual({ orders: U });
      }),
      { numRuns: 150, seed: 3 },
    );
  });

  it('a filter around it reaches the table, unless the parts of a UNION bring others', async () => {
    await fc.assert(
      fc.asyncProperty(wraps, async (around) => {
        const sql = `SELECT * FROM (${build('SELECT tenant_id, id FROM orders', around)}) AS outside WHERE outside.tenant_id = $1`;
        expect(await verdicts(sql)).toEqual({ orders: F });
      }),
      { numRuns: 150, seed: 4 },
    );
  });
});
