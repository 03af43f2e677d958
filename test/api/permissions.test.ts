import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guardRoutes } from '../../src/api/guard.ts';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import { badCredentials, type Credentials, goodCallers, type TestCaller } from '../support/api-callers.ts';
import { GOOD_REQUESTS as REQUESTS, type Row } from '../support/api-good-requests.ts';
import {
  type ApiUnderTest,
  type IdentityProvider,
  OTHER,
  startApi,
  startIdentityProvider,
} from '../support/api-harness.ts';
import { PUBLIC, WHO_MAY } from '../support/api-who-may.ts';

const ROWS = Object.keys(PERMISSIONS) as Row[];

let provider: IdentityProvider;
let otherProvider: IdentityProvider;
let api: ApiUnderTest;
let publicDir: string;

beforeAll(async () => {
  publicDir = await mkdtemp(join(tmpdir(), 'tenantry-pages-'));
  await writeFile(join(publicDir, 'index.html'), '<!doctype html><title>Tenantry</title>');
  provider = await startIdentityProvider();
  otherProvider = await startIdentityProvider();
  api = await startApi({ jwt: provider.config, publicDir });
});
afterAll(async () => {
  await api.close();
  await provider.close();
  await otherProvider.close();
  await rm(publicDir, { recursive: true });
});

async function send(row: Row, credentials: Credentials) {
  const [method] = row.split(' ') as ['GET' | 'POST' | 'PUT' | 'DELETE'];
  const { url, payload } = REQUESTS[row];
  if (row === 'GET /v1/flags/stream' || row === 'GET /ofrep/v1/events') {
    api.ports.flags.afterRead = async () => {
      throw new TenantryError('STORE_UNAVAILABLE', 'down');
    };
  }
  try {
    const headers = { ...credentials, 'x-request-id': 'matrix' };
    return await api.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  } finally {
    api.ports.flags.afterRead = async () => undefined;
  }
}

function expectedStatus(row: Row, caller: TestCaller, isAskedAgain: boolean): number {
  const allowed = WHO_MAY[row];
  const { status, statusForOther = status, statusAgain = status } = REQUESTS[row];
  if (allowed === PUBLIC) return status;
  if (!allowed.includes(caller.kind)) return 403;
  if (isAskedAgain && caller.tenant !== OTHER) return statusAgain;
  return caller.tenant === OTHER ? statusForOther : status;
}

describe.each(ROWS)('%s', (row) => {
  test('answers every role and key as the table says', async () => {
    // Callers anew for each row: POST /v1/session/end ends the sessions of those who call it.
    const cells = [];
    let isAskedAgain = false;
    for (const caller of await goodCallers(api, provider)) {
      const { statusCode } = await send(row, caller.credentials);
      const expected = expectedStatus(row, caller, isAskedAgain);
      cells.push({ caller: caller.name, got: statusCode, expected });
      isAskedAgain ||= expected < 300;
    }
    expect(cells.length).toBeGreaterThan(25);
    expect(cells.filter(({ got, expected }) => got !== expected)).toEqual([]);
  });

  test('answers everybody without valid credentials alike', async () => {
    const nobodies = await badCredentials(api, provider, otherProvider);
    const expected = WHO_MAY[row] === PUBLIC ? REQUESTS[row].status : 401;
    const answers = [];
    for (const [name, credentials] of Object.entries(nobodies)) {
      const { statusCode, headers, body } = await send(row, credentials);
      const { date: _date, ...fixed } = headers;
      answers.push({ name, statusCode, content: JSON.stringify([fixed, body]) });
    }
    expect(answers.filter(({ statusCode }) => statusCode !== expected)).toEqual([]);
    if (expected === 401) expect(new Set(answers.map(({ content }) => content)).size).toBe(1);
  });
});

test('a session may change things only with the header that other sites cannot send', async () => {
  // SCIM is for keys alone, and says its errors in its own words.
  const guarded = ROWS.filter((name) => WHO_MAY[name] !== PUBLIC && !name.includes(' /scim/'));
  for (const row of guarded.filter((name) => !name.startsWith('GET '))) {
    const { credentials } = (await goodCallers(api, provider)).find(({ name }) => name === 'admin, session') ?? {};
    const { 'x-tenantry-csrf': _header, ...withoutHeader } = credentials ?? {};
    expect(withoutHeader).toHaveProperty('cookie');
    const answer = await send(row, withoutHeader);
    expect([row, answer.statusCode, answer.json().code]).toEqual([row, 403, 'FORBIDDEN']);
  }
});

test('the table, the routes and /openapi.json name the same routes', async () => {
  const document = (await api.app.inject('/openapi.json')).json();
  const documented = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
  );
  // Pages and their files are no part of the API.
  expect(documented.sort()).toEqual(ROWS.filter((row) => row !== 'GET /*').sort());
  for (const row of ROWS) {
    const [method, url] = row.split(' ') as ['GET', string];
    expect([row, api.app.hasRoute({ method, url })]).toEqual([row, true]);
  }
});

test('/openapi.json says of each route who may use it', async () => {
  const { paths } = (await api.app.inject('/openapi.json')).json();
  for (const row of ROWS.filter((name) => name !== 'GET /*')) {
    const [method = '', url = ''] = row.split(' ');
    const operation = paths[url.replaceAll(/:(\w+)/g, '{$1}')][method.toLowerCase()];
    const allowed = WHO_MAY[row];
    if (allowed === PUBLIC) {
      expect(operation.security).toEqual([]);
    } else {
      expect(operation['x-tenantry-roles']).toEqual(allowed.filter((kind) => !kind.startsWith('key ')));
      expect(operation.security.length).toBeGreaterThan(0);
    }
  }
});

test('a route that is not in the table cannot be registered', async () => {
  const app = fastify();
  guardRoutes(app, { identify: async () => undefined });
  expect(() => app.get('/v1/secrets', async () => 'all of them')).toThrow(/no row in the permission table/);
  await app.close();
});

test('a route without a schema for its query cannot be registered', async () => {
  const app = fastify();
  guardRoutes(app, { identify: async () => undefined });
  expect(() => app.get('/v1/whoami', async () => 'you')).toThrow(/no schema for its query/);
  await app.close();
});
