import { describe, expect, it } from 'vitest';
import { readChange, readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { checkThrottle } from '../../src/middleware/throttle.ts';

const throttle = (fields: Record<string, unknown> = {}) => ({
  kind: 'throttle',
  id: 'f1',
  tenant_id: 'acme',
  revision: 5,
  ttl_ms: 10_000,
  expires_at: '2026-01-01T00:00:00Z',
  reason: 'requests 9.1/s are 3.4 times the baseline',
  mode: 'enforce',
  scope: {},
  limit: { requests_per_second: 1, burst: 1 },
  ...fields,
});

const snapshot = (revision: number, flags: unknown[]) => {
  const read = readSnapshot(JSON.stringify({ revision, flags }));
  if (read === undefined) throw new Error('not a snapshot');
  return read;
};

const change = (revision: number, upserts: unknown[], removals: string[] = []) => {
  const read = readChange(JSON.stringify({ revision, upserts, removals }));
  if (read === undefined) throw new Error('not a change');
  return read;
};

describe('the life of a flag', () => {
  it('ends at its own time, counted from its arrival, without hearing anything more', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, [throttle({ ttl_ms: 10_000 })]), 1_000);
    expect(store.throttles('acme', 10_999)).toHaveLength(1);
    expect(store.throttles('acme', 11_000)).toHaveLength(0);
    expect(store.isEmpty).toBe(true);
  });

  it('is not prolonged by hearing the same revision again, later', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, [throttle()]), 0);
    store.applySnapshot(snapshot(5, [throttle()]), 8_000);
    expect(store.throttles('acme', 9_999)).toHaveLength(1);
    expect(store.throttles('acme', 10_000)).toHaveLength(0);
  });

  it('is prolonged by a newer revision of itself', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, [throttle()]), 0);
    store.applyChange(change(6, [throttle({ revision: 6 })]), 8_000);
    expect(store.throttles('acme', 17_999)).toHaveLength(1);
  });

  it('takes no longer life than 31 days from a server', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, [throttle({ ttl_ms: 1e15 })]), 0);
    expect(store.throttles('acme', 31 * 86_400_000)).toHaveLength(0);
  });
});

describe('revisions', () => {
  it('ignores changes that are not newer, and older snapshots', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, []), 0);
    expect(store.applyChange(change(5, [throttle()]), 1)).toBe('stale');
    expect(store.applySnapshot(snapshot(4, [throttle()]), 2)).toBe('stale');
    expect(store.list(3)).toEqual([]);
    expect(store.applyChange(change(6, [throttle({ revision: 6 })]), 4)).toBe('applied');
    expect(store.list(5).map(({ flag }) => flag.id)).toEqual(['f1']);
  });

  it('believes an older count only when it keeps coming, as after a server lost its database', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(90, [throttle({ revision: 90 })]), 0);
    const again = () => store.applySnapshot(snapshot(1, []), 100);
    expect([again(), again(), again()]).toEqual(['stale', 'stale', 'reset']);
    expect(store.revision).toBe(1);
    expect(store.list(200)).toEqual([]);
    expect(store.applyChange(change(2, [throttle({ revision: 2 })]), 300)).toBe('applied');
  });

  it('lifts what a change removes and what a snapshot no longer lists', () => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(5, [throttle(), throttle({ id: 'f2', tenant_id: 'beta' })]), 0);
    store.applyChange(change(6, [], ['f1']), 1);
    expect(store.list(2).map(({ flag }) => flag.id)).toEqual(['f2']);
    store.applySnapshot(snapshot(7, []), 3);
    expect(store.isEmpty).toBe(true);
  });
});

describe('shape', () => {
  it.each([
    ['no tenant', { tenant_id: undefined }],
    ['a tenant that is a path', { tenant_id: '../acme' }],
    ['no id', { id: '' }],
    ['a ttl of nothing', { ttl_ms: 0 }],
    ['a ttl that is text', { ttl_ms: '10000' }],
    ['a negative ttl', { ttl_ms: -5 }],
    ['no limit', { limit: undefined }],
    ['a negative rate', { limit: { requests_per_second: -1, burst: 1 } }],
    ['a burst below 1', { limit: { requests_per_second: 1, burst: 0.5 } }],
    ['an unknown mode', { mode: 'maybe' }],
    ['no mode', { mode: undefined }],
    ['a scope that is a list', { scope: [] }],
    ['a scope with a number', { scope: { route: 7 } }],
    ['an unknown kind', { kind: 'delete_everything' }],
    ['a revision that is no integer', { revision: 1.5 }],
  ])('drops and counts a flag with %s, and keeps the others', (_name, fields) => {
    const read = snapshot(5, [throttle(fields), throttle({ id: 'good' })]);
    expect(read.malformed).toBe(1);
    expect(read.flags.map((flag) => flag.id)).toEqual(['good']);
  });

  it.each(['', 'null', '[]', '{"revision":1}', '{"revision":-1,"flags":[]}', '{"revision":1,"flags":{}}', '{"rev'])(
    'takes %j for no snapshot',
    (data) => {
      expect(readSnapshot(data)).toBeUndefined();
    },
  );

  it('ignores fields that a newer server may add', () => {
    const read = readSnapshot(JSON.stringify({ revision: 1, flags: [throttle({ colour: 'red' })], more: true }));
    expect(read).toMatchObject({ malformed: 0, flags: [{ id: 'f1' }] });
  });

  it('reads breakers and degradations', () => {
    const store = new FlagStore();
    const base = { tenant_id: 'acme', revision: 1, ttl_ms: 1_000, reason: 'r' };
    store.applySnapshot(
      snapshot(1, [
        { ...base, kind: 'breaker', id: 'b', integration: 'stripe', state: 'open' },
        { ...base, kind: 'degrade', id: 'd', feature: 'ai', step: 'cached_only' },
      ]),
      0,
    );
    expect(store.breaker('acme', 'stripe', 1)?.state).toBe('open');
    expect(store.breaker('acme', 'slack', 1)).toBeUndefined();
    expect(store.degrade('acme', 'ai', 1)?.step).toBe('cached_only');
    expect(store.degrade('beta', 'ai', 1)).toBeUndefined();
    expect(store.degrade('acme', 'ai', 1_000)).toBeUndefined();
  });
});

describe('checkThrottle', () => {
  const storeWith = (...flags: unknown[]) => {
    const store = new FlagStore();
    store.applySnapshot(snapshot(9, flags), 0);
    return store;
  };
  const acme = { tenantId: 'acme', service: 'shop', route: '/orders/:id', method: 'GET' };

  it('allows everybody while there are no flags', () => {
    expect(checkThrottle(new FlagStore(), acme, 0)).toEqual({ allowed: true, retryAfterSeconds: 0 });
  });

  it('refuses the throttled tenant beyond its burst and nobody else', () => {
    const store = storeWith(throttle({ limit: { requests_per_second: 1, burst: 2 } }));
    const answers = [0, 0, 0].map((now) => checkThrottle(store, acme, now).allowed);
    expect(answers).toEqual([true, true, false]);
    expect(checkThrottle(store, acme, 0)).toMatchObject({ retryAfterSeconds: 1, flagId: 'f1', mode: 'enforce' });
    expect(checkThrottle(store, { ...acme, tenantId: 'beta' }, 0).allowed).toBe(true);
  });

  it.each([
    [{ service: 'shop' }, false],
    [{ service: 'other' }, true],
    [{ route: '/orders/:id' }, false],
    [{ route: '/orders' }, true],
    [{ route: 'GET /orders/:id' }, false],
    [{ route: 'POST /orders/:id' }, true],
    [{ service: 'shop', route: '/orders' }, true],
  ])('holds within its scope only: %j', (scope, allowed) => {
    const store = storeWith(throttle({ scope, limit: { requests_per_second: 0, burst: 1 } }));
    expect(checkThrottle(store, acme, 0).allowed).toBe(allowed);
  });

  it('in shadow mode lets everything through and says what it would have refused', () => {
    const store = storeWith(throttle({ mode: 'shadow' }));
    expect(checkThrottle(store, acme, 0)).toEqual({ allowed: true, retryAfterSeconds: 0 });
    expect(checkThrottle(store, acme, 0)).toMatchObject({ allowed: true, flagId: 'f1', mode: 'shadow' });
  });

  it('lets nobody wait longer than the throttle lives', () => {
    const store = storeWith(throttle({ ttl_ms: 7_500, limit: { requests_per_second: 0, burst: 1 } }));
    expect(checkThrottle(store, acme, 1_000)).toMatchObject({ allowed: false, retryAfterSeconds: 7 });
  });

  it('takes no token from one throttle for a request that another one refuses', () => {
    const store = storeWith(
      throttle({ id: 'wide', limit: { requests_per_second: 0.001, burst: 1 } }),
      throttle({ id: 'route', scope: { route: '/orders/:id' }, limit: { requests_per_second: 0, burst: 1 } }),
    );
    for (let i = 0; i < 5; i++)
      expect(checkThrottle(store, acme, 0)).toMatchObject({ allowed: false, flagId: 'route' });
    expect(checkThrottle(store, { ...acme, route: '/other' }, 0).allowed).toBe(true);
  });

  it('does not hand out a fresh burst when the server repeats or corrects the throttle', () => {
    const store = storeWith(throttle());
    expect(checkThrottle(store, acme, 0).allowed).toBe(true);
    store.applySnapshot(snapshot(9, [throttle()]), 1);
    store.applyChange(change(10, [throttle({ revision: 10, reason: 'still' })]), 2);
    expect(checkThrottle(store, acme, 3).allowed).toBe(false);
  });
});
