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

const ROWS = Object.keys(PERMISSIONS) as Row[];

const PUBLIC = 'everybody, with or without credentials';
const STAFF = ['admin', 'sre', 'sales', 'automation'];
const OPERATORS = ['admin', 'sre', 'automation'];
const TENANT = ['tenant_admin', 'member', 'viewer'];
const FLAG_KEYS = ['key flags', 'key ingest+flags'];

/** Written down a second time on purpose: a slip in the table must not become its own expectation. */
const WHO_MAY: Record<Row, readonly string[] | typeof PUBLIC> = {
  'GET /healthz': PUBLIC,
  'GET /readyz': PUBLIC,
  'GET /metrics': OPERATORS,
  'GET /openapi.json': PUBLIC,
  'GET /signin': PUBLIC,
  'GET /*': PUBLIC,
  'GET /v1/whoami': [...STAFF, ...TENANT, ...FLAG_KEYS, 'key ingest'],
  'POST /v1/session/end': [...STAFF, ...TENANT],
  'POST /v1/sign-in-links': ['admin'],
  'GET /v1/keys': ['admin'],
  'POST /v1/keys': ['admin'],
  'DELETE /v1/keys/:id': ['admin'],
  'GET /v1/tenants': [...STAFF, ...TENANT],
  'GET /v1/tenants/:id/metrics': [...STAFF, ...TENANT],
  'GET /v1/tenants/:id/queries': [...STAFF, ...TENANT],
  'GET /v1/tenants/:id/slow-queries': [...STAFF, ...TENANT],
  'GET /v1/query-audit': STAFF,
  'GET /v1/queries': STAFF,
  'GET /v1/usage': [...STAFF, ...TENANT],
  'PUT /v1/tenants/:id/plan': ['admin', 'sales'],
  'GET /v1/anomalies': [...STAFF, ...TENANT],
  'GET /v1/neighbors': OPERATORS,
  'GET /v1/control/kill-switch': OPERATORS,
  'PUT /v1/control/kill-switch': OPERATORS,
  'GET /v1/control/allow-list': OPERATORS,
  'PUT /v1/control/allow-list/:tenant_id': OPERATORS,
  'DELETE /v1/control/allow-list/:tenant_id': OPERATORS,
  'GET /v1/control/reach': OPERATORS,
  'GET /v1/control/rules': OPERATORS,
  'GET /v1/control/rules/:rule/stage': OPERATORS,
  'PUT /v1/control/rules/:rule/stage': ['admin', 'sre'],
  'GET /v1/control/tenant-stages': OPERATORS,
  'PUT /v1/control/tenant-stages/:tenant_id': OPERATORS,
  'DELETE /v1/control/tenant-stages/:tenant_id': OPERATORS,
  'GET /v1/control/approvals': OPERATORS,
  'POST /v1/control/approvals/:id/approve': ['admin', 'sre'],
  'POST /v1/control/approvals/:id/deny': ['admin', 'sre'],
  'GET /v1/control/known-peaks': OPERATORS,
  'POST /v1/control/known-peaks': OPERATORS,
  'PUT /v1/control/known-peaks/:id': OPERATORS,
  'DELETE /v1/control/known-peaks/:id': OPERATORS,
  'GET /v1/backtests': OPERATORS,
  'POST /v1/backtests': OPERATORS,
  'GET /v1/backtests/:id': OPERATORS,
  'DELETE /v1/backtests/:id': OPERATORS,
  'GET /v1/decisions': OPERATORS,
  'GET /v1/storage': [...STAFF, ...TENANT],
  'POST /v1/storage': ['admin', 'automation', 'key ingest', 'key ingest+flags'],
  'GET /v1/storage/targets': ['admin'],
  'POST /v1/storage/targets': ['admin'],
  'DELETE /v1/storage/targets/:id': ['admin'],
  'POST /v1/storage/targets/:id/collect': ['admin'],
  'GET /v1/throttles': [...STAFF, ...TENANT],
  'POST /v1/throttles': OPERATORS,
  'DELETE /v1/throttles/:id': OPERATORS,
  'GET /v1/caps': [...STAFF, ...TENANT],
  'PUT /v1/caps/:tenant_id': STAFF,
  'DELETE /v1/caps/:tenant_id': STAFF,
  'GET /v1/plan-caps': STAFF,
  'PUT /v1/plan-caps/:plan': ['admin', 'sales'],
  'DELETE /v1/plan-caps/:plan': ['admin', 'sales'],
  'GET /v1/prices': ['admin', 'sales'],
  'POST /v1/prices': ['admin'],
  'DELETE /v1/prices/:id': ['admin'],
  'GET /v1/prices/versions': ['admin', 'sales'],
  'GET /v1/prices/unpriced': ['admin', 'sales'],
  'POST /v1/prices/imports/preview': ['admin'],
  'POST /v1/prices/imports': ['admin'],
  'GET /v1/price-overrides': ['admin', 'sales'],
  'POST /v1/price-overrides': ['admin', 'sales'],
  'DELETE /v1/price-overrides/:id': ['admin', 'sales'],
  'GET /v1/contracts': ['admin', 'sales'],
  'PUT /v1/contracts/:name': ['admin', 'sales'],
  'DELETE /v1/contracts/:name': ['admin', 'sales'],
  'POST /v1/contracts/:name/prices': ['admin', 'sales'],
  'DELETE /v1/contracts/:name/prices/:id': ['admin', 'sales'],
  'PUT /v1/contracts/:name/tenants/:tenant_id': ['admin', 'sales'],
  'DELETE /v1/contracts/:name/tenants/:tenant_id': ['admin', 'sales'],
  'GET /v1/months': ['admin', 'sales'],
  'POST /v1/months/:month/close': ['admin'],
  'GET /v1/months/:month/ai-costs': ['admin', 'sales'],
  'POST /v1/repricings/preview': ['admin', 'sales'],
  'POST /v1/repricings': ['admin'],
  'GET /v1/repricings': ['admin', 'sales'],
  'GET /v1/plans': STAFF,
  'GET /v1/plans/:plan': STAFF,
  'PUT /v1/plans/:plan': ['admin', 'sales'],
  'GET /v1/quotas': [...STAFF, ...TENANT],
  'PUT /v1/tenants/:id/seats': ['admin', 'sales', 'automation'],
  'PUT /v1/tenants/:id/billing-day': ['admin', 'sales'],
  'GET /v1/burst-credits': [...STAFF, ...TENANT],
  'GET /v1/burst-credits/entries': [...STAFF, ...TENANT],
  'POST /v1/burst-credits/spend': ['admin', 'automation'],
  'GET /v1/signals': ['admin', 'sales'],
  'POST /v1/signals/:id/dismiss': ['admin', 'sales'],
  'GET /v1/dedicated-offers': ['admin', 'sre', 'sales'],
  'PUT /v1/dedicated-offers': ['admin', 'sales'],
  'GET /v1/placement-advice': ['admin', 'sre', 'sales'],
  'PUT /v1/tenants/:id/placement': ['admin', 'sre'],
  'POST /v1/spend/reservations': FLAG_KEYS,
  'POST /v1/spend/settlements': FLAG_KEYS,
  'GET /v1/breakers': [...STAFF, ...TENANT],
  'POST /v1/breakers/reports': FLAG_KEYS,
  'POST /v1/breakers/orders': OPERATORS,
  'DELETE /v1/breakers/orders/:id': OPERATORS,
  'GET /v1/alerts': STAFF,
  'POST /v1/alerts/:id/ack': OPERATORS,
  'GET /v1/alert-routes': OPERATORS,
  'POST /v1/alert-routes': OPERATORS,
  'DELETE /v1/alert-routes/:id': OPERATORS,
  'POST /v1/alert-routes/:id/test': OPERATORS,
  'GET /v1/mutes': OPERATORS,
  'POST /v1/mutes': OPERATORS,
  'DELETE /v1/mutes/:id': OPERATORS,
  'GET /v1/exports/usage': [...STAFF, ...TENANT],
  'GET /v1/exports/quotas': [...STAFF, ...TENANT],
  'GET /v1/exports/ai-costs': ['admin', 'sales'],
  'GET /v1/exports/costs': ['admin', 'sales'],
  'GET /v1/exports/margins': ['admin', 'sales'],
  'GET /v1/statements/:tenant_id': [...STAFF, ...TENANT],
  'GET /v1/report-schedules': ['admin', 'sales'],
  'POST /v1/report-schedules': ['admin', 'sales'],
  'DELETE /v1/report-schedules/:id': ['admin', 'sales'],
  'GET /v1/bills': ['admin', 'sre', 'sales'],
  'POST /v1/bills': ['admin', 'sales'],
  'GET /v1/bills/:id': ['admin', 'sre', 'sales'],
  'DELETE /v1/bills/:id': ['admin', 'sales'],
  'POST /v1/bills/:id/allocate': ['admin', 'sales'],
  'GET /v1/allocation-rules': ['admin', 'sre', 'sales'],
  'GET /v1/allocation-rules/versions': ['admin', 'sre', 'sales'],
  'PUT /v1/allocation-rules': ['admin', 'sales'],
  'POST /v1/allocation-rules/preview': ['admin', 'sales'],
  'GET /v1/costs': ['admin', 'sre', 'sales'],
  'GET /v1/costs/:tenant_id/explain': ['admin', 'sre', 'sales'],
  'GET /v1/export/focus': ['admin', 'sales'],
  'GET /v1/flags': [...OPERATORS, ...FLAG_KEYS],
  'GET /v1/flags/stream': [...OPERATORS, ...FLAG_KEYS],
  'POST /v1/flags/acks': FLAG_KEYS,
  'GET /v1/flags/instances': OPERATORS,
  'POST /v1/events': ['admin', 'automation', 'key ingest', 'key ingest+flags'],
  'GET /v1/revenue': ['admin', 'sales'],
  'GET /v1/revenue/imports': ['admin', 'sales'],
  'POST /v1/revenue/imports': ['admin', 'sales'],
  'GET /v1/revenue/unmapped': ['admin', 'sales'],
  'PUT /v1/revenue/customers/:customer_id': ['admin', 'sales'],
  'GET /v1/margins': ['admin', 'sales'],
  'GET /v1/margins/features': ['admin', 'sales'],
  'PUT /v1/margins/features': ['admin', 'sales'],
  'GET /v1/forecasts': ['admin', 'sales'],
  'GET /v1/meters': [...STAFF, ...TENANT],
  'POST /v1/meters': ['admin', 'sales'],
  'DELETE /v1/meters/:slug': ['admin', 'sales'],
  'GET /v1/meters/:slug/query': [...STAFF, ...TENANT],
  'GET /v1/meters/:slug/rejected': [...STAFF, ...TENANT],
  'GET /ofrep/v1/events': [...OPERATORS, ...FLAG_KEYS],
  'POST /ofrep/v1/evaluate/flags': [...OPERATORS, ...FLAG_KEYS],
  'POST /ofrep/v1/evaluate/flags/:key': [...OPERATORS, ...FLAG_KEYS],
};

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

function expectedStatus(row: Row, caller: TestCaller): number {
  const allowed = WHO_MAY[row];
  const { status, statusForOther = status } = REQUESTS[row];
  if (allowed === PUBLIC) return status;
  if (!allowed.includes(caller.kind)) return 403;
  return caller.tenant === OTHER ? statusForOther : status;
}

describe.each(ROWS)('%s', (row) => {
  test('answers every role and key as the table says', async () => {
    // Callers anew for each row: POST /v1/session/end ends the sessions of those who call it.
    const cells = [];
    for (const caller of await goodCallers(api, provider)) {
      const { statusCode } = await send(row, caller.credentials);
      cells.push({ caller: caller.name, got: statusCode, expected: expectedStatus(row, caller) });
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
  for (const row of ROWS.filter((name) => !name.startsWith('GET ') && WHO_MAY[name] !== PUBLIC)) {
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
