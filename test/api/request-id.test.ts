// The audit log names the request by which something was done. It gets the name from the actor, so whatever the API asks
// of a store for a person must carry it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GOOD_REQUESTS } from '../support/api-good-requests.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

interface Call {
  readonly port: string;
  readonly requestId: unknown;
}

/** Every person that any port was handed, by the path of the method. */
const calls: Call[] = [];
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
  for (const [name, port] of Object.entries(api.ports)) watch(port, name);
});
afterAll(() => api.close());

function isPerson(value: unknown): value is { readonly requestId?: unknown } {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && /^(?:staff|tenant)$/.test(String(value.kind))
  );
}

/** Puts a recorder in front of every method of a port, and of the ports in it. */
function watch(target: unknown, path: string, depth = 0): void {
  if (typeof target !== 'object' || target === null || depth > 2 || path.startsWith('registry')) return;
  const names = new Set([...Object.keys(target), ...Object.getOwnPropertyNames(Object.getPrototypeOf(target) ?? {})]);
  for (const name of names) {
    if (name === 'constructor' || Object.getOwnPropertyDescriptor(target, name)?.get !== undefined) continue;
    const member: unknown = Reflect.get(target, name);
    if (typeof member !== 'function') {
      if (Object.hasOwn(target, name) && !Array.isArray(member)) watch(member, `${path}.${name}`, depth + 1);
      continue;
    }
    Reflect.set(target, name, (...given: unknown[]) => {
      for (const person of given.filter(isPerson)) calls.push({ port: `${path}.${name}`, requestId: person.requestId });
      return Reflect.apply(member, target, given);
    });
  }
}

const isStream = (row: string) => row === 'GET /v1/flags/stream' || row === 'GET /ofrep/v1/events';

test('whatever a store is asked for a person, it is asked in the name of the request', async () => {
  const tokens = [ADMIN_TOKEN, await api.issuer.issueToken('tenant_admin', OWN)];
  const rows = Object.entries(GOOD_REQUESTS).filter(([row]) => !isStream(row));
  for (const [row, { url, payload }] of rows) {
    const [method = 'GET'] = row.split(' ') as ['GET' | 'POST' | 'PUT' | 'DELETE'];
    for (const token of tokens) {
      const headers = { ...bearer(token), 'x-request-id': `by-${row.replaceAll(/[^A-Za-z0-9]+/g, '-')}`.slice(0, 64) };
      const before = calls.length;
      await api.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
      const news = calls.slice(before);
      expect([row, news.filter(({ requestId }) => requestId !== headers['x-request-id'])]).toEqual([row, []]);
    }
  }
  // The recorder really sat between: areas as far apart as these were all asked for somebody.
  const ports = new Set(calls.map(({ port }) => port.split('.')[0]));
  expect(ports.size).toBeGreaterThan(15);
  for (const port of ['keyAdmin', 'members', 'deletions', 'throttles', 'caps', 'prices', 'sales', 'control', 'audit']) {
    expect(ports).toContain(port);
  }
  const written = new Set(calls.map(({ port }) => port));
  for (const change of ['keyAdmin.create', 'members.add', 'throttles.create', 'deletions.request']) {
    expect(written).toContain(change);
  }
});

test('a request without an id of its own gets one, which is answered and goes along', async () => {
  const before = calls.length;
  const answer = await api.app.inject({ url: '/v1/keys', headers: bearer(ADMIN_TOKEN) });
  expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(calls.slice(before)).toEqual([{ port: 'keyAdmin.list', requestId: answer.headers['x-request-id'] }]);
});

test('an id that is no harmless name is not taken over', async () => {
  for (const hostile of ['x'.repeat(65), 'a b', "a';--", 'a"b']) {
    const before = calls.length;
    await api.app.inject({ url: '/v1/keys', headers: { ...bearer(ADMIN_TOKEN), 'x-request-id': hostile } });
    expect(calls.slice(before)).toEqual([
      { port: 'keyAdmin.list', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ]);
  }
});
