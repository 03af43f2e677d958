import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import type { SqlAnswer } from '../../src/domain/sql.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let base: string;
beforeAll(async () => {
  api = await startApi();
  base = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.sql.runs.length = 0;
  api.ports.sql.instead = undefined;
});

const post = (payload: object) =>
  api.app.inject({ method: 'POST', url: '/v1/sql', headers: bearer(ADMIN_TOKEN), payload });

describe('POST /v1/sql', () => {
  test('answers columns, rows and what it took', async () => {
    const answer = await post({ sql: 'SELECT {t:String}', params: { t: 'x', list: [1, 2], none: null }, max_rows: 7 });
    expect(answer.json()).toEqual({
      ...{ columns: [{ name: 'TenantId', type: 'String' }], rows: [['acme']], row_count: 1, truncated: false },
      ...{ elapsed_ms: 1.5, rows_read: 1, bytes_read: 8 },
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(api.ports.sql.runs[0]).toMatchObject({
      actor: { kind: 'staff', role: 'admin' },
      run: { sql: 'SELECT {t:String}', params: { t: 'x', list: [1, 2], none: null }, maxRows: 7 },
    });
  });

  test('answers a file, and says beside it whether there are more rows', async () => {
    api.ports.sql.instead = async () => ({ ...api.ports.sql.answer, truncated: true });
    const answer = await post({ sql: 'SELECT 1', format: 'csv' });
    expect([answer.statusCode, answer.body]).toEqual([200, 'csv of 1\r\n']);
    expect(answer.headers).toMatchObject({
      ...{ 'content-type': 'text/csv; charset=utf-8', 'x-tenantry-truncated': 'true', 'cache-control': 'no-store' },
      'content-disposition': 'attachment; filename="tenantry-sql.csv"',
    });
  });

  test.each([
    ['no statement', {}],
    ['an empty one', { sql: '' }],
    ['one that is too long', { sql: 'x'.repeat(20_001) }],
    ['a list', { sql: ['SELECT 1'] }],
    ['a parameter that is no name', { sql: 'SELECT 1', params: { "x')": 1 } }],
    ['a parameter that is an object', { sql: 'SELECT 1', params: { x: { $ne: 1 } } }],
    ['a parameter of __proto__', JSON.parse('{"sql":"SELECT 1","params":{"__proto__":{"x":1}}}')],
    ['no rows', { sql: 'SELECT 1', max_rows: 0 }],
    ['too many rows', { sql: 'SELECT 1', max_rows: 10_001 }],
    ['another format', { sql: 'SELECT 1', format: 'parquet' }],
    ['settings', { sql: 'SELECT 1', settings: { readonly: 0 } }],
  ])('refuses %s before anything runs', async (_what, payload) => {
    expect((await post(payload as object)).json()).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
    expect(api.ports.sql.runs).toEqual([]);
  });

  test('tells why a statement cannot be run, and where in the body it stands', async () => {
    api.ports.sql.instead = async () => {
      throw new TenantryError('SQL_REFUSED', 'file() cannot be used here.', { hint: 'Reads only.', pointer: '/sql' });
    };
    const answer = await post({ sql: 'SELECT file(1)' });
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({
      ...{
        status: 422,
        code: 'SQL_REFUSED',
        detail: 'file() cannot be used here.',
        hint: 'Reads only.',
        pointer: '/sql',
      },
    });
  });

  test('ends the statement when its caller hangs up', async () => {
    let began: () => void = () => undefined;
    const running = new Promise<void>((resolve) => {
      began = resolve;
    });
    let signal: AbortSignal | undefined;
    api.ports.sql.instead = (run) => {
      signal = run.signal;
      began();
      return new Promise<SqlAnswer>((_resolve, reject) => {
        run.signal.addEventListener('abort', () => reject(new TenantryError('QUERY_TIMEOUT', 'Nobody waits.')));
      });
    };
    const leaving = new AbortController();
    const answer = fetch(`${base}/v1/sql`, {
      ...{ method: 'POST', signal: leaving.signal, body: JSON.stringify({ sql: 'SELECT 1' }) },
      headers: { ...bearer(ADMIN_TOKEN), 'content-type': 'application/json' },
    });
    await running;
    expect(signal?.aborted).toBe(false);
    const aborted = signal === undefined ? Promise.reject(new Error('no signal')) : once(signal, 'abort');
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await aborted;
    expect(signal?.aborted).toBe(true);
  });
});

test('GET /v1/sql/tables lists what may be asked', async () => {
  const answer = await api.app.inject({ url: '/v1/sql/tables', headers: bearer(ADMIN_TOKEN) });
  expect(answer.json()).toEqual({
    items: [{ name: 'spans', columns: [{ name: 'TenantId', type: 'LowCardinality(String)' }] }],
  });
});
