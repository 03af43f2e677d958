/** Tenants that automation leaves alone, and routes that it keeps nobody from: obeyed where requests are decided about. */
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/domain/flag-evaluation.ts';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import { asWireFlag, readChange, readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { checkThrottle } from '../../src/middleware/throttle.ts';
import { wireThrottle } from '../support/middleware-flag-server.ts';

const NOTHING = { requests_per_second: 0, burst: 1 };
const automatic = (fields: Partial<WireFlag> = {}) => wireThrottle({ limit: NOTHING, automatic: true, ...fields });
const allow = (fields: Partial<WireFlag> = {}): WireFlag => ({
  ...{
    kind: 'allow',
    id: 'allow-1',
    tenant_id: 'acme',
    revision: 2,
    ttl_ms: 30_000,
    expires_at: '',
    reason: 'migrates',
  },
  ...fields,
});

function snapshot(store: FlagStore, revision: number, flags: WireFlag[]): void {
  const read = readSnapshot(JSON.stringify({ revision, flags }));
  if (read === undefined || read.malformed > 0) throw new Error('no snapshot');
  store.applySnapshot(read, 0);
}

function change(store: FlagStore, revision: number, upserts: WireFlag[], removals: string[] = []): void {
  const read = readChange(JSON.stringify({ revision, upserts, removals }));
  if (read === undefined || read.malformed > 0) throw new Error('no change');
  store.applyChange(read, 0);
}

/** Whether the second of two requests passes. */
function passes(store: FlagStore, question: { route?: string } = {}, now = 0): boolean {
  const ask = () => checkThrottle(store, { tenantId: 'acme', ...question }, now);
  ask();
  return ask().allowed;
}

describe('a tenant that is to be left alone', () => {
  it('is refused by no automatic throttle, whichever is heard of first', () => {
    const first = new FlagStore();
    snapshot(first, 2, [allow()]);
    change(first, 3, [automatic({ revision: 3 })]);
    expect(passes(first)).toBe(true);
    const second = new FlagStore();
    snapshot(second, 1, [automatic()]);
    expect(passes(second)).toBe(false);
    change(second, 2, [allow()]);
    expect(passes(second)).toBe(true);
  });

  it('is refused by what a person set all the same', () => {
    const store = new FlagStore();
    snapshot(store, 2, [allow(), automatic(), wireThrottle({ id: 'by-hand', limit: NOTHING })]);
    expect(passes(store)).toBe(false);
  });

  it('is so until its entry ends or is removed, and nobody else is', () => {
    const store = new FlagStore();
    const long = { ttl_ms: 60_000 };
    snapshot(store, 2, [allow(), automatic(long), automatic({ id: 'other', tenant_id: 'globex', ...long })]);
    expect(passes(store, {}, 29_999)).toBe(true);
    expect(passes(store, {}, 30_000)).toBe(false);
    expect(checkThrottle(store, { tenantId: 'globex' }, 0).allowed).toBe(false);
    const removed = new FlagStore();
    snapshot(removed, 2, [allow(), automatic(long)]);
    change(removed, 3, [], ['allow-1']);
    expect(passes(removed)).toBe(false);
  });

  it('is told as not throttled to OpenFeature clients too', () => {
    const active = (flags: WireFlag[]) => evaluate('throttle', { flags, plan: undefined });
    expect(active([automatic()])).toMatchObject({ variant: 'enforce' });
    expect(active([automatic(), allow()])).toMatchObject({ variant: 'none' });
    expect(active([wireThrottle(), allow()])).toMatchObject({ variant: 'enforce' });
  });
});

describe('a protected route', () => {
  const spared = { spared_routes: ['login', 'billing'] };

  it.each(['/login', '/api/v1/login', '/billing/invoices/:id', '/V2/Billing'])(
    '%s is open under automation',
    (route) => {
      const store = new FlagStore();
      snapshot(store, 1, [automatic(spared)]);
      expect(passes(store, { route })).toBe(true);
      expect(passes(store, { route: '/reports' })).toBe(false);
      expect(passes(store)).toBe(false);
    },
  );

  it('is not open under what a person set', () => {
    const store = new FlagStore();
    snapshot(store, 1, [wireThrottle({ limit: NOTHING, ...spared })]);
    expect(passes(store, { route: '/login' })).toBe(false);
  });
});

it('says of each flag what it heard', () => {
  const store = new FlagStore();
  const sent = [allow(), automatic({ spared_routes: ['login'] }), wireThrottle({ id: 'by-hand' })];
  snapshot(store, 2, sent);
  const told = store.list(0).map(({ flag }) => asWireFlag(flag, flag.ttlMs));
  expect(told).toEqual(sent);
});
