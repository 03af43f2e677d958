import { describe, expect, it } from 'vitest';
import { type ApiKeySourceOptions, type CounterName, type Found, fromApiKey } from '../../src/middleware/index.ts';
import { findTenant } from '../../src/middleware/tenant-source.ts';

const KEYS: Record<string, Found> = { sk_a: { tenantId: 'acme', plan: 'team', userId: 'robot' }, sk_b: 'beta' };

function setUp(options: Partial<ApiKeySourceOptions> = {}) {
  let now = 0;
  const asked: string[] = [];
  const counted: CounterName[] = [];
  const lookUp = async (key: string) => {
    asked.push(key);
    return KEYS[key];
  };
  const source = fromApiKey({ lookUp, now: () => now, ...options });
  return {
    asked,
    counted,
    pass: (ms: number) => {
      now += ms;
    },
    ask: async (headers: Record<string, string | string[]>) => {
      const request = { headers, url: '/', request: undefined };
      return (await findTenant([source], request, (name) => counted.push(name)))?.tenantId;
    },
  };
}

describe('an API key', () => {
  it('names its tenant, with plan and user', async () => {
    const source = fromApiKey({ lookUp: (key) => KEYS[key] });
    const request = { headers: { 'x-api-key': 'sk_a' }, url: '/', request: undefined };
    // Synchronous when the look-up is.
    expect(findTenant([source], request, () => undefined)).toEqual({
      tenantId: 'acme',
      source: 'api_key',
      plan: 'team',
      userId: 'robot',
    });
  });

  it('is looked up once for all requests at once and for as long as the answer holds', async () => {
    const { ask, asked, pass } = setUp({ ttlMs: 1_000 });
    const headers = { 'x-api-key': 'sk_a' };
    expect(await Promise.all([ask(headers), ask(headers), ask({ 'x-api-key': 'sk_b' })])).toEqual([
      'acme',
      'acme',
      'beta',
    ]);
    expect(asked).toEqual(['sk_a', 'sk_b']);
    pass(999);
    await ask(headers);
    expect(asked).toHaveLength(2);
    pass(1);
    await ask(headers);
    expect(asked).toHaveLength(3);
  });

  it('that is unknown is remembered as such, for a shorter time, and counted each time', async () => {
    const { ask, asked, counted, pass } = setUp({ unknownTtlMs: 100 });
    for (let i = 0; i < 3; i++) expect(await ask({ 'x-api-key': 'nope' })).toBeUndefined();
    expect(asked).toEqual(['nope']);
    expect(counted).toEqual(['api_key_rejected', 'api_key_rejected', 'api_key_rejected']);
    pass(100);
    await ask({ 'x-api-key': 'nope' });
    expect(asked).toHaveLength(2);
  });

  it('whose look-up fails is a failure of the source, for all who wait, and is asked again', async () => {
    let down = true;
    let calls = 0;
    const lookUp = async () => {
      calls += 1;
      if (down) throw new Error('down');
      return 'acme';
    };
    const { ask, counted } = setUp({ lookUp });
    const headers = { 'x-api-key': 'sk_a' };
    expect(await Promise.all([ask(headers), ask(headers)])).toEqual([undefined, undefined]);
    expect(counted).toEqual(['tenant_source_failed', 'tenant_source_failed']);
    down = false;
    expect(await ask(headers)).toBe('acme');
    expect(calls).toBe(2);
  });

  it('whose look-up never answers holds nobody up for ever', async () => {
    let calls = 0;
    const lookUp = () => {
      calls += 1;
      return calls === 1 ? new Promise<never>(() => undefined) : Promise.resolve('acme');
    };
    const { ask, counted } = setUp({ lookUp, timeoutMs: 5 });
    expect(await ask({ 'x-api-key': 'sk_a' })).toBeUndefined();
    expect(counted).toEqual(['tenant_source_failed']);
    expect(await ask({ 'x-api-key': 'sk_a' })).toBe('acme');
  });

  it('cannot be pushed out of the cache by made-up ones, which are kept in bounded number', async () => {
    const { ask, asked } = setUp({ maxEntries: 10 });
    await ask({ 'x-api-key': 'sk_a' });
    for (let i = 0; i < 100; i++) await ask({ 'x-api-key': `made-up ${i}` });
    expect(asked).toHaveLength(101);
    await ask({ 'x-api-key': 'sk_a' });
    expect(asked).toHaveLength(101);
    await ask({ 'x-api-key': 'made-up 0' });
    expect(asked).toHaveLength(102);
  });

  it('is not looked up when too many are already', async () => {
    const waiting: (() => void)[] = [];
    const lookUp = () => new Promise<Found>((resolve) => waiting.push(() => resolve('acme')));
    const { ask, counted } = setUp({ lookUp, maxLookUps: 2 });
    const first = ask({ 'x-api-key': 'k1' });
    const second = ask({ 'x-api-key': 'k2' });
    expect(await ask({ 'x-api-key': 'k3' })).toBeUndefined();
    expect(counted).toEqual(['tenant_source_failed']);
    for (const go of waiting) go();
    expect(await Promise.all([first, second])).toEqual(['acme', 'acme']);
  });

  it.each([
    ['authorization', { authorization: 'Bearer sk_a' }, 'acme'],
    ['authorization', { authorization: 'Basic sk_a' }, undefined],
    ['X-Key', { 'x-key': 'sk_b' }, 'beta'],
    ['X-Key', { 'x-key': ['sk_a', 'sk_b'] }, undefined],
    ['X-Key', { 'x-key': '' }, undefined],
    ['X-Key', {}, undefined],
  ])('stands in %s: %j -> %s', async (header, headers, tenantId) => {
    expect(await setUp({ header }).ask(headers as Record<string, string>)).toBe(tenantId);
  });

  it('without the prefix is none, one of 1 MB is unknown, and neither is looked up', async () => {
    const { ask, asked, counted } = setUp({ prefix: 'sk_' });
    expect(await ask({ 'x-api-key': 'eyJ.a.b' })).toBeUndefined();
    expect(counted).toEqual([]);
    expect(await ask({ 'x-api-key': `sk_${'x'.repeat(1_000_000)}` })).toBeUndefined();
    expect(counted).toEqual(['api_key_rejected']);
    expect(asked).toEqual([]);
  });
});
