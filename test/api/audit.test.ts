import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditList } from '../../src/api/audit-contract.ts';
import type { AuditRecord } from '../../src/domain/audit.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import {
  ADMIN_TOKEN,
  type ApiUnderTest,
  bearer,
  type IdentityProvider,
  OTHER,
  OWN,
  START,
  startApi,
  startIdentityProvider,
} from '../support/api-harness.ts';

let provider: IdentityProvider;
let api: ApiUnderTest;

beforeAll(async () => {
  provider = await startIdentityProvider();
  api = await startApi({ jwt: provider.config });
});
afterAll(async () => {
  await api.close();
  await provider.close();
});
beforeEach(() => {
  api.ports.audit.records.length = 0;
});

function recordOf(seq: number, tenantId: TenantId | null): AuditRecord {
  return {
    ...{ seq, at: START - 1_000 * (100 - seq), subject: 'ada', role: 'sre', tenantId, action: 'throttle.create' },
    ...{ resource: `throttle/${seq}`, before: null, after: { rps: seq }, requestId: `r-${seq}` },
  };
}

async function ask(url: string, headers = bearer(ADMIN_TOKEN)) {
  const answer = await api.app.inject({ url, headers });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: answer.json<AuditList>() };
}

describe('GET /v1/audit', () => {
  test('tells every field of a record, and pages without a gap or a repetition', async () => {
    for (const seq of [5, 4, 3, 2, 1]) api.ports.audit.records.push(recordOf(seq, OWN));
    const first = (await ask('/v1/audit?limit=2')).body;
    expect(first.items[0]).toEqual({
      ...{ id: '5', at: new Date(START - 95_000).toISOString(), actor: 'ada', role: 'sre', action: 'throttle.create' },
      ...{ tenant_id: OWN, resource: 'throttle/5', before: null, after: { rps: 5 }, request_id: 'r-5' },
    });
    const second = (await ask(`/v1/audit?limit=2&cursor=${first.next_cursor}`)).body;
    const third = (await ask(`/v1/audit?limit=2&cursor=${second.next_cursor}`)).body;
    const ids = [first, second, third].flatMap(({ items }) => items.map(({ id }) => id));
    expect(ids).toEqual(['5', '4', '3', '2', '1']);
    expect(third.next_cursor).toBeNull();
  });

  test('asks for exactly what the filters say', async () => {
    await ask('/v1/audit?actor=ada&action=throttle&q=50%25&from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z');
    expect(api.ports.audit.questions.at(-1)).toMatchObject({
      ...{ actor: 'ada', action: 'throttle', search: '50%', tenantId: undefined },
      window: { from: Date.UTC(2026, 5, 1), to: Date.UTC(2026, 5, 2) },
    });
  });

  test('holds a cursor to the filters that it was given for', async () => {
    for (const seq of [3, 2, 1]) api.ports.audit.records.push(recordOf(seq, OWN));
    const { body } = await ask('/v1/audit?limit=1');
    expect((await ask(`/v1/audit?limit=1&actor=ada&cursor=${body.next_cursor}`)).status).toBe(400);
  });

  test("gives a tenant's admin the own tenant's records, and refuses an answer with any other", async () => {
    const own = bearer(await provider.sign({ role: 'tenant_admin', tenant_id: OWN }));
    api.ports.audit.records.push(recordOf(2, OTHER), recordOf(1, OWN));
    expect((await ask('/v1/audit', own)).body.items.map(({ id }) => id)).toEqual(['1']);
    expect((await ask(`/v1/audit?tenant_id=${OTHER}`, own)).status).toBe(404);
    const page = vi.spyOn(api.ports.audit, 'page').mockResolvedValue([recordOf(2, OTHER)]);
    expect((await ask('/v1/audit', own)).status).toBe(500);
    page.mockRestore();
  });

  test('sends files as attachments, with the same filters', async () => {
    api.ports.audit.records.push(recordOf(1, OWN));
    const answer = await api.app.inject({ url: '/v1/audit?format=csv&actor=ada', headers: bearer(ADMIN_TOKEN) });
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toBe('attachment; filename="tenantry-audit.csv"');
    expect(answer.body).toBe('csv of 1');
    expect(api.ports.audit.questions.at(-1)?.actor).toBe('ada');
  });

  test('tells how the chain stands, and hands a kept head over for comparison', async () => {
    const head = `12:${'cd'.repeat(32)}`;
    const answer = await api.app.inject({
      url: `/v1/audit/chain?fresh=true&head=${head}`,
      headers: bearer(ADMIN_TOKEN),
    });
    expect(answer.json()).toEqual({
      ...{ state: 'intact', checked_at: '2025-06-15T15:06:40.000Z', entries: 2, progress: null, problems: [] },
      ...{ problems_total: 0, head: { position: 2, hash: 'ab'.repeat(32) } },
    });
    const asked = { fresh: true, head: { position: 12, hash: 'cd'.repeat(32) } };
    expect(api.ports.audit.chainQuestions.at(-1)).toEqual(asked);
    expect((await ask('/v1/audit/chain?head=12')).status).toBe(400);
  });

  test('refuses an empty window', async () => {
    expect((await ask('/v1/audit?from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z')).status).toBe(400);
  });
});
