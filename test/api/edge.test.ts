import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SESSION_COOKIE } from '../../src/api/authenticate.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import {
  credentialsFor,
  faultOfHeaders,
  faultOfProblem,
  type Keys,
  keysOf,
  methodNotOf,
  ROWS,
  requestTo,
} from '../support/api-every-route.ts';
import type { Row } from '../support/api-good-requests.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from '../support/api-harness.ts';
import { PUBLIC, WHO_MAY } from '../support/api-who-may.ts';

const CHANGES = ROWS.filter((row) => !row.startsWith('GET '));
const GUARDED = ROWS.filter((row) => WHO_MAY[row] !== PUBLIC);
const FRIEND = 'https://app.example.com';
const EXEMPT: readonly Row[] = ['GET /healthz', 'GET /readyz', 'GET /metrics', 'GET /metrics/tenants'];
type Answer = Awaited<ReturnType<ApiUnderTest['app']['inject']>>;

let api: ApiUnderTest;
let publicDir: string;
let session: string;
let keys: Keys;
beforeAll(async () => {
  publicDir = await mkdtemp(join(tmpdir(), 'tenantry-edge-'));
  await writeFile(join(publicDir, 'index.html'), '<!doctype html><title>Tenantry</title>');
  api = await startApi({ publicDir, edge: { corsOrigins: [FRIEND], trustedProxies: ['127.0.0.1'] } });
  session = await api.issuer.issueToken('admin');
  keys = keysOf(api);
  // Streams would stay open; what is looked at here comes before their first event.
  api.ports.flags.afterRead = async () => {
    throw new TenantryError('STORE_UNAVAILABLE', 'down');
  };
});
afterAll(async () => {
  await api.close();
  await rm(publicDir, { recursive: true });
});

/** What is wrong with the answers of `rows`, by row; none should be in it. */
async function faults(
  rows: readonly Row[],
  send: (row: Row) => InjectOptions,
  faultOf: (answer: Answer, row: Row) => unknown,
): Promise<[Row, unknown][]> {
  expect(rows.length).toBeGreaterThan(3);
  const found: [Row, unknown][] = [];
  for (const row of rows) {
    const answer = await api.app.inject(send(row));
    const fault = faultOf(answer, row);
    if (fault !== undefined && fault !== false) found.push([row, fault]);
  }
  return found;
}

describe('every answer of every route', () => {
  test('carries the headers that browsers obey, and may be kept by nobody', async () => {
    const send = (row: Row) => ({ ...requestTo(row), headers: credentialsFor(row, keys) });
    const found = await faults(ROWS, send, (answer, row) => {
      // Clients that poll flags keep their own copy, and ask each time whether it is still good.
      const isPolled = answer.headers['etag'] !== undefined && answer.headers['cache-control'] === 'private, no-cache';
      const mayBeKept = row.includes(' /v1/') && answer.headers['cache-control'] !== 'no-store' && !isPolled;
      return faultOfHeaders(answer) ?? (mayBeKept ? answer.headers['cache-control'] : undefined);
    });
    expect(found).toEqual([]);
  });

  test('without credentials is a problem with the same headers', async () => {
    expect(await faults(GUARDED, requestTo, (answer, row) => faultOfProblem(answer, 401, row))).toEqual([]);
  });

  test('promises https for a year only where it came by https, as a trusted proxy says', async () => {
    const by = (scheme: string) => (row: Row) => ({ ...requestTo(row), headers: { 'x-forwarded-proto': scheme } });
    const header = 'strict-transport-security';
    expect(await faults(ROWS, by('http'), (answer) => answer.headers[header])).toEqual([]);
    expect(await faults(ROWS, by('https'), (answer) => answer.headers[header] !== 'max-age=31536000')).toEqual([]);
  });
});

describe('every route refuses', () => {
  test('an address that is too long', async () => {
    const send = (row: Row) => {
      const { method, url } = requestTo(row);
      return {
        method,
        url: `${url}${url.includes('?') ? '&' : '?'}x=${'y'.repeat(8_192)}`,
        headers: credentialsFor(row, keys),
      };
    };
    expect(await faults(ROWS, send, (answer, row) => faultOfProblem(answer, 414, row))).toEqual([]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/xml'])(
    'a body of type %s that would change something',
    async (type) => {
      const send = (row: Row) => ({
        ...requestTo(row),
        headers: { ...credentialsFor(row, keys), 'content-type': type },
        payload: '{"a":1}',
      });
      expect(await faults(CHANGES, send, (answer, row) => faultOfProblem(answer, 415, row))).toEqual([]);
    },
  );

  test('a compressed body', async () => {
    const send = (row: Row) => ({
      ...requestTo(row),
      headers: { ...credentialsFor(row, keys), 'content-type': 'application/json', 'content-encoding': 'gzip' },
      payload: '{}',
    });
    expect(await faults(CHANGES, send, (answer, row) => faultOfProblem(answer, 415, row))).toEqual([]);
  });

  test('JSON that is none', async () => {
    const rows = CHANGES.filter((row) => row !== 'POST /v1/bills');
    const send = (row: Row) => ({
      ...requestTo(row),
      headers: { ...credentialsFor(row, keys), 'content-type': 'application/json' },
      payload: '{"a":',
    });
    expect(await faults(rows, send, (answer, row) => faultOfProblem(answer, 400, row))).toEqual([]);
  });

  test('a body that says it is enormous', async () => {
    const rows = CHANGES.filter((row) => row !== 'POST /v1/bills');
    const send = (row: Row) => ({
      ...requestTo(row),
      headers: { ...credentialsFor(row, keys), 'content-type': 'application/json', 'content-length': '10000000000' },
      payload: '{}',
    });
    expect(await faults(rows, send, (answer, row) => faultOfProblem(answer, 413, row))).toEqual([]);
  });

  test('a method that it does not have, whatever other method a header names', async () => {
    const send = (row: Row) => ({
      method: methodNotOf(row),
      url: requestTo(row).url,
      headers: {
        ...credentialsFor(row, keys),
        'x-http-method-override': requestTo(row).method,
        'x-http-method': requestTo(row).method,
        'x-method-override': requestTo(row).method,
      },
    });
    const rows = ROWS.filter((row) => row !== 'GET /*');
    const found = await faults(rows, send, (answer, row) => {
      const allows = String(answer.headers['allow']).includes(requestTo(row).method);
      return faultOfProblem(answer, 405, row) ?? (allows ? undefined : 'no allow');
    });
    expect(found).toEqual([]);
  });

  test.each([
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }],
    ['a page of a sister site', { 'sec-fetch-site': 'same-site' }],
    ['another origin, in an old browser', { origin: 'https://evil.example.com' }],
    ['a sandboxed frame, in an old browser', { origin: 'null' }],
    ['an origin that may use tokens', { origin: FRIEND }],
  ])('a change by session cookie from %s', async (_name, headers) => {
    const rows = CHANGES.filter((row) => GUARDED.includes(row) && WHO_MAY[row].includes('admin'));
    const send = (row: Row) => ({
      ...requestTo(row),
      headers: { cookie: `${SESSION_COOKIE}=${session}`, 'x-tenantry-csrf': '1', ...headers },
    });
    expect(await faults(rows, send, (answer, row) => faultOfProblem(answer, 403, row))).toEqual([]);
  });
});

test('a change by session cookie from our own page gets through', async () => {
  const send = (headers: Record<string, string>) =>
    api.app.inject({
      ...requestTo('POST /v1/sign-in-links'),
      headers: { cookie: `${SESSION_COOKIE}=${session}`, 'x-tenantry-csrf': '1', host: 'tenantry.test', ...headers },
    });
  for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: 'https://tenantry.test' }, {}]) {
    expect((await send(headers as Record<string, string>)).statusCode).toBe(201);
  }
});

describe('pages of other origins', () => {
  const preflight = (row: Row, origin: string) => ({
    method: 'OPTIONS' as const,
    url: requestTo(row).url,
    headers: { origin, 'access-control-request-method': requestTo(row).method },
  });
  const rows = ROWS.filter((row) => row !== 'GET /*');

  test('get no word of it on any route, unless they are named', async () => {
    const word = ({ headers }: Answer) =>
      Object.keys(headers).find((name) => name.startsWith('access-control-')) ?? undefined;
    for (const origin of ['https://evil.example.com', `${FRIEND}.evil.com`, 'http://app.example.com', 'null']) {
      expect(await faults(rows, (row) => preflight(row, origin), word)).toEqual([]);
    }
    const send = (row: Row) => ({ ...requestTo(row), headers: { origin: 'https://evil.example.com' } });
    expect(await faults(rows, send, word)).toEqual([]);
  });

  test('that are named may call every route with a token, never with cookies', async () => {
    const found = await faults(
      rows,
      (row) => preflight(row, FRIEND),
      ({ statusCode, headers }, row) => {
        const isRight =
          statusCode === 204 &&
          headers['access-control-allow-origin'] === FRIEND &&
          headers['access-control-allow-credentials'] === undefined &&
          String(headers['access-control-allow-methods']).split(', ').includes(requestTo(row).method) &&
          String(headers['vary']).includes('origin');
        return isRight ? undefined : [statusCode, headers];
      },
    );
    expect(found).toEqual([]);
    const answer = await api.app.inject({ url: '/v1/whoami', headers: { ...bearer(ADMIN_TOKEN), origin: FRIEND } });
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': FRIEND, vary: 'origin' });
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
  });
});

test('every route but those of probes is limited, and says so', async () => {
  let monotonic = 0;
  const limits = { addressPerSecond: 0.1, userPerSecond: 0.1, tenantPerSecond: 0.1, keyPerSecond: 0.1 };
  const limited = await startApi({
    publicDir,
    edge: { limits: { ...limits, flagsPerSecond: 0.1, streamsPerKey: 1 } },
    monotonicNow: () => monotonic,
  });
  limited.ports.flags.afterRead = api.ports.flags.afterRead;
  const limitedKeys = keysOf(limited);
  const wrong: unknown[] = [];
  for (const row of ROWS) {
    monotonic += 60_000;
    const headers = credentialsFor(row, limitedKeys);
    const first = await limited.app.inject({ ...requestTo(row), headers });
    const second = await limited.app.inject({ ...requestTo(row), headers });
    const expected = EXEMPT.includes(row) ? first.statusCode : 429;
    const fault = expected === 429 ? faultOfProblem(second, 429, row) : undefined;
    const isTold =
      expected !== 429 || (second.headers['retry-after'] === '10' && second.headers['ratelimit'] !== undefined);
    if (first.statusCode === 429 || second.statusCode !== expected || fault !== undefined || !isTold) {
      wrong.push([row, first.statusCode, second.statusCode, fault, second.headers]);
    }
  }
  await limited.close();
  expect(wrong).toEqual([]);
});

test('headers that are too long are answered 431, as a problem', async () => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-padding: ${'x'.repeat(20_000)}\r\n\r\n`);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  expect(head).toMatch(/x-content-type-options: nosniff/);
  expect(JSON.parse(body)).toMatchObject({ code: 'HEADERS_TOO_LARGE', status: 431 });
});
