import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { attributeBudget, looksSecret, shownAttributes } from '../../src/api/traces-attributes.ts';
import type { LatencyHeatMap, TraceDetail, TraceList } from '../../src/api/traces-contract.ts';
import type { latencyHeatSchema, traceDetailSchema, traceListSchema } from '../../src/api/traces-schemas.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';
import { TRACE_ID, traceSpanOf, traceSummaryOf } from '../support/api-memory-traces.ts';

let api: ApiUnderTest;
let own: string;

beforeAll(async () => {
  api = await startApi();
  own = await api.issuer.issueToken('viewer', OWN);
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.traces.spans.length = 0;
  api.ports.traces.questions.length = 0;
  api.ports.traces.items = [traceSummaryOf];
});

async function get(path: string, token = ADMIN_TOKEN) {
  const answer = await api.app.inject({ url: `/v1/tenants/${path}`, headers: bearer(token) });
  return { status: answer.statusCode, body: answer.json(), text: answer.body };
}

it('the wire types are those of the schemas', () => {
  expectTypeOf<z.infer<typeof traceListSchema>>().toEqualTypeOf<TraceList>();
  expectTypeOf<z.infer<typeof traceDetailSchema>>().toEqualTypeOf<TraceDetail>();
  expectTypeOf<z.infer<typeof latencyHeatSchema>>().toEqualTypeOf<LatencyHeatMap>();
  const list: TraceList = { from: '', to: '', items: [], next_cursor: null };
  expect(Object.keys(list).length).toBe(4);
});

describe('GET /v1/tenants/{id}/traces', () => {
  it('asks for what it was asked for', async () => {
    const { status, body } = await get(
      `${OWN}/traces?order=failed&route=GET%20%2Forders&service=shop&min_ms=20&max_ms=300&limit=7&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z`,
    );
    expect(status).toBe(200);
    expect(api.ports.traces.questions).toEqual([
      {
        ...{ tenantId: OWN, order: 'failed', route: 'GET /orders', service: 'shop', minMs: 20, maxMs: 300 },
        ...{ limit: 7, offset: 0, window: { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) } },
      },
    ]);
    expect(body).toMatchObject({ from: '2026-01-01T00:00:00.000Z', next_cursor: null });
    expect(body.items).toMatchObject([{ tenant_id: OWN, trace_id: TRACE_ID, status: 'ok', error_message: null }]);
  });

  it('goes through pages of one window, with a cursor that is good for that list and caller alone', async () => {
    api.ports.traces.items = Array.from({ length: 5 }, (_, index) => (tenant) => {
      return traceSummaryOf(tenant, { traceId: String(index).repeat(32) });
    });
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await get(`${OWN}/traces?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.items.map((item: { trace_id: string }) => item.trace_id[0]));
      cursor = body.next_cursor ?? '';
      api.clock.now += 60_000;
    } while (cursor !== '');
    expect(seen).toEqual(['0', '1', '2', '3', '4']);
    const windows = api.ports.traces.questions.map((question) => (question as { window: unknown }).window);
    expect(new Set(windows.map((window) => JSON.stringify(window))).size).toBe(1);

    const first = (await get(`${OWN}/traces?limit=2`)).body.next_cursor;
    expect((await get(`${OTHER}/traces?limit=2&cursor=${first}`)).status).toBe(400);
    expect((await get(`${OWN}/traces?limit=2&order=newest&cursor=${first}`)).status).toBe(400);
    expect((await get(`${OWN}/traces?limit=2&cursor=${first}`, own)).status).toBe(400);
  });

  it('refuses more than seven days, and whatever it does not know', async () => {
    const long = await get(`${OWN}/traces?from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:01Z`);
    expect(long).toMatchObject({ status: 400, body: { detail: expect.stringContaining('7 days') } });
    expect((await get(`${OWN}/traces?from=2026-01-01T00:00:00Z&to=2026-01-08T00:00:00Z`)).status).toBe(200);
    for (const bad of [
      'order=oldest',
      'min_ms=-1',
      'min_ms=1e3',
      'limit=0',
      'limit=201',
      'route=',
      'color=red',
      'cursor=x',
    ]) {
      expect([bad, (await get(`${OWN}/traces?${bad}`)).status]).toEqual([bad, 400]);
    }
  });

  it('tells staff what the app said of its failure, without what is secret, and the tenant nothing of it', async () => {
    const message = 'connect postgres://app:hunter2@db-7/orders failed';
    api.ports.traces.items = [(tenant) => traceSummaryOf(tenant, { failed: true, errorMessage: message })];
    const told = (await get(`${OWN}/traces`)).body.items[0];
    expect([told.status, told.error_message]).toEqual(['error', 'connect postgres://(hidden)@db-7/orders failed']);
    expect((await get(`${OWN}/traces`, own)).body.items[0].error_message).toBeNull();
  });

  it('sends no page with a trace of somebody else', async () => {
    api.ports.traces.items = [() => traceSummaryOf(OTHER)];
    const answer = await get(`${OWN}/traces`, own);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain(OTHER);
  });
});

describe('GET /v1/tenants/{id}/traces/{trace_id}', () => {
  it('gives staff spans with their attributes, resources once, and the number of foreign spans', async () => {
    api.ports.traces.spans.push(
      traceSpanOf(OWN),
      traceSpanOf(OWN, {
        ...{ spanId: '1'.repeat(16), parentSpanId: 'b7ad6b7169203331', offsetMs: 30, durationMs: 200, failed: true },
        ...{ status: 'Error', statusMessage: 'timeout', dbSystem: 'postgresql', attributesTotal: 60 },
        attributes: { 'db.query.text': 'SELECT 1', 'http.request.header.authorization': 'Basic c2VjcmV0' },
        events: [{ offsetMs: 2, name: 'exception', attributes: { 'exception.stacktrace': 'at app.ts:1' } }],
        eventsTotal: 3,
      }),
    );
    const { body } = await get(`${OWN}/traces/${TRACE_ID.toUpperCase()}?at=2026-01-01T00:00:00Z`);
    expect(api.ports.traces.questions).toEqual([
      { tenantId: OWN, traceId: TRACE_ID, near: Date.UTC(2026, 0, 1), withOthers: true },
    ]);
    expect(body).toMatchObject({
      ...{ tenant_id: OWN, trace_id: TRACE_ID, duration_ms: 230, total_spans: 2, cut: false, other_spans: 4 },
      resources: [{ 'service.name': 'shop', 'host.name': 'node-7' }],
    });
    expect(body.spans[0]).toMatchObject({ parent_span_id: null, resource: 0, status: 'unset', attributes_hidden: 0 });
    expect(body.spans[1]).toMatchObject({
      ...{ parent_span_id: 'b7ad6b7169203331', resource: 0, status: 'error', status_message: 'timeout' },
      attributes: { 'db.query.text': 'SELECT 1', 'http.request.header.authorization': '(hidden)' },
      attributes_hidden: 58,
      events: [{ offset_ms: 2, name: 'exception', attributes: { 'exception.stacktrace': 'at app.ts:1' } }],
      events_hidden: 2,
    });
  });

  it("gives a tenant its spans without the operator's insides", async () => {
    api.ports.traces.spans.push(
      traceSpanOf(OWN, {
        statusMessage: 'relation orders_secret_table does not exist',
        attributes: {
          ...{ 'db.query.text': 'SELECT hidden_statement', 'http.route': '/orders', 'gen_ai.usage.input_tokens': '12' },
          ...{ 'server.address': 'db-internal-7', 'gen_ai.prompt': 'prompt content' },
        },
        attributesTotal: 5,
        events: [
          {
            offsetMs: 1,
            name: 'exception',
            attributes: { 'exception.type': 'Timeout', 'exception.stacktrace': 'at secret-file.ts' },
          },
        ],
      }),
    );
    const { body, text } = await get(`${OWN}/traces/${TRACE_ID}`, own);
    expect(body.spans[0]).toMatchObject({
      ...{ status_message: null, resource: null, attributes_hidden: 3 },
      attributes: { 'http.route': '/orders', 'gen_ai.usage.input_tokens': '12' },
      events: [{ name: 'exception', attributes: { 'exception.type': 'Timeout' } }],
    });
    expect([body.other_spans, body.resources]).toEqual([null, []]);
    for (const inside of ['secret', 'hidden_statement', 'db-internal', 'prompt content', 'node-7']) {
      expect(text).not.toContain(inside);
    }
    expect(api.ports.traces.questions.at(-1)).toMatchObject({ withOthers: false });
  });

  it('does not tell a trace of others from one that never was', async () => {
    const absent = await get(`${OWN}/traces/${'7'.repeat(32)}`, own);
    expect(absent.status).toBe(404);
    expect(absent.body.detail).toBe('This tenant has no span in such a trace.');
    for (const bad of ['xyz', '7'.repeat(31), '7'.repeat(33), `${'7'.repeat(31)}g`]) {
      expect([bad, (await get(`${OWN}/traces/${bad}`)).status]).toEqual([bad, 400]);
    }
    expect((await get(`a%2Fb/traces/${TRACE_ID}`)).status).toBe(404);
  });

  it('sends no trace with a span of somebody else', async () => {
    api.ports.traces.trace = async () => ({ spans: [traceSpanOf(OTHER)], totalSpans: 1, otherSpans: null });
    try {
      const answer = await get(`${OWN}/traces/${TRACE_ID}`, own);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain(OTHER);
    } finally {
      Reflect.deleteProperty(api.ports.traces, 'trace');
    }
  });
});

describe('GET /v1/tenants/{id}/latency-heat', () => {
  it('chooses a step that can be looked at, and gives every step of every route', async () => {
    const { body } = await get(
      `${OWN}/latency-heat?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&route=GET%20%2Forders`,
    );
    expect(api.ports.traces.questions).toMatchObject([{ stepSeconds: 900, route: 'GET /orders', routes: 20 }]);
    expect(body).toMatchObject({
      ...{ tenant_id: OWN, step_seconds: 900, source: 'rollups', bounds_ms: [10, 100], total_routes: 1 },
      steps: [{ counts: [1, 2, 0] }, { counts: [0, 0, 0] }],
      routes: [{ route: 'GET /orders', p95_ms: 40, steps: { requests: [3, 0], p95_ms: [40, null] } }],
    });
  });

  it('refuses steps that nobody can look at', async () => {
    expect((await get(`${OWN}/latency-heat?step=90`)).status).toBe(400);
    expect((await get(`${OWN}/latency-heat?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&step=60`)).status).toBe(
      400,
    );
    expect((await get(`${OWN}/latency-heat?step=120&routes=0`)).status).toBe(200);
  });
});

describe('what is named like a secret', () => {
  it.each([
    ['http.request.header.authorization', true],
    ['http.request.header.x-api-key', true],
    ['db.password', true],
    ['sessionId', true],
    ['accessToken', true],
    ['access_key', true],
    ['gen_ai.usage.input_tokens', false],
    ['http.route', false],
    ['messaging.message.key', false],
    ['user.author', false],
    ['monkey', false],
  ])('%s: %s', (name, expected) => {
    expect(looksSecret(name)).toBe(expected);
  });

  it('is hidden inside of values as well', () => {
    const shown = shownAttributes(
      { 'url.full': 'https://u:p@example.com/a?token=abc&page=2', note: 'sent Bearer abcdefghijkl to it' },
      false,
    );
    expect(shown).toEqual({
      'url.full': 'https://(hidden)@example.com/a?token=(hidden)&page=2',
      note: 'sent Bearer (hidden) to it',
    });
  });
});

it('gives out room for attributes until there is none left', () => {
  const room = attributeBudget(10);
  expect([room({ ab: 'cdef' }), room({ long: 'value' }), room({ a: 'bcd' }), room({ e: '' })]).toEqual([
    { ab: 'cdef' },
    {},
    { a: 'bcd' },
    {},
  ]);
});
