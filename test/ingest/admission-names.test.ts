/** How many names tenants and keys may make up: routes, attribute keys, tenants. */
import { describe, expect, it } from 'vitest';
import { Cardinality, COUNTED_NAMES } from '../../ingest/cardinality.ts';
import type { KeyHolder } from '../../ingest/key-check.ts';
import { HashIndex, NameHash } from '../../ingest/limits-hash.ts';
import { AdmissionBench, encoded, spanWith, WIDE_KEY } from '../support/ingest-admission.ts';
import { otlpMetrics, otlpPoint } from '../support/metrics.ts';
import { decodeMetricsRequest, encodeMetricsRequest, metricsOf } from '../support/otlp-metrics-proto.ts';
import { decodeTraceRequest, type OtlpSpan, spansOf } from '../support/otlp-proto.ts';
import type { AttributeInput } from '../support/spans.ts';

const DAY_MS = 86_400_000;

const admitted = (
  bench: AdmissionBench,
  spans: OtlpSpan[],
  holder: KeyHolder = WIDE_KEY,
  resource: AttributeInput = {},
) => spansOf(decodeTraceRequest(bench.admit(encoded(spans, resource), holder).body));
const attributesOf = (span: OtlpSpan | undefined) =>
  Object.fromEntries((span?.attributes ?? []).map(({ key, value }) => [key, value?.string_value ?? value?.int_value]));
/** What the view of stored spans makes of it. */
const routeOf = (span: OtlpSpan) => {
  const attributes = attributesOf(span);
  const method = attributes['http.request.method'] ?? '';
  return attributes['http.route'] === undefined ? span.name : `${method} ${attributes['http.route']}`.trim();
};

describe('routes of a tenant', () => {
  const get = (route: string, tenant = 'acme', more: OtlpSpan = {}) =>
    spanWith(
      { tenant_id: tenant, 'http.request.method': 'GET', 'http.route': route },
      { name: `GET ${route}`, ...more },
    );

  it('are kept up to the limit, and as (other) beyond, until the next day', () => {
    const bench = new AdmissionBench({ routesPerTenant: 2 });
    const send = (...routes: string[]) =>
      admitted(
        bench,
        routes.map((route) => get(route)),
      ).map(routeOf);
    expect(send('/a', '/b', '/a', '/c', '/d')).toEqual(['GET /a', 'GET /b', 'GET /a', 'GET (other)', 'GET (other)']);
    expect(send('/b', '/c')).toEqual(['GET /b', 'GET (other)']);
    expect(bench.limited).toEqual({ routes_per_tenant: 3 });
    bench.today += DAY_MS;
    expect(send('/c', '/d', '/a')).toEqual(['GET /c', 'GET /d', 'GET (other)']);
  });

  it("are each tenant's own, and nobody's are counted for nobody", () => {
    const bench = new AdmissionBench({ routesPerTenant: 1 });
    const spans = [
      get('/a', 'acme'),
      get('/b', 'other'),
      spanWith({ 'http.route': '/c' }),
      spanWith({ 'http.route': '/d' }),
    ];
    expect(admitted(bench, spans).map(routeOf)).toEqual(['GET /a', 'GET /b', '/c', '(other)']);
  });

  it('take the name of the span along where it is the route or holds it', () => {
    const bench = new AdmissionBench({ routesPerTenant: 1 });
    const spans = [
      get('/known'),
      get('/a'),
      get('/b', 'acme', { name: '/b' }),
      get('/c', 'acme', { name: 'handler' }),
      spanWith({ tenant_id: 'acme' }, { name: 'POST /orders/4711' }),
      spanWith({ tenant_id: 'acme', 'http.request.method': 'BOMB-1', 'http.route': '/d' }, { name: 'BOMB-1 /d' }),
      get('/client', 'acme', { kind: 3 }),
    ];
    const cut = admitted(bench, spans);
    expect(cut.map(({ name }) => name)).toEqual([
      'GET /known',
      'GET (other)',
      '(other)',
      'handler',
      '(other)',
      '(other)',
      'GET /client',
    ]);
    expect(attributesOf(cut[1])).toEqual({
      ...{ tenant_id: 'acme', 'http.request.method': 'GET', 'http.route': '(other)' },
      'tenantry.limited': 'route',
    });
    expect(attributesOf(cut[5])['http.request.method']).toBe('_OTHER');
    expect(attributesOf(cut[6])).toEqual({ tenant_id: 'acme', 'http.request.method': 'GET', 'http.route': '/client' });
  });

  it('made up by the million stay the limit and one, in bounded memory, with every request kept and neighbours left alone', () => {
    const bench = new AdmissionBench({ routesPerTenant: 1_000, attributeKeysPerTenant: 1_000 });
    const series = new Set<string | undefined>();
    let kept = 0;
    for (let batch = 0; batch < 10; batch++) {
      const spans = Array.from({ length: 1_000 }, (_, index) => get(`/bomb/${batch * 1_000 + index}`));
      const cut = admitted(bench, spans);
      kept += cut.length;
      for (const span of cut) series.add(routeOf(span));
    }
    expect([kept, series.size, series.has('GET (other)')]).toEqual([10_000, 1_001, true]);
    expect(admitted(bench, [get('/fine', 'neighbour')]).map(routeOf)).toEqual(['GET /fine']);
    expect(admitted(bench, [get('/bomb/1')]).map(routeOf)).toEqual(['GET /bomb/1']);
  });
});

describe('attribute keys of a tenant', () => {
  it('are kept up to the limit; new ones beyond are dropped and counted, those that Tenantry reads never', () => {
    const bench = new AdmissionBench({ attributeKeysPerTenant: 3 });
    const [first, second, other] = admitted(bench, [
      spanWith({ tenant_id: 'acme', 'http.route': '/a', a: 1, b: 2 }),
      spanWith({ tenant_id: 'acme', b: 1, c: 2, d: 3, e: 4, 'gen_ai.usage.input_tokens': 5 }),
      spanWith({ tenant_id: 'other', d: 3 }),
    ]);
    expect(Object.keys(attributesOf(first))).toEqual(['tenant_id', 'http.route', 'a', 'b']);
    expect(attributesOf(second)).toEqual({
      ...{ tenant_id: 'acme', b: '1', c: '2', 'gen_ai.usage.input_tokens': '5', 'tenantry.limited': 'attributes' },
    });
    expect(second?.dropped_attributes_count).toBe(2);
    expect(Object.keys(attributesOf(other))).toEqual(['tenant_id', 'd']);
    expect(bench.limited).toEqual({ attribute_keys_per_tenant: 2 });
    expect(
      admitted(bench, [spanWith({ tenant_id: 'acme', e: 1 })]).map((span) => Object.keys(attributesOf(span))),
    ).toEqual([['tenant_id', 'tenantry.limited']]);
  });
});

describe('tenants of a key', () => {
  const tenantsOf = (spans: OtlpSpan[]) => spans.map((span) => attributesOf(span)['tenant_id']);

  it('are kept up to the limit, and as unknown beyond', () => {
    const bench = new AdmissionBench({ tenantsPerKey: 2 });
    const send = (holder: KeyHolder, ...tenants: string[]) =>
      tenantsOf(
        admitted(
          bench,
          tenants.map((tenant) => spanWith({ tenant_id: tenant })),
          holder,
        ),
      );
    expect(send(WIDE_KEY, 'a', '(other)', 'b', 'c', 'a', 'd')).toEqual([
      'a',
      '(other)',
      'b',
      '(unknown)',
      'a',
      '(unknown)',
    ]);
    expect(send({ keyId: 'another', tenantId: undefined }, 'c', 'd', 'e')).toEqual(['c', 'd', '(unknown)']);
    expect(send({ keyId: 'bound', tenantId: 'z' }, 'x', 'y', 'w')).toEqual(['x', 'y', 'w']);
    expect(bench.limited).toEqual({ tenants_per_key: 3 });
  });

  it('also where another attribute or the resource names them: the unknown stands before all', () => {
    const bench = new AdmissionBench({ tenantsPerKey: 1 });
    const [known, byOther] = admitted(bench, [spanWith({ tenant_id: 'a' }), spanWith({ 'organization.id': 'b' })]);
    const [byResource] = admitted(bench, [spanWith({ x: 1 })], WIDE_KEY, { tenant_id: 'c' });
    expect(tenantsOf([known ?? {}, byOther ?? {}, byResource ?? {}])).toEqual(['a', '(unknown)', '(unknown)']);
    expect(attributesOf(byOther)).toEqual({
      'organization.id': 'b',
      tenant_id: '(unknown)',
      'tenantry.limited': 'tenant',
    });
  });

  it('holds for data points as well', () => {
    const bench = new AdmissionBench({ tenantsPerKey: 1 });
    const points = ['a', 'b'].map((tenant) =>
      otlpPoint({ at: 1, value: 1, attributes: { tenant_id: tenant, x: 'y' } }),
    );
    const { body, items } = bench.admit(
      encodeMetricsRequest(otlpMetrics([{ name: 'm', gauge: { data_points: points } }])),
      WIDE_KEY,
      'metrics',
    );
    const stored = metricsOf(decodeMetricsRequest(body))[0]?.gauge?.data_points ?? [];
    expect(items).toBe(2);
    expect(tenantsOf(stored)).toEqual(['a', '(unknown)']);
    expect(attributesOf(stored[1])['x']).toBe('y');
  });
});

describe('the memory of names', () => {
  const owner = { a: 1, b: 2, number: 1 };

  it('is bounded, and one key fills no more than half of it', () => {
    const names = new Cardinality({ routes: 1_000_000, attributeKeys: 0, mostNames: 100 });
    const admit = (keyId: string, from: number, to: number) => {
      let count = 0;
      for (let name = from; name < to; name++) if (names.admit(COUNTED_NAMES.ROUTE, owner, name, name, keyId)) count++;
      return count;
    };
    expect(admit('flood', 0, 1_000)).toBe(50);
    expect(admit('other', 1_000, 1_030)).toBe(30);
    expect(admit('third', 2_000, 2_100)).toBe(20);
    expect(names.names).toBe(100);
    expect(admit('flood', 0, 50)).toBe(50);
  });

  it('tells a million names apart', () => {
    const index = new HashIndex();
    const hash = new NameHash();
    const bytes = Buffer.from('/route/0000000');
    for (let name = 0; name < 1_000_000; name++) {
      bytes.write(String(name).padStart(7, '0'), 7);
      hash.bytes(bytes, 0, bytes.length);
      index.add(hash.a, hash.b);
    }
    expect(index.size).toBe(1_000_000);
  });

  it('hashes by every byte, by length, and by order', () => {
    const hash = new NameHash();
    const hashes = new Set<string>();
    const texts = [
      '',
      'a',
      'b',
      'ab',
      'ba',
      'abc',
      'abcd',
      'abce',
      'bbcd',
      'abcd\0',
      '\0abcd',
      'abcdefgh',
      'efghabcd',
      'a'.repeat(300),
      'a'.repeat(301),
    ];
    for (const text of texts) {
      hash.text(text);
      hashes.add(`${hash.a}:${hash.b}`);
    }
    expect(hashes.size).toBe(texts.length);
  });
});
