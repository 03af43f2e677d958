// Answers that clients may keep and ask about again: to one tenant never what belongs to another, neither as a body nor
// by word that the body which the other has is still good.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

const AT_ONCE = 100;

let api: ApiUnderTest;
let url: string;
const keys = new Map<string, string>();
beforeAll(async () => {
  api = await startApi();
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  for (const tenant of [OWN, OTHER]) keys.set(tenant, api.ports.keys.issue(['flags'], tenant));
});
afterAll(() => api.close());

/** The same address for everybody: what is told apart is who asks. */
const READS = {
  'GET /v1/flags': (headers: Record<string, string>) => fetch(`${url}/v1/flags`, { headers }),
  'POST /ofrep/v1/evaluate/flags': (headers: Record<string, string>, tenant: string) =>
    fetch(`${url}/ofrep/v1/evaluate/flags`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ context: { targetingKey: tenant } }),
    }),
};

const other = (tenant: string) => (tenant === OWN ? OTHER : OWN);

test.each(Object.entries(READS))(
  '%s: a hundred at once of two tenants, with tags of their own and of the other',
  async (_name, read) => {
    const first = async (tenant: string) => {
      const answer = await read(bearer(keys.get(tenant) ?? ''), tenant);
      expect(answer.headers.get('cache-control')).toBe('private, no-cache');
      return { etag: answer.headers.get('etag') ?? '', body: await answer.text() };
    };
    const known = new Map([
      [OWN, await first(OWN)],
      [OTHER, await first(OTHER)],
    ]);
    expect(known.get(OWN)?.etag).not.toBe(known.get(OTHER)?.etag);
    expect(known.get(OWN)?.body).not.toBe(known.get(OTHER)?.body);

    const asked = Array.from({ length: AT_ONCE }, (_, index) => ({
      tenant: index % 2 === 0 ? OWN : OTHER,
      tagOf: [undefined, OWN, OTHER][index % 3],
    }));
    const wrong = await Promise.all(
      asked.map(async ({ tenant, tagOf }) => {
        const tag = tagOf === undefined ? {} : { 'if-none-match': known.get(tagOf)?.etag ?? '' };
        const answer = await read({ ...bearer(keys.get(tenant) ?? ''), ...tag }, tenant);
        const body = await answer.text();
        const expected = tagOf === tenant ? [304, ''] : [200, known.get(tenant)?.body];
        const isRight = answer.status === expected[0] && body === expected[1] && !body.includes(other(tenant));
        return isRight && answer.headers.get('etag') === known.get(tenant)?.etag
          ? []
          : [`${tenant} by ${tagOf}: ${answer.status} ${body}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
  },
);

test('nothing else may be kept by anybody', async () => {
  const headers = bearer(await api.issuer.issueToken('tenant_admin', OWN));
  for (const path of [
    '/v1/tenants',
    '/v1/usage',
    '/v1/keys',
    '/v1/members',
    '/v1/throttles',
    '/v1/whoami',
    '/v1/caps',
  ]) {
    const answer = await fetch(`${url}${path}`, { headers });
    expect([path, answer.headers.get('cache-control'), answer.headers.get('etag')]).toEqual([path, 'no-store', null]);
    await answer.body?.cancel();
  }
});
