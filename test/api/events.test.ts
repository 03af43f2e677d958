import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let key: string;
let ownKey: string;
beforeAll(async () => {
  api = await startApi();
  key = api.ports.keys.issue(['ingest']);
  ownKey = api.ports.keys.issue(['ingest'], OWN);
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.events.taken.length = 0;
});

const SINGLE = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
/** The sample of OpenMeter's own documentation. */
const OPENMETER = {
  id: '5c10fade-1c9e-4d6c-8275-c52c36731d3c',
  source: 'service-0',
  specversion: '1.0',
  type: 'prompt',
  subject: OWN,
  time: '2026-06-15T11:03:04.000Z',
  data: { prompt_tokens: '1234', model: 'gpt-4-turbo' },
};

function send(payload: unknown, contentType = 'application/json', token = key) {
  return api.app.inject({
    method: 'POST',
    url: '/v1/events',
    headers: { ...bearer(token), 'content-type': contentType },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
}

describe('POST /v1/events', () => {
  it.each([
    ['one event', OPENMETER, SINGLE],
    ['one event with a charset', OPENMETER, `${SINGLE}; charset=utf-8`],
    ['a batch', [OPENMETER, { ...OPENMETER, id: '2' }], BATCH],
    ['one as plain JSON', OPENMETER, 'application/json'],
    ['several as plain JSON', [OPENMETER], 'application/json; charset=utf-8'],
    ['an empty batch', [], BATCH],
    [
      'attributes that are optional or extensions',
      {
        ...OPENMETER,
        datacontenttype: 'application/json',
        dataschema: 'https://x',
        traceparent: '00-1',
        data: null,
        time: null,
      },
      SINGLE,
    ],
  ])('takes %s with 204 and no body', async (_what, payload, type) => {
    const answer = await send(payload, type);
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
    expect(api.ports.events.taken).toHaveLength(Array.isArray(payload) ? payload.length : 1);
  });

  it('hands on what the event says, and who sent it', async () => {
    await send({ ...OPENMETER, data: { prompt_tokens: '1234', n: 1.5 } }, SINGLE);
    expect(api.ports.events.taken).toEqual([
      {
        keyId: expect.any(String),
        event: {
          tenantId: OWN,
          type: 'prompt',
          source: 'service-0',
          id: OPENMETER.id,
          time: Date.parse(OPENMETER.time),
          data: '{"prompt_tokens":"1234","n":1.5}',
          numbers: { '$.prompt_tokens': '1234', '$.n': '1.5' },
          texts: { '$.prompt_tokens': '1234', '$.n': '1.5' },
        },
      },
    ]);
    await send({ ...OPENMETER, time: undefined });
    expect(api.ports.events.taken[1]?.event.time).toBe(START);
  });

  it.each<[string, object, string]>([
    ['no id', { id: undefined }, 'id'],
    ['an empty source', { source: '' }, 'source'],
    ['a type of another kind', { type: 5 }, 'type'],
    ['an id with a line break', { id: 'a\nb' }, 'id'],
    ['half a surrogate pair', { id: '\ud800' }, 'id'],
    ['an id that is too long', { id: 'x'.repeat(513) }, 'id'],
    ['no subject', { subject: undefined }, 'subject'],
    ['a subject that is no tenant', { subject: '../acme' }, 'subject'],
    ['another version', { specversion: '0.3' }, 'specversion'],
    ['a time without zone', { time: '2026-06-15T12:00:00' }, 'time'],
    ['a day that does not exist', { time: '2026-02-30T12:00:00Z' }, 'time'],
    ['a time too far back', { time: '2026-05-11T11:59:59Z' }, 'time'],
    ['a time too far ahead', { time: '2026-06-15T12:05:01Z' }, 'time'],
    ['data that is no object', { data: 'text' }, 'data'],
    ['a list as data', { data: [1] }, 'data'],
    ['half a surrogate pair in data', { data: { a: '\udc00' } }, 'data'],
    ['data that is too long', { data: { a: 'x'.repeat(70_000) } }, 'data'],
    ['binary data', { data_base64: 'AAAA' }, 'data_base64'],
    ['data that is no JSON', { datacontenttype: 'text/xml' }, 'datacontenttype'],
    ['an attribute that cannot be one', { 'x-y': 1 }, 'x-y'],
  ])('refuses %s, names event and field, and takes none', async (_what, changes, field) => {
    const answer = await send([OPENMETER, { ...OPENMETER, ...changes }], BATCH);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({
      code: 'BAD_REQUEST',
      detail: expect.stringContaining(`Event 1, field "${field}"`),
    });
    expect(answer.json().hint).toContain('None of the events was taken');
    expect(api.ports.events.taken).toEqual([]);
  });

  it.each([
    ['no JSON', '{"id":', SINGLE],
    ['nothing', '', SINGLE],
    ['null', 'null', 'application/json'],
    ['a number', '5', SINGLE],
    ['an event of null', '[null]', BATCH],
    ['the character U+0000', JSON.stringify({ ...OPENMETER, data: { a: '\u0000' } }), SINGLE],
    ['nesting without end', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, BATCH],
    [
      'data that is nested too deep',
      JSON.stringify({ ...OPENMETER }).replace('"1234"', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`),
      SINGLE,
    ],
    ['a batch where one is said', [OPENMETER], SINGLE],
    ['one where a batch is said', OPENMETER, BATCH],
    ['too many', Array.from({ length: 5_001 }, () => ({})), BATCH],
  ])('refuses %s', async (_what, payload, type) => {
    const answer = await send(payload, type);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'BAD_REQUEST']);
    expect(api.ports.events.taken).toEqual([]);
  });

  it('refuses other types and bodies that are too large', async () => {
    expect((await send('x', 'text/plain')).statusCode).toBe(415);
    expect((await send(`"${'x'.repeat(4 * 1024 * 1024)}"`, SINGLE)).statusCode).toBe(413);
  });

  it('refuses another tenant than that of the key, and says so', async () => {
    const answer = await send([OPENMETER, { ...OPENMETER, subject: OTHER }], BATCH, ownKey);
    expect([answer.statusCode, answer.json().detail]).toEqual([
      403,
      'Event 1, field "subject": this key speaks for another tenant.',
    ]);
    expect(api.ports.events.taken).toEqual([]);
    expect((await send(OPENMETER, SINGLE, ownKey)).statusCode).toBe(204);
  });

  it('says when nothing can be kept, and counts what came', async () => {
    api.ports.events.failure = new TenantryError('STORE_UNAVAILABLE', 'away');
    const answer = await send(OPENMETER);
    api.ports.events.failure = undefined;
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2']);
    const metrics = (await api.app.inject({ url: '/metrics', headers: bearer(ADMIN_TOKEN) })).body;
    expect(metrics).toMatch(/tenantry_usage_events_total\{outcome="accepted"\} [1-9]/);
    expect(metrics).toMatch(/tenantry_usage_event_requests_refused_total\{code="STORE_UNAVAILABLE"\} 1/);
  });
});

describe('meters', () => {
  const ask = (url: string, token = ADMIN_TOKEN) => api.app.inject({ url, headers: bearer(token) });
  const make = (payload: object) =>
    api.app.inject({ method: 'POST', url: '/v1/meters', headers: bearer(ADMIN_TOKEN), payload });

  it('are made with their paths in one way to write them, listed, and removed', async () => {
    const made = await make({
      slug: 'gb_out',
      event_type: 'egress',
      aggregation: 'sum',
      value_property: "$['bytes']",
      group_by: { region: "$.net['region']" },
    });
    expect([made.statusCode, made.json().value_property, made.json().group_by]).toEqual([
      201,
      '$.bytes',
      { region: '$.net.region' },
    ]);
    expect((await make({ slug: 'gb_out', event_type: 'x', aggregation: 'count' })).statusCode).toBe(409);
    expect((await ask('/v1/meters')).json().items.map(({ slug }: { slug: string }) => slug)).toContain('gb_out');
    const remove = () => api.app.inject({ method: 'DELETE', url: '/v1/meters/gb_out', headers: bearer(ADMIN_TOKEN) });
    expect([(await remove()).statusCode, (await remove()).statusCode]).toEqual([204, 404]);
  });

  it.each([
    { slug: 'Upper', event_type: 'x', aggregation: 'count' },
    { slug: 'a__b', event_type: 'x', aggregation: 'count' },
    { slug: 'a', event_type: 'x', aggregation: 'sum' },
    { slug: 'a', event_type: 'x', aggregation: 'count', value_property: '$.a' },
    { slug: 'a', event_type: 'x', aggregation: 'median', value_property: '$.a' },
    { slug: 'a', event_type: 'x', aggregation: 'sum', value_property: '$..a' },
    { slug: 'a', event_type: 'x', aggregation: 'sum', value_property: '$.a', group_by: { tenant_id: '$.b' } },
  ])('are refused: %j', async (payload) => {
    expect((await make(payload)).statusCode).toBe(400);
  });

  it('answer values with all their digits, to a tenant only its own', async () => {
    const window = { from: START - 3_600_000, to: START };
    api.ports.meters.points = [
      { window, tenantId: OWN, group: {}, value: 12_345_678_901_234_567_123_456_789n, rejected: 1 },
      { window, tenantId: OTHER, group: {}, value: null, rejected: 0 },
    ];
    const answer = (await ask('/v1/meters/tokens/query?group_by=tenant_id')).json();
    expect(answer.items).toHaveLength(2);
    expect(answer.items[0]).toMatchObject({ tenant_id: OWN, exact: '12345678901234567.123456789', rejected_events: 1 });
    expect(answer.items[1]).toMatchObject({ value: null, exact: null });
    const viewer = await api.issuer.issueToken('viewer', OWN);
    expect((await ask('/v1/meters/tokens/query?group_by=tenant_id', viewer)).json().items).toHaveLength(1);
    expect(api.ports.meters.questions.at(-1)?.tenant).toBe(OWN);
    expect((await ask(`/v1/meters/tokens/query?tenant_id=${OTHER}`, viewer)).statusCode).toBe(404);
    api.ports.meters.points = [];
  });

  it.each([
    ['/v1/meters/nothing/query', 404],
    ['/v1/meters/tokens/query?group_by=colour', 400],
    ['/v1/meters/tokens/query?window_size=week', 400],
    ['/v1/meters/tokens/query?from=2026-06-15T11:00:30Z', 400],
    ['/v1/meters/tokens/query?from=2026-06-15T11:00:00Z&window_size=hour&group_by=model,tenant_id', 200],
    ['/v1/meters/tokens/rejected?limit=0', 400],
  ])('%s is answered %i', async (url, status) => {
    expect((await ask(url)).statusCode).toBe(status);
  });
});
