import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemSchema } from '../../src/api/problem.ts';
import { ERRORS, type ErrorCode, TenantryError } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

const ADMIN = bearer(ADMIN_TOKEN);
const JSON_TYPE = { 'content-type': 'application/json' };

describe('every error is an RFC 9457 problem', () => {
  test.each<[string, InjectOptions, ErrorCode]>([
    ['unknown path', { url: '/v2/tenants' }, 'NOT_FOUND'],
    ['unknown path under the API', { url: '/v1/secrets' }, 'NOT_FOUND'],
    ['wrong method', { method: 'PUT', url: '/v1/throttles' }, 'METHOD_NOT_ALLOWED'],
    [
      'wrong method on a path with a parameter',
      { method: 'POST', url: '/v1/tenants/acme/metrics' },
      'METHOD_NOT_ALLOWED',
    ],
    ['no credentials', { url: '/v1/tenants' }, 'UNAUTHENTICATED'],
    ['bad percent-encoding', { url: '/v1/tenants/%zz/metrics' }, 'BAD_REQUEST'],
    ['unknown parameter', { url: '/v1/tenants?limt=5', headers: ADMIN }, 'BAD_REQUEST'],
    ['repeated parameter', { url: '/v1/tenants?limit=5&limit=6', headers: ADMIN }, 'BAD_REQUEST'],
    [
      'broken JSON',
      { method: 'POST', url: '/v1/throttles', headers: { ...ADMIN, ...JSON_TYPE }, payload: '{"a":' },
      'BAD_REQUEST',
    ],
    [
      'empty JSON',
      { method: 'POST', url: '/v1/throttles', headers: { ...ADMIN, ...JSON_TYPE }, payload: '' },
      'BAD_REQUEST',
    ],
    [
      'prototype in JSON',
      { method: 'POST', url: '/v1/throttles', headers: { ...ADMIN, ...JSON_TYPE }, payload: '{"__proto__":{"x":1}}' },
      'BAD_REQUEST',
    ],
    [
      'a form',
      {
        method: 'POST',
        url: '/v1/throttles',
        headers: { ...ADMIN, 'content-type': 'application/x-www-form-urlencoded' },
        payload: 'tenant_id=acme',
      },
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'text that looks like JSON',
      { method: 'POST', url: '/v1/throttles', headers: { ...ADMIN, 'content-type': 'text/plain' }, payload: '{}' },
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a body that is too large',
      {
        method: 'POST',
        url: '/v1/throttles',
        headers: { ...ADMIN, ...JSON_TYPE },
        payload: JSON.stringify({ reason: 'x'.repeat(70_000) }),
      },
      'BODY_TOO_LARGE',
    ],
    [
      'an over-long path parameter',
      { url: `/v1/tenants/${'x'.repeat(300)}/metrics?metric=requests`, headers: ADMIN },
      'NOT_FOUND',
    ],
  ])('%s', async (_name, request, code) => {
    const answer = await api.app.inject({ ...request, headers: { ...request.headers, 'x-request-id': 'req-1' } });
    expect(answer.statusCode).toBe(ERRORS[code].status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    const problem = problemSchema.parse(answer.json());
    expect(problem).toMatchObject({
      code,
      status: ERRORS[code].status,
      title: ERRORS[code].title,
      request_id: 'req-1',
    });
    expect(answer.body).not.toMatch(/node_modules|\.ts:|\.js:|at Object|FST_ERR/);
  });

  test('bytes that are no HTTP request', async () => {
    await api.app.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.end('GET / HTTP/9.9\r\n\r\n');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'BAD_REQUEST', status: 400 });
  });
});

test('a 405 names the methods that the path takes', async () => {
  const answer = await api.app.inject({ method: 'PATCH', url: '/v1/throttles' });
  expect(answer.headers['allow']).toBe('GET, POST');
});

test('an unknown parameter is named, and the known ones are listed', async () => {
  const { detail, hint } = (await api.app.inject({ url: '/v1/anomalies?tenant=x', headers: ADMIN })).json();
  expect(detail).toBe('unknown query parameter "tenant"');
  expect(hint).toBe('Allowed: from, to, tenant_id, limit.');
});

test.each([
  ['a field that is not valid', { target: { channel: 'slack', url: 'ftp://x' } }, '/target/url'],
  ['an item of a list', { match: { plans: ['a', ''] } }, '/match/plans/1'],
  ['a field that nobody knows, escaped', { match: { 'a/b~c': 1 } }, '/match/a~1b~0c'],
])('%s of the body is pointed at', async (_name, part, pointer) => {
  const good = { name: 'x', target: { channel: 'slack', url: 'https://hooks.example.com/x' } };
  const request = { method: 'POST', url: '/v1/alert-routes', headers: ADMIN, payload: { ...good, ...part } } as const;
  const answer = await api.app.inject(request);
  expect([answer.statusCode, answer.json().pointer]).toEqual([400, pointer]);
});

test('what is wrong with the query is no field of the body', async () => {
  expect((await api.app.inject({ url: '/v1/anomalies?tenant=x', headers: ADMIN })).json()).not.toHaveProperty(
    'pointer',
  );
});

describe('what goes wrong inside stays inside', () => {
  const SECRET = "duplicate key: SELECT * FROM tenants WHERE name='globex' tk_secret";

  async function failWith(error: unknown) {
    api.ports.anomalies.list = async () => {
      throw error;
    };
    return api.app.inject({ url: '/v1/anomalies', headers: { ...ADMIN, 'x-request-id': 'req-7' } });
  }

  test.each<[string, unknown, number, ErrorCode]>([
    ['an unexpected error', new Error(SECRET), 500, 'INTERNAL'],
    [
      'an error with a status of its own',
      Object.assign(new Error(SECRET), { statusCode: 502, code: '57014' }),
      500,
      'INTERNAL',
    ],
    [
      'an error that pretends to be 4xx',
      Object.assign(new Error(SECRET), { statusCode: 404, code: '42P01' }),
      500,
      'INTERNAL',
    ],
    ['something that is no error', SECRET, 500, 'INTERNAL'],
    ['nothing at all', undefined, 500, 'INTERNAL'],
    ['our own fault with details', new TenantryError('TENANT_MIXUP', SECRET, { hint: SECRET }), 500, 'TENANT_MIXUP'],
  ])('%s', async (_name, error, status, code) => {
    const answer = await failWith(error);
    expect([answer.statusCode, answer.json().code, answer.json().request_id]).toEqual([status, code, 'req-7']);
    expect(answer.body).not.toMatch(/SELECT|globex|tk_secret/);
  });

  test('the log has the cause under the request id of the answer, without the fields in which databases put rows', async () => {
    await failWith(
      Object.assign(new Error('connection lost'), { detail: 'Key (name)=(globex) exists', query: 'SELECT 1' }),
    );
    const line = api.logLines.find((text) => text.includes('request failed')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      request_id: 'req-7',
      code: 'INTERNAL',
      error: { message: 'connection lost' },
    });
    expect(line).not.toMatch(/globex|SELECT/);
  });

  test('an answer that does not match its own schema is not sent', async () => {
    api.ports.figures.series = [{ group: {}, points: [[1, Number.NaN]] }];
    const answer = await api.app.inject({ url: `/v1/tenants/${OWN}/metrics?metric=requests`, headers: ADMIN });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'INTERNAL']);
  });

  test.each<[ErrorCode, string | undefined]>([
    ['STORE_UNAVAILABLE', '2'],
    ['QUERY_TOO_HEAVY', '2'],
    ['QUERY_TIMEOUT', undefined],
  ])('%s passes with its hint', async (code, retryAfter) => {
    const answer = await failWith(new TenantryError(code, 'what happened', { hint: 'what to do' }));
    expect(answer.statusCode).toBe(ERRORS[code].status);
    expect(answer.json()).toMatchObject({ code, detail: 'what happened', hint: 'what to do' });
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });
});

describe('request ids', () => {
  test.each([
    ['kept when harmless', 'trace-4.A_z', 'trace-4.A_z'],
    ['replaced when they would break a log line', 'a\tb', undefined],
    ['replaced when too long', 'x'.repeat(65), undefined],
  ])('%s', async (_name, given, kept) => {
    const answer = await api.app.inject({ url: '/healthz', headers: { 'x-request-id': given } });
    expect(answer.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    if (kept === undefined) expect(answer.headers['x-request-id']).not.toBe(given);
    else expect(answer.headers['x-request-id']).toBe(kept);
  });
});

test('logs carry the route, never credentials, codes or query values', async () => {
  const code = new URL(api.issuer.createSignInLink('admin')).searchParams.get('code') ?? '';
  const session = String((await api.app.inject(`/signin?code=${code}`)).headers['set-cookie']).split(/[=;]/)[1] ?? '';
  const key = api.ports.keys.issue(['flags']);
  const secrets = [ADMIN_TOKEN, code, session, key, 'canary-search'];
  await api.app.inject({ url: '/v1/tenants?q=canary-search', headers: ADMIN });
  await api.app.inject({ url: '/v1/tenants', headers: { cookie: `tenantry_session=${session}` } });
  await api.app.inject({ url: '/v1/flags', headers: bearer(key) });
  await api.app.inject({ url: `/v1/tenants?code=${key}`, headers: bearer(`${key}x`) });
  const log = api.logLines.join('');
  expect(log).toContain('"route":"/v1/tenants"');
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(8);
    expect(log).not.toContain(secret);
  }
});
