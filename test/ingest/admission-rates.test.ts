/** How much keys and tenants may send: each rate exact, on a clock that the test moves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TENANT_ATTRIBUTE_ALIASES } from '../../src/domain/attributes.ts';
import { AdmissionBench, encoded, refusalOf, spansOfTenants, spanWith, WIDE_KEY } from '../support/ingest-admission.ts';
import { decodeTraceRequest, spansOf } from '../support/otlp-proto.ts';

const rates = (more: Partial<Record<'requests' | 'items' | 'bytes', number>>) => ({
  ...{ requests: 0, items: 0, bytes: 0 },
  ...more,
});
const tenantsIn = (body: Uint8Array) =>
  spansOf(decodeTraceRequest(body)).map((span) => span.attributes?.[0]?.value?.string_value);

describe('a key', () => {
  it('may send so many requests at once, then so many a second', () => {
    const bench = new AdmissionBench({ key: rates({ requests: 10 }), burstSeconds: 2 });
    for (let request = 0; request < 20; request++) bench.admission.enter(WIDE_KEY)();
    const refusal = refusalOf(() => bench.admission.enter(WIDE_KEY));
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryAfterSeconds: 1 });
    expect(refusal.message).toBe('this key is over its limit of 10 requests a second');
    expect(refusal.hint).toContain('TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND');
    bench.at += 99;
    expect(() => bench.admission.enter(WIDE_KEY)).toThrow('over its limit');
    bench.at += 1;
    bench.admission.enter(WIDE_KEY)();
    expect(() => bench.admission.enter(WIDE_KEY)).toThrow('over its limit');
    bench.admission.enter({ keyId: 'another', tenantId: undefined })();
    expect(bench.limited).toEqual({ key_requests: 3 });
  });

  it('is refused before its body is read once its spans are used up, and pays off what it took too much', () => {
    const bench = new AdmissionBench({ key: rates({ items: 100 }) });
    bench.admission.enter(WIDE_KEY)();
    bench.admit(encoded(spansOfTenants({ acme: 60 })));
    bench.admit(encoded(spansOfTenants({ acme: 60 })));
    expect(refusalOf(() => bench.admission.enter(WIDE_KEY)).message).toContain('100 spans and data points a second');
    expect(bench.refusal(encoded(spansOfTenants({ acme: 1 }))).code).toBe('RATE_LIMITED');
    bench.at += 209;
    expect(() => bench.admission.enter(WIDE_KEY)).toThrow('over its limit');
    bench.at += 1;
    bench.admission.enter(WIDE_KEY)();
    expect(bench.limited).toEqual({ key_spans: 3 });
  });

  it('is limited in bytes, and told how long it has to wait: 5 s at most', () => {
    const body = encoded(spansOfTenants({ acme: 100 }));
    const bench = new AdmissionBench({ key: rates({ bytes: 10 }) });
    bench.admit(body);
    expect(refusalOf(() => bench.admission.enter(WIDE_KEY))).toMatchObject({ retryAfterSeconds: 5 });
    bench.at += (body.length / 10) * 1_000 - 1_900;
    expect(refusalOf(() => bench.admission.enter(WIDE_KEY))).toMatchObject({ retryAfterSeconds: 1 });
    bench.at += 1_000;
    bench.admission.enter(WIDE_KEY)();
  });

  it('has so many requests in work at a time', () => {
    const bench = new AdmissionBench({ keyConcurrency: 2 });
    const [first] = [bench.admission.enter(WIDE_KEY), bench.admission.enter(WIDE_KEY)];
    expect(refusalOf(() => bench.admission.enter(WIDE_KEY)).message).toContain('2 requests at a time');
    first?.();
    first?.();
    bench.admission.enter(WIDE_KEY);
    expect(() => bench.admission.enter(WIDE_KEY)).toThrow('over its limit');
    expect(bench.limited).toEqual({ key_concurrency: 2 });
  });

  it.each(['requests', 'items', 'bytes'] as const)(
    'over a minute of %s gets what its rate and its burst allow',
    (unit) => {
      const body = encoded(spansOfTenants({ acme: 1 }));
      const units = unit === 'bytes' ? body.length : 1;
      const bench = new AdmissionBench({ key: rates({ [unit]: 7 * units }), burstSeconds: 3 });
      let taken = 0;
      for (let step = 0; step < 60_000; step += 13) {
        try {
          bench.admission.enter(WIDE_KEY)();
          bench.admit(body);
          taken++;
        } catch {
          // Refused.
        }
        bench.at += 13;
      }
      expect(Math.abs(taken - (7 * 60 + 7 * 3))).toBeLessThanOrEqual(1);
    },
  );
});

describe('a tenant', () => {
  it('over its limit loses the spans that are too many, and nobody else loses any', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 100 }) });
    const admitted = bench.admit(encoded(spansOfTenants({ noisy: 150, quiet: 30, other: 20 })));
    expect([admitted.items, admitted.rejected]).toEqual([150, 50]);
    expect(admitted.reason).toBe(
      '1 tenant is over its limit of 100 spans and data points a second; the rest was stored. Raise TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND if they may send so much.',
    );
    const stored = tenantsIn(admitted.body);
    expect(stored.filter((tenant) => tenant === 'noisy')).toHaveLength(100);
    expect(stored.filter((tenant) => tenant !== 'noisy')).toHaveLength(50);
    expect(bench.limited).toEqual({ tenant_spans: 50 });
  });

  it('alone in a request that would fit later gets it back as a whole, uncharged', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 100 }) });
    bench.admit(encoded(spansOfTenants({ acme: 70 })));
    const refusal = bench.refusal(encoded(spansOfTenants({ acme: 60 })));
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
    expect(refusal.message).not.toContain('acme');
    bench.at += 300;
    expect(bench.admit(encoded(spansOfTenants({ acme: 60 })))).toMatchObject({ items: 60, rejected: 0 });
  });

  it('with more in one request than ever fits gets what does', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 100 }) });
    const body = encoded(spansOfTenants({ acme: 250 }));
    expect(bench.admit(body)).toMatchObject({ items: 100, rejected: 150 });
    expect(bench.refusal(body)).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 1 });
  });

  it('is limited in requests and in bytes as well', () => {
    const body = encoded(spansOfTenants({ acme: 3, quiet: 1 }));
    const byRequests = new AdmissionBench({ tenant: rates({ requests: 1 }) });
    byRequests.admit(encoded(spansOfTenants({ acme: 1 })));
    expect(byRequests.admit(body)).toMatchObject({ items: 1, rejected: 3 });
    expect(byRequests.limited).toEqual({ tenant_requests: 3 });
    const oneSpan = encoded(spansOfTenants({ acme: 1 })).length - encoded([]).length;
    const byBytes = new AdmissionBench({ tenant: rates({ bytes: 2 * oneSpan }) });
    expect(byBytes.admit(body)).toMatchObject({ items: 3, rejected: 1 });
    expect(byBytes.limited).toEqual({ tenant_bytes: 1 });
  });

  it('is the one that the store will see: own attributes in order, then the resource, then nobody, whom no limit holds for', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 1 }) });
    const fill = (tenant: string) => bench.admit(encoded(spansOfTenants({ [tenant]: 1 })));
    const rejects = (attributes: Parameters<typeof spanWith>[0], resource: Parameters<typeof spanWith>[0] = {}) =>
      bench.admit(encoded([spanWith(attributes), spanWith({ tenant_id: `free-${Math.random()}` })], resource)).rejected;
    for (const tenant of ['first', 'from-resource', '42']) fill(tenant);
    expect(rejects({ tenant_id: 'first', 'tenant.id': 'second' })).toBe(1);
    expect(rejects({ 'tenant.id': 'second', tenant_id: 'first' })).toBe(1);
    expect(rejects({ tenant_id: 'not/a tenant', 'organization.id': 'first' })).toBe(1);
    expect(rejects({ tenant_id: 42 })).toBe(1);
    expect(rejects({}, { 'tenant.id': 'from-resource' })).toBe(1);
    expect(rejects({ tenant_id: 'free' }, { 'tenant.id': 'from-resource' })).toBe(0);
    for (let span = 0; span < 3; span++) {
      expect(rejects({})).toBe(0);
      expect(rejects({ tenant_id: '(unknown)' }, { 'tenant.id': 'from-resource' })).toBe(0);
      expect(rejects({ tenant_id: '(other)' })).toBe(0);
    }
  });

  it("of a bound key is the key's, whatever the spans say, and each false claim is counted", () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 10 }) });
    const holder = { keyId: 'bound', tenantId: 'acme', service: 'shop' };
    const spans = [...spansOfTenants({ acme: 2, victim: 3, '(unknown)': 1 }), spanWith({})];
    bench.admit(encoded(spans, { 'service.name': 'shop' }), holder);
    bench.admit(encoded(spansOfTenants({ acme: 1 }), { 'service.name': 'elsewhere' }), holder);
    bench.admit(encoded(spansOfTenants({ acme: 2 })), holder);
    expect(bench.mismatches).toEqual({ tenants: 3, services: 1 });
    expect(refusalOf(() => bench.admission.enter(holder)).message).toBe('the tenant of this key is over its limit');
    expect(bench.admit(encoded(spansOfTenants({ victim: 10 })))).toMatchObject({ items: 10, rejected: 0 });
  });

  it('has back what could not be stored after all', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 10 }), key: rates({ items: 10 }) });
    for (let attempt = 0; attempt < 5; attempt++) {
      const admitted = bench.admit(encoded(spansOfTenants({ acme: 10 })));
      expect(admitted.items).toBe(10);
      admitted.giveBack();
    }
  });

  it('keeps its debt over midnight, and idle ones are forgotten', () => {
    const bench = new AdmissionBench({ tenant: rates({ items: 10 }), burstSeconds: 100 });
    bench.admit(encoded(spansOfTenants({ acme: 1_000 })));
    bench.today += 86_400_000;
    expect(bench.refusal(encoded(spansOfTenants({ acme: 1 }))).code).toBe('RATE_LIMITED');
    expect(bench.admit(encoded(spansOfTenants({ fresh: 1_000 })))).toMatchObject({ items: 1_000 });
  });
});

it('accepts and rejects exactly what was sent, and never more than the limit, in random mixes', () => {
  const tenants = ['a', 'b', 'c', 'd'];
  const batch = fc.dictionary(fc.constantFrom(...tenants), fc.integer({ min: 1, max: 12 }), { minKeys: 1 });
  const steps = fc.array(fc.record({ batch, wait: fc.integer({ min: 0, max: 400 }) }), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 30 }), (all, limit) => {
      const bench = new AdmissionBench({ tenant: rates({ items: limit }) });
      const stored: Record<string, number> = {};
      for (const { batch: counts, wait } of all) {
        bench.at += wait;
        const sent = spansOfTenants(counts);
        try {
          const { body, items, rejected, reason } = bench.admit(encoded(sent));
          expect(items + rejected).toBe(sent.length);
          expect(reason === undefined).toBe(rejected === 0);
          const names = tenantsIn(body);
          expect(names).toHaveLength(items);
          for (const name of names) stored[name ?? ''] = (stored[name ?? ''] ?? 0) + 1;
        } catch (error) {
          expect(error).toMatchObject({ code: 'RATE_LIMITED' });
        }
        const allowed = limit + ((bench.at - 5_000) * limit) / 1_000 + ALMOST;
        for (const count of Object.values(stored)) expect(count).toBeLessThanOrEqual(allowed);
      }
    }),
    { numRuns: 80 },
  );
});
const ALMOST = 1e-6;

it('finds the tenant under each of its names', () => {
  for (const name of TENANT_ATTRIBUTE_ALIASES) {
    const bench = new AdmissionBench({ tenant: rates({ items: 1 }) });
    bench.admit(encoded(spansOfTenants({ acme: 1 })));
    expect(bench.admit(encoded([spanWith({ [name]: 'acme' }), spanWith({})])).rejected, name).toBe(1);
  }
});
