import { afterEach, beforeEach, expect, test } from 'vitest';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await startApi();
});
afterEach(() => api.close());

function ask(method: 'GET' | 'PUT' | 'POST', url: string, payload?: object) {
  return api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN), ...(payload === undefined ? {} : { payload }) });
}

test('a profile is set whole: what is not said is not known', async () => {
  const said = { segment: 'smb', owner: 'Ada', display_name: 'Acme', tags: ['b', 'a', 'b'] };
  const first = await ask('PUT', `/v1/tenants/${OWN}/profile`, said);
  expect(first.json()).toEqual({ tenant_id: OWN, plan: null, ...said, tags: ['a', 'b'], revision: 1 });
  const second = await ask('PUT', `/v1/tenants/${OWN}/profile`, { owner: 'Bo', expected_revision: 1 });
  expect(second.json()).toMatchObject({ segment: null, owner: 'Bo', display_name: null, tags: [], revision: 2 });
  const late = await ask('PUT', `/v1/tenants/${OWN}/profile`, { owner: 'Cy', expected_revision: 1 });
  expect([late.statusCode, late.json().code]).toEqual([409, 'CONFLICT']);
});

test.each([
  { segment: '' },
  { segment: ' smb' },
  { owner: 'a\nb' },
  { owner: 'x'.repeat(129) },
  { tags: ['ok', 'x'.repeat(33)] },
  { tags: Array.from({ length: 21 }, (_, index) => `t${index}`) },
  { plan: 'gold' },
  { expected_revision: -1 },
])('the profile %j is refused', async (payload) => {
  const answer = await ask('PUT', `/v1/tenants/${OWN}/profile`, payload);
  expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
  expect(api.ports.profiles.rows.size).toBe(0);
});

test('the list goes on with its cursor, which belongs to its filters', async () => {
  for (const tenant of ['a', 'b', 'c']) await ask('PUT', `/v1/tenants/${tenant}/profile`, { segment: 'smb' });
  const first = (await ask('GET', '/v1/tenant-profiles?segment=smb&limit=2')).json();
  expect(first.items.map((item: { tenant_id: string }) => item.tenant_id)).toEqual(['a', 'b']);
  const next = encodeURIComponent(first.next_cursor);
  const second = (await ask('GET', `/v1/tenant-profiles?segment=smb&limit=2&cursor=${next}`)).json();
  expect(second).toMatchObject({ items: [{ tenant_id: 'c' }], next_cursor: null });
  expect(api.ports.profiles.questions.at(-1)).toMatchObject({ filter: { segment: 'smb' }, page: { offset: 2 } });
  expect((await ask('GET', `/v1/tenant-profiles?segment=mid&limit=2&cursor=${next}`)).statusCode).toBe(400);
});

test('an import hands the file on, as a preview or to be applied as previewed', async () => {
  const content = `tenant_id,segment\n${OWN},smb\n`;
  const preview = await ask('POST', '/v1/tenant-profiles/imports', { content, dry_run: true });
  expect(preview.json()).toMatchObject({ dry_run: true, lines: 1, changed: 0, unchanged: 1, fingerprint: 'f' });
  await ask('POST', '/v1/tenant-profiles/imports', { content, fingerprint: 'f' });
  expect(api.ports.profiles.imports).toEqual([
    { content, dryRun: true, fingerprint: undefined },
    { content, dryRun: false, fingerprint: 'f' },
  ]);
});
