import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantTrace } from '../../src/aggregate/queries/tenant-trace.ts';
import type { TracesQuestion } from '../../src/aggregate/queries/tenant-traces.ts';
import { readTrace, readTraces } from '../../src/aggregate/trace-reader.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { otlpRequest, segmentOf } from '../support/spans.ts';
import { CLIENT, requestSpan, traceSpan } from '../support/trace-samples.ts';

const AT = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 3 * HOUR_MS;
const WINDOW = { from: AT, to: AT + HOUR_MS };
const north = 'north' as TenantId;
let store: TestClickHouse;

const SHARED = { trace: 'aa' };

/** Ids of 24 hex digits, that a span by number does not clash with those of pairs. */
const numbered = (index: number) => Buffer.from(index.toString(16).padStart(16, '0'), 'hex');

const SPANS = [
  // One trace that two tenants have spans in: a gateway of north's calls a batch that works for south as well.
  requestSpan('GET /orders', { ...SHARED, span: '01', tenant: 'north', at: AT + 1_000, ms: 400 }),
  traceSpan({
    ...SHARED,
    span: '02',
    parent: '01',
    tenant: 'north',
    name: 'SELECT orders',
    kind: CLIENT,
    at: AT + 1_010,
    ms: 250,
    attributes: { 'db.system.name': 'postgresql', 'db.query.text': "SELECT 1 WHERE secret = 'of north'" },
  }),
  requestSpan('POST /inner', { ...SHARED, span: '03', parent: '01', tenant: 'north', at: AT + 1_100, ms: 90 }),
  requestSpan('POST /batch', { ...SHARED, span: '04', parent: '03', tenant: 'south', at: AT + 1_120, ms: 60 }),
  traceSpan({
    ...SHARED,
    span: '05',
    parent: '04',
    tenant: 'south',
    name: 'south only',
    at: AT + 1_130,
    failed: 'of south',
  }),
  // A failed one, the error told by its child.
  requestSpan('GET /search', {
    ...{ trace: 'bb', span: '11', tenant: 'north', at: AT + 2 * MINUTE_MS, ms: 50 },
    attributes: { 'http.response.status_code': 503 },
  }),
  traceSpan({
    trace: 'bb',
    span: '12',
    parent: '11',
    tenant: 'north',
    at: AT + 2 * MINUTE_MS + 1,
    failed: 'x'.repeat(900),
  }),
  // An AI call in a trace without a root: the parent was never sent.
  requestSpan('POST /assistant', {
    trace: 'cc',
    span: '21',
    parent: '99',
    tenant: 'north',
    at: AT + 3 * MINUTE_MS,
    ms: 900,
  }),
  traceSpan({
    ...{ trace: 'cc', span: '22', parent: '21', tenant: 'north', kind: CLIENT, at: AT + 3 * MINUTE_MS + 5, ms: 800 },
    attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-4o' },
    more: {
      events: [
        {
          time_unix_nano: (BigInt(AT + 3 * MINUTE_MS + 25) * 1_000_000n).toString(),
          name: 'exception',
          attributes: [{ key: 'exception.type', value: { string_value: 'Timeout' } }],
        },
      ],
    },
  }),
  requestSpan('GET /orders', { trace: 'dd', span: '31', tenant: 'south', at: AT + 1_500, ms: 5_000 }),
  // More spans than a page draws.
  ...Array.from({ length: 2_300 }, (_, index) =>
    traceSpan({
      ...{ trace: 'ee', span: '41', tenant: 'wide', at: AT + index, name: `step ${index}` },
      more: { span_id: numbered(index + 1), ...(index === 0 ? {} : { parent_span_id: numbered(1) }) },
    }),
  ),
];

beforeAll(async () => {
  store = await startTestClickHouse();
  await store.insert(segmentOf([otlpRequest(SPANS)], { receivedAt: Date.now() }), 'traces');
});
afterAll(() => store.stop());

const list = (changes: Partial<TracesQuestion> = {}) =>
  readTraces(store.clickhouse, {
    ...{ tenantId: north, window: WINDOW, order: 'slowest', limit: 10, offset: 0 },
    ...{ route: undefined, service: undefined, minMs: undefined, maxMs: undefined },
    ...changes,
  });
const ids = async (changes: Partial<TracesQuestion> = {}) =>
  (await list(changes)).items.map(({ traceId }) => traceId.slice(0, 2)).join(' ');
const trace = (tenant: string, pair: string, changes: { near?: number; withOthers?: boolean } = {}) =>
  readTrace(store.clickhouse, {
    ...{ tenantId: tenant as TenantId, traceId: pair.repeat(16), near: undefined, withOthers: false },
    ...changes,
  });

describe('the traces of a tenant', () => {
  it('are its own, once each, in the order asked for', async () => {
    expect(await ids()).toBe('cc aa bb');
    expect(await ids({ order: 'newest' })).toBe('cc bb aa');
    expect(await ids({ order: 'failed' })).toBe('bb');
    expect(await ids({ tenantId: 'south' as TenantId })).toBe('dd aa');
  });

  it('are narrowed by route, service, length and time, half-open', async () => {
    expect(await ids({ route: 'POST /inner' })).toBe('aa');
    expect(await ids({ service: 'shop' })).toBe('cc aa bb');
    expect(await ids({ service: 'other' })).toBe('');
    expect(await ids({ minMs: 400 })).toBe('cc aa');
    expect(await ids({ minMs: 90, maxMs: 400 })).toBe('aa');
    expect(await ids({ minMs: 91, maxMs: 400 })).toBe('');
    expect(await ids({ window: { from: AT + 1_000, to: AT + 2 * MINUTE_MS } })).toBe('aa');
    expect(await ids({ window: { from: AT + 1_001, to: AT + 2 * MINUTE_MS + 1 }, route: 'GET /search' })).toBe('bb');
  });

  it('tell of the request that fits, and what the whole trace of the tenant did', async () => {
    const [item] = (await list({ route: 'POST /inner' })).items;
    expect(item).toMatchObject({
      ...{ tenantId: 'north', name: 'POST /inner', route: 'POST /inner', service: 'shop', spanId: '03'.repeat(8) },
      ...{ startedAt: AT + 1_100, durationMs: 90, failed: false, errorMessage: '' },
      ...{ rootName: 'GET /orders', rootService: 'shop', traceStartedAt: AT + 1_000, traceDurationMs: 400 },
      ...{ spans: 3, failedSpans: 0, dbCalls: 1, dbMs: 250, aiCalls: 0, aiMs: 0, services: ['shop'] },
    });
    const [failed] = (await list({ order: 'failed' })).items;
    expect(failed).toMatchObject({ failed: true, httpStatus: 503, failedSpans: 2, errorMessage: 'x'.repeat(300) });
    const [assistant] = (await list()).items;
    expect(assistant).toMatchObject({ aiCalls: 1, aiMs: 800, rootName: 'POST /assistant' });
  });

  it('come in pages without a trace twice or left out', async () => {
    const pages = await Promise.all([0, 1, 2].map((offset) => list({ limit: 1, offset })));
    expect(pages.map(({ items }) => items[0]?.traceId.slice(0, 2))).toEqual(['cc', 'aa', 'bb']);
    expect(pages.map(({ more }) => more)).toEqual([true, true, false]);
    expect(await list({ offset: 3 })).toEqual({ items: [], more: false });
  });
});

describe('a trace', () => {
  it('shows a tenant its own spans alone, and staff how many are not', async () => {
    const own = await trace('north', 'aa', { withOthers: true });
    expect(own?.spans.map(({ spanId, tenantId }) => [spanId.slice(0, 2), tenantId])).toEqual([
      ['01', 'north'],
      ['02', 'north'],
      ['03', 'north'],
    ]);
    expect([own?.totalSpans, own?.otherSpans]).toEqual([3, 2]);
    const other = await trace('south', 'aa');
    expect(other?.spans.map(({ spanId }) => spanId.slice(0, 2))).toEqual(['04', '05']);
    // The first span that it may see is where its time begins.
    expect(other?.spans.map(({ offsetMs }) => offsetMs)).toEqual([0, 10]);
    expect(other?.otherSpans).toBeNull();
    expect(JSON.stringify(own)).not.toContain('south');
  });

  it('of another tenant is as absent as one that never was', async () => {
    expect(await trace('north', 'dd')).toBeUndefined();
    expect(await trace('north', '77')).toBeUndefined();
  });

  it('keeps parents, kinds, attributes, events and errors', async () => {
    const found = await trace('north', 'cc', { near: AT });
    expect(found?.spans[1]).toMatchObject({
      ...{ spanId: '22'.repeat(8), parentSpanId: '21'.repeat(8), kind: 'Client', offsetMs: 5, durationMs: 800 },
      attributes: { 'gen_ai.request.model': 'gpt-4o' },
      resource: { 'service.name': 'shop' },
      events: [{ offsetMs: 20, name: 'exception', attributes: { 'exception.type': 'Timeout' } }],
    });
    expect((await trace('north', 'bb'))?.spans[1]).toMatchObject({ failed: true, status: 'Error' });
  });

  it('is found although the hint of its time is wrong', async () => {
    expect((await trace('north', 'aa', { near: AT - 40 * DAY_MS }))?.spans.length).toBe(3);
  });

  it('of more than 2,000 spans is cut, and says how many there are', async () => {
    const found = await trace('wide', 'ee');
    expect([found?.spans.length, found?.totalSpans]).toEqual([2_000, 2_300]);
    expect(found?.spans[1_999]?.name).toBe('step 1999');
  });

  it('is read by the sort key and the bloom filter on its id', async () => {
    const { sql } = tenantTrace({ tenantId: north, traceId: 'aa'.repeat(16), window: undefined, limit: 1 });
    const bound = sql
      .replace('{nonce:String}', "''")
      .replace('{tenant:String}', "'north'")
      .replace('{trace:String}', `'${'aa'.repeat(16)}'`)
      .replace('{limit:UInt32}', '1');
    const plan = await store.clickhouse.inspect<{ explain: string }>(
      `EXPLAIN indexes = 1 ${bound.replace('FROM spans', 'FROM tenantry.spans')}`,
    );
    const text = plan.map(({ explain }) => explain).join('\n');
    expect(text).toMatch(/PrimaryKey[\s\S]*TenantId[\s\S]*Skip[\s\S]*trace_id/);
  });
});
