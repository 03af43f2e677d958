import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAPPING_DEFAULTS, flappingOf } from '../../src/control/breaker-flapping.ts';
import { overviewsOf } from '../../src/control/breaker-overview.ts';
import type { BreakerOrder, BreakerSighting } from '../../src/domain/breaker.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const NOW = 1_700_000_000_000;
const ago = (seconds: number) => NOW - seconds * 1_000;

function sighting(fields: Partial<BreakerSighting> = {}): BreakerSighting {
  return {
    ...{ tenantId: 'acme', integration: 'stripe', service: 'shop', instanceId: 'shop-1', state: 'open' },
    ...{ since: ago(60), calls: 10, failures: 6, lastError: 'http_503', openings: [], reportedAt: ago(5), ...fields },
  };
}

function order(fields: Partial<BreakerOrder> = {}): BreakerOrder {
  return {
    ...{ id: 'o1', tenantId: 'acme' as TenantId, integration: 'stripe', state: 'open', reason: 'asked', revision: 1 },
    ...{ createdBy: 'sam', createdAt: ago(10), expiresAt: ago(-50), liftedAt: null, ...fields },
  };
}

describe('flappingOf', () => {
  it('tells with its numbers of a breaker that opened three times in ten minutes', () => {
    const found = flappingOf(
      [sighting({ openings: [ago(500), ago(200), ago(40)] }), sighting({ instanceId: 'shop-2' })],
      NOW,
    );
    expect(found).toEqual({
      instances: 1,
      openings: 3,
      windowSeconds: 600,
      since: ago(500),
      reason:
        'stripe of acme opened 3 times within 10 minutes in 1 of 2 instances, last 40 s ago: ' +
        'it works just long enough to be tried again',
      offer: { state: 'open', expiresInSeconds: 600 },
    });
  });

  it('takes one outage seen by many instances for one outage', () => {
    const fleet = Array.from({ length: 30 }, (_, index) =>
      sighting({ instanceId: `shop-${index}`, openings: [ago(30), ago(20)] }),
    );
    expect(flappingOf(fleet, NOW)).toBeUndefined();
  });

  it('does not look behind its window, nor ahead of the clock', () => {
    expect(flappingOf([sighting({ openings: [ago(600), ago(300), ago(10)] })], NOW)).toBeUndefined();
    expect(flappingOf([sighting({ openings: [ago(20), ago(10), ago(-10)] })], NOW)).toBeUndefined();
  });

  it('is found exactly if some instance has the openings, for any of them', () => {
    const openings = fc.array(fc.integer({ min: -100, max: 1_200 }).map(ago), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(openings, { maxLength: 5 }), (all) => {
        const found = flappingOf(
          all.map((one) => sighting({ openings: one })),
          NOW,
        );
        const most = Math.max(0, ...all.map((one) => one.filter((at) => at > ago(600) && at <= NOW).length));
        expect(found?.openings).toBe(most >= FLAPPING_DEFAULTS.openings ? most : undefined);
      }),
    );
  });
});

describe('overviewsOf', () => {
  it('adds instances up, by the worst of their states', () => {
    const [overview, ...others] = overviewsOf(
      [
        sighting({
          state: 'closed',
          service: 'billing',
          instanceId: 'b-1',
          calls: 0,
          failures: 0,
          lastError: null,
          reportedAt: ago(1),
        }),
        sighting({ since: ago(90) }),
        sighting({
          instanceId: 'shop-2',
          since: ago(30),
          calls: 4,
          failures: 4,
          lastError: 'ECONNREFUSED',
          reportedAt: ago(2),
        }),
        sighting({ instanceId: 'shop-3', state: 'half_open' }),
      ],
      [],
      NOW,
    );
    expect(others).toEqual([]);
    expect(overview).toEqual({
      ...{ tenantId: 'acme', integration: 'stripe', state: 'open', services: ['billing', 'shop'], since: ago(90) },
      ...{ instances: { open: 2, half_open: 1, closed: 1 }, calls: 14, failures: 10, lastError: 'ECONNREFUSED' },
      ...{ reportedAt: ago(1), order: null, flapping: null },
    });
  });

  it('says what an order makes of it, also where no instance has reported', () => {
    const closed = order({ state: 'closed' });
    expect(overviewsOf([sighting()], [closed], NOW)).toMatchObject([
      { state: 'closed', order: closed, instances: { open: 1 } },
    ]);
    expect(overviewsOf([sighting()], [order({ state: 'auto' })], NOW)).toMatchObject([{ state: 'open' }]);
    expect(overviewsOf([], [order(), order({ id: 'o2', revision: 2, state: 'auto' })], NOW)).toMatchObject([
      { state: 'closed', since: null, reportedAt: null, order: { id: 'o2' } },
    ]);
  });

  it('puts what is open first, and never mixes tenants or integrations', () => {
    const all = overviewsOf(
      [
        sighting({ tenantId: 'b', state: 'closed' }),
        sighting({ tenantId: 'a', integration: 'slack', state: 'half_open' }),
        sighting({ tenantId: 'z' }),
        sighting({ tenantId: 'a' }),
      ],
      [],
      NOW,
    );
    expect(all.map(({ tenantId, integration, state }) => `${state} ${tenantId} ${integration}`)).toEqual([
      'open a stripe',
      'open z stripe',
      'half_open a slack',
      'closed b stripe',
    ]);
  });
});
