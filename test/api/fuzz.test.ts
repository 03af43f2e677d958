import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { problemSchema } from '../../src/api/problem.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let viewer: string;
beforeAll(async () => {
  api = await startApi();
  viewer = await api.issuer.issueToken('viewer', OWN);
});
afterAll(() => api.close());

/** What people and scanners put into parameters. */
const NASTY = fc.constantFrom(
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '0x10',
  'NaN',
  'Infinity',
  '99999999999999999999',
  '1;DROP TABLE spans',
  "' OR '1'='1",
  "') UNION SELECT * FROM file('/etc/passwd')--",
  '{tenant:String}',
  '\u0000',
  'a\u0000b',
  '\r\nset-cookie: x=1',
  '../../etc/passwd',
  '%00',
  '%2e%2e',
  '__proto__',
  'constructor',
  '\ud800',
  '💥',
  '2026-06-15T12:00:00Z',
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '0000-01-01T00:00:00+14:00',
  OTHER,
  'requests',
  'cache',
);
const VALUE = fc.oneof(
  { weight: 3, arbitrary: NASTY },
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer().map(String),
);
const NAME = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'from',
      'to',
      'sort',
      'order',
      'q',
      'limit',
      'cursor',
      'metric',
      'step',
      'group_by',
      'tenant_id',
      'active',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
/** Lone surrogates cannot be percent-encoded, so no client can send them in a path. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

const PATH = fc.oneof(
  fc.constantFrom('/v1/tenants', '/v1/anomalies', '/v1/throttles', '/v1/flags', '/v1/whoami', '/signin', '/metrics'),
  VALUE.map((id) => `/v1/tenants/${encodeURIComponent(wellFormed(id))}/metrics`),
  fc.string({ maxLength: 30 }).map((path) => `/${encodeURI(wellFormed(path)).replaceAll('#', '%23')}`),
);
const QUERY = fc.array(fc.tuple(NAME, VALUE), { maxLength: 5 });

function queryText(pairs: readonly [string, string][]): string {
  return new URLSearchParams(pairs).toString();
}

function checkAnswer(answer: Awaited<ReturnType<ApiUnderTest['app']['inject']>>): void {
  expect(answer.statusCode).toBeLessThan(500);
  if (answer.statusCode < 400) return;
  const problem = problemSchema.parse(answer.json());
  expect(problem.status).toBe(answer.statusCode);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.headers['set-cookie']).toBeUndefined();
}

test('no path and query brings the server down or another tenant to light', async () => {
  const tally = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(PATH, QUERY, fc.boolean(), async (path, pairs, asTenant) => {
      const url = `${path}?${queryText(pairs)}`;
      const answer = await api.app.inject({ url, headers: bearer(asTenant ? viewer : ADMIN_TOKEN) });
      tally.set(answer.statusCode, (tally.get(answer.statusCode) ?? 0) + 1);
      checkAnswer(answer);
      // Seeing the other tenant takes an answer with data; an error may at most repeat what the caller wrote.
      if (asTenant && answer.statusCode === 200) expect(answer.body).not.toContain(OTHER);
    }),
    { numRuns: 1_500 },
  );
  // The generator must reach behind the door as well as stop at it.
  expect([...tally.keys()].sort()).toEqual(expect.arrayContaining([200, 400, 404]));
});

const ADMIN_ONLY = new Set(['/v1/throttles', '/v1/keys', '/v1/sign-in-links']);

test('no JSON body brings the server down', async () => {
  const paths = fc.constantFrom(
    '/v1/throttles',
    '/v1/keys',
    '/v1/sign-in-links',
    '/v1/flags/acks',
    '/ofrep/v1/evaluate/flags',
    '/ofrep/v1/evaluate/flags/throttle',
  );
  const field = fc.constantFrom(
    'tenant_id',
    'scope',
    'limit',
    'mode',
    'expires_in_seconds',
    'reason',
    'context',
    'instance_id',
    'service',
    'revision',
    'name',
    'scopes',
    'role',
  );
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.oneof(VALUE, fc.jsonValue())));
  const key = api.ports.keys.issue(['flags']);
  await fc.assert(
    fc.asyncProperty(paths, body, async (url, payload) => {
      const headers = { ...bearer(ADMIN_ONLY.has(url) ? ADMIN_TOKEN : key), 'content-type': 'application/json' };
      checkAnswer(await api.app.inject({ method: 'POST', url, headers, payload: JSON.stringify(payload) }));
    }),
    { numRuns: 600 },
  );
});

test('no credential brings the server down or gets in', async () => {
  const headers = fc.record(
    {
      authorization: VALUE.map((text) => `Bearer ${text.replaceAll(/[^\x20-\x7e]/g, '?')}`),
      'x-api-key': VALUE.map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?')),
      cookie: VALUE.map((text) => `tenantry_session=${text.replaceAll(/[^\x20-\x7e]/g, '?')}`),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(headers, async (credentials) => {
      const answer = await api.app.inject({ url: '/v1/whoami', headers: credentials });
      expect(answer.statusCode).toBe(401);
    }),
    { numRuns: 300 },
  );
});
