/** What belongs to another tenant, asked for by its id: byte for byte as if there were no such thing, and untouched. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { PERMISSIONS } from '../../../src/api/permissions.ts';
import { wholeText } from '../../support/access-client.ts';
import { textPlaces } from '../../support/access-parameters.ts';
import { API_ROWS, requestTo } from '../../support/access-routes.ts';
import { wordOf } from '../../support/access-seed.ts';
import type { Row } from '../../support/api-good-requests.ts';
import { OTHER, OWN } from '../../support/api-harness.ts';
import { TRACE_ID } from '../../support/api-memory-traces.ts';
import type { AttackWorld } from './attack-world.ts';

const STREAMS = new Set<string>(['GET /v1/flags/stream', 'GET /ofrep/v1/events']);
const IS_ID = /(?:^|_)id$|^slug$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

function isOpen(row: Row): boolean {
  const access = PERMISSIONS[row];
  return access !== 'public' && access.roles.some((role) => role === 'tenant_admin');
}

/** Ids in objects of the tenant OTHER, at whatever depth. */
function idsOfOther(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const inner of value) idsOfOther(inner, found);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const isOthers = 'tenant_id' in value && value.tenant_id === OTHER;
  for (const [name, inner] of Object.entries(value)) {
    if (isOthers && IS_ID.test(name) && typeof inner === 'string' && inner !== OTHER) found.add(inner);
    idsOfOther(inner, found);
  }
}

/** Of the same form, and of nothing. */
function twinOf(id: string): string {
  if (UUID.test(id)) return randomUUID();
  if (/^[0-9a-f]{32}$/.test(id)) return randomUUID().replaceAll('-', '');
  return /^\d+$/.test(id) ? String(9e14 + Number(id)) : `zq${id.length}nothing`;
}

export function idorSuite(world: () => AttackWorld): void {
  async function harvest(): Promise<Set<string>> {
    const found = new Set<string>();
    for (const row of API_ROWS.filter((one) => one.startsWith('GET ') && !STREAMS.has(one))) {
      const answer = await world().asAdmin(requestTo(row, world().operation(row), OTHER));
      if (answer.status === 200 && /json/.test(answer.headers['content-type'] ?? '')) {
        idsOfOther(JSON.parse(answer.body), found);
      }
    }
    // Both have spans in it, and each reads its own.
    found.delete(TRACE_ID);
    return found;
  }

  /** Everything that OTHER's own admin reads of what has ids. */
  async function others(): Promise<string> {
    const urls = ['/v1/keys', '/v1/members', '/v1/deletion-requests', '/v1/throttles', '/v1/breakers', '/v1/caps'];
    const answers = await Promise.all(urls.map((url) => world().asTenant({ method: 'GET', url }, OTHER)));
    expect(answers.map(({ status }) => status)).toEqual(urls.map(() => 200));
    return answers.map(({ body }) => body.replaceAll(/"last_used_at":"[^"]*"/g, '')).join('\n');
  }

  it('is answered as what is not there, on every route with an id, and not changed', async () => {
    await world().asTenant({ method: 'POST', url: '/v1/keys', payload: { name: 'mine', scopes: ['ingest'] } }, OTHER);
    await world().asTenant(
      { method: 'POST', url: '/v1/members', payload: { email: 'a@globex.example', role: 'member' } },
      OTHER,
    );
    const ids = await harvest();
    expect(ids.size).toBeGreaterThan(10);
    const before = await others();
    const faults: string[] = [];
    let asked = 0;
    for (const row of API_ROWS.filter((one) => isOpen(one) && one.includes(':') && !STREAMS.has(one))) {
      const operation = world().operation(row);
      const places = textPlaces(row, operation).filter(({ name }) => {
        const isTenant = name === 'path :tenant_id' || (name === 'path :id' && row.includes('/v1/tenants/:id'));
        return name.startsWith('path ') && !isTenant;
      });
      for (const place of places) {
        for (const id of ids) {
          asked += 1;
          const [real, none] = [await world().asTenant(place.with(id)), await world().asTenant(place.with(twinOf(id)))];
          const where = `${row}, ${place.name}, ${id}`;
          if (wholeText(real) !== wholeText(none))
            faults.push(`${where}: ${real.status} ${real.body} and not ${none.body}`);
          if (real.body.includes(wordOf(OTHER))) faults.push(`${where}: tells of the other`);
        }
      }
    }
    expect(faults, faults.join('\n')).toEqual([]);
    expect(asked).toBeGreaterThan(60);
    expect(await others()).toBe(before);
  }, 120_000);

  it("is not reached by a cursor of the other's, nor of the operator's", async () => {
    const faults: string[] = [];
    let carried = 0;
    const rows = API_ROWS.filter((row) => row.startsWith('GET ') && isOpen(row));
    for (const row of rows.filter((one) =>
      world()
        .operation(one)
        .parameters?.some(({ name }) => name === 'cursor'),
    )) {
      const operation = world().operation(row);
      const about = (tenant: string | undefined, query: Readonly<Record<string, string>>) => {
        const { method, url } = requestTo(row, operation, tenant);
        const [path = '', rest = ''] = url.split('?');
        return {
          method,
          url: `${path}?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(rest)), ...query })}`,
        };
      };
      const pages = await Promise.all([
        world().asTenant(about(OTHER, { limit: '1' }), OTHER),
        world().asAdmin(about(OTHER, { limit: '1' })),
        world().asAdmin(about(undefined, { limit: '1' })),
      ]);
      const garbage = wholeText(await world().asTenant(about(OWN, { limit: '1', cursor: 'zq.zq' })));
      for (const page of pages.filter(({ status }) => status === 200)) {
        const cursor = (JSON.parse(page.body) as { next_cursor?: string | null }).next_cursor;
        if (typeof cursor !== 'string') continue;
        carried += 1;
        const answer = await world().asTenant(about(OWN, { limit: '1', cursor }));
        if (wholeText(answer) !== garbage) faults.push(`${row}: ${answer.status} ${answer.body.slice(0, 200)}`);
      }
    }
    expect(faults, faults.join('\n')).toEqual([]);
    expect(carried).toBeGreaterThan(2);
  });

  it('is told to neither of two tenants who ask at once for the same address', async () => {
    const urls = [
      '/v1/tenants',
      '/v1/usage',
      '/v1/quotas',
      '/v1/throttles',
      '/v1/keys',
      '/v1/caps',
      '/v1/breakers',
      '/v1/audit',
    ];
    const asked = Array.from({ length: 100 }, (_, index) => ({
      url: urls[Math.floor(index / 2) % urls.length] ?? '',
      tenant: index % 2 === 0 ? OWN : OTHER,
    }));
    const answers = await Promise.all(
      asked.map(async ({ url, tenant }) => ({
        url,
        tenant,
        answer: await world().asTenant({ method: 'GET', url }, tenant),
      })),
    );
    const wrong = answers.filter(({ tenant, answer }) => {
      const foreign = tenant === OWN ? OTHER : OWN;
      return answer.status !== 200 || !answer.body.includes(tenant) || answer.body.includes(foreign);
    });
    expect(
      wrong.map(({ url, tenant, answer }) => `${url} for ${tenant}: ${answer.status} ${answer.body.slice(0, 200)}`),
    ).toEqual([]);
  });

  it('no way leads from a member to an admin, or from a tenant to the staff', async () => {
    const member = await world().token({ role: 'member', tenant_id: OWN, sub: 'climber' });
    const climb = async (url: string, method: string, payload: unknown, token?: string) => {
      const request = { method, url, payload };
      const answer = await (token === undefined
        ? world().asTenant(request)
        : world().send({ ...request, headers: { authorization: `Bearer ${token}` } }));
      return `${method} ${url} ${JSON.stringify(payload)}: ${answer.status}`;
    };
    const [self] = (await world().must<{ items: { id: string }[] }>('GET', `/v1/members?tenant_id=${OWN}`)).items;
    const path = `/v1/members/${self?.id}`;
    const refused = [
      await climb(path, 'PUT', { role: 'tenant_admin' }, member),
      await climb('/v1/members', 'POST', { email: 'me@acme.example', role: 'tenant_admin' }, member),
      await climb(`${path}/sign-in-link`, 'POST', undefined, member),
      await climb('/v1/keys', 'POST', { name: 'x', scopes: ['ingest'] }, member),
      await climb('/v1/sign-in-links', 'POST', { role: 'admin' }),
      await climb('/v1/sign-in-links', 'POST', { role: 'tenant_admin', tenant_id: OWN }),
      await climb('/v1/keys', 'POST', { name: 'x', scopes: ['flags'] }),
    ];
    expect(refused.filter((text) => !text.endsWith(': 403'))).toEqual([]);
    const malformed = [
      await climb(path, 'PUT', { role: 'admin' }),
      await climb(path, 'PUT', { role: 'member', tenant_id: OTHER }),
      await climb('/v1/members', 'POST', { email: 'me@acme.example', role: 'sre' }),
      await climb('/v1/members', 'POST', { email: 'me@acme.example', role: ['admin'] }),
    ];
    expect(malformed.filter((text) => !text.endsWith(': 400'))).toEqual([]);
    const foreign = await climb('/v1/members', 'POST', { email: 'me@acme.example', role: 'member', tenant_id: OTHER });
    expect(foreign).toMatch(/: 404$/);
  });
}
