import { describe, expect, it } from 'vitest';
import type { Flag } from '../../../src/domain/flags.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { changesByRevision, FlagCache } from '../../../src/store/postgres/flag-cache.ts';

const flag = (id: string, revision: number, expiresAt = 100_000): Flag => ({
  kind: 'breaker',
  id,
  tenantId: 'acme' as TenantId,
  integration: 'mail',
  state: 'open',
  reason: 'test',
  expiresAt,
  revision,
});

describe('FlagCache', () => {
  it('counts every flag as expired until it knows the time', () => {
    const cache = new FlagCache();
    cache.replaceAll([flag('a', 1)]);
    expect(cache.inForce(undefined, 0)).toEqual([]);
  });

  it('counts expiry down on the monotonic clock and ends a flag on its millisecond', () => {
    const cache = new FlagCache();
    cache.setClock({ databaseMs: 90_000, monotonicMs: 5_000 });
    cache.replaceAll([flag('a', 1)]);
    expect(cache.inForce(undefined, 5_000)).toMatchObject([{ id: 'a', ttl_ms: 10_000 }]);
    expect(cache.inForce(undefined, 14_999)).toMatchObject([{ ttl_ms: 1 }]);
    expect(cache.inForce(undefined, 15_000)).toEqual([]);
  });

  it('forgets what is over, so that it holds no more than what is in force', () => {
    const cache = new FlagCache();
    cache.setClock({ databaseMs: 0, monotonicMs: 0 });
    cache.replaceAll([flag('short', 1, 10), flag('long', 2, 1_000)]);
    cache.prune(10);
    expect([...cache.ids()]).toEqual(['long']);
  });

  it('never grows beyond its bound; the oldest go first', () => {
    const cache = new FlagCache();
    cache.replaceAll(Array.from({ length: 100_001 }, (_, index) => flag(`f-${index}`, index)));
    expect(cache.ids().size).toBe(100_000);
    expect(cache.get('f-0')).toBeUndefined();
  });

  it('writes breakers and degradations as the wire has them', () => {
    const cache = new FlagCache();
    cache.setClock({ databaseMs: 0, monotonicMs: 0 });
    const degrade: Flag = { ...flag('d', 2), kind: 'degrade', feature: 'ai', step: 'warn' } as Flag;
    cache.replaceAll([flag('b', 1), degrade]);
    expect(cache.inForce(undefined, 0)).toMatchObject([
      { kind: 'breaker', integration: 'mail', state: 'open', expires_at: '1970-01-01T00:01:40.000Z' },
      { kind: 'degrade', feature: 'ai', step: 'warn' },
    ]);
  });
});

describe('changesByRevision', () => {
  it('puts a row into the revision that made it and the one that lifted it, oldest first', () => {
    const [a, b, c] = [flag('a', 7), flag('b', 5), flag('c', 2)];
    const rows = [
      { flag: a, liftedRevision: 9 },
      { flag: b, liftedRevision: 7 },
      { flag: c, liftedRevision: 6 },
    ];
    expect(changesByRevision(rows, 4, 8)).toEqual([
      { revision: 5, upserts: [b], removals: [] },
      { revision: 6, upserts: [], removals: [c] },
      { revision: 7, upserts: [a], removals: [b] },
    ]);
  });
});
