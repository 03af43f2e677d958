import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupKeyOf, matches, planNotices, repeatAt } from '../../src/control/alert-routing.ts';
import type { AlertMatch, AlertRoute } from '../../src/domain/alert.ts';
import { ALERT_START, alertOf, routeOf } from '../support/alert-samples.ts';

const NOW = ALERT_START;
const NOTHING = { waitingDueAt: null, lastSentAt: null };
const utc = () => () => 0;
const plan = (
  routes: readonly AlertRoute[],
  state = NOTHING as { waitingDueAt: number | null; lastSentAt: number | null },
) => planNotices(alertOf(), routes, { groupState: () => state, zone: utc, now: NOW });
const due = (...args: Parameters<typeof plan>) =>
  plan(...args).map(({ routeId, dueAt }) => [routeId, (dueAt - NOW) / 1_000]);
const match = (changes: Partial<AlertMatch>): AlertMatch => ({
  ...{ tenants: [], plans: [], kinds: [], minSeverity: 'info' },
  ...changes,
});

describe('matching', () => {
  test.each<[string, Partial<AlertMatch>, boolean]>([
    ['everything', {}, true],
    ['its tenant', { tenants: ['globex', 'acme'] }, true],
    ['another tenant', { tenants: ['globex'] }, false],
    ['its plan', { plans: ['growth'] }, true],
    ['another plan', { plans: ['free'] }, false],
    ['its kind', { kinds: ['finding'] }, true],
    ['another kind', { kinds: ['page'] }, false],
    ['its severity', { minSeverity: 'warning' }, true],
    ['a graver one', { minSeverity: 'critical' }, false],
    ['all but one', { tenants: ['acme'], plans: ['growth'], kinds: ['page'] }, false],
  ])('%s', (_what, wanted, fits) => expect(matches(match(wanted), alertOf())).toBe(fits));

  test('a tenant without a plan fits no list of plans', () => {
    expect(matches(match({ plans: ['growth'] }), alertOf({ plan: null }))).toBe(false);
  });
});

describe('grouping', () => {
  test('agrees exactly where the fields agree, whatever the values hold', () => {
    const text = fc.string({ maxLength: 5 });
    fc.assert(
      fc.property(text, text, text, text, (tenantA, planA, tenantB, planB) => {
        const key = (tenantId: string, name: string) =>
          groupKeyOf(['tenant', 'plan'], alertOf({ tenantId, plan: name }));
        expect(key(tenantA, planA) === key(tenantB, planB)).toBe(tenantA === tenantB && planA === planB);
      }),
    );
    expect(groupKeyOf(['plan', 'tenant'], alertOf())).toBe(groupKeyOf(['tenant', 'plan', 'plan'], alertOf()));
  });

  test.each([
    ['alone it waits for company', { waitingDueAt: null, lastSentAt: null }, 10],
    ['it joins those that wait', { waitingDueAt: NOW + 4_000, lastSentAt: null }, 4],
    ['it does not wait for a repetition in an hour', { waitingDueAt: NOW + 3_600_000, lastSentAt: null }, 10],
    ['it leaves the interval since the last message', { waitingDueAt: null, lastSentAt: NOW - 20_000 }, 40],
    ['an old message does not matter', { waitingDueAt: null, lastSentAt: NOW - 90_000 }, 10],
  ])('%s', (_what, state, seconds) => {
    expect(due([routeOf('a', { groupWaitSeconds: 10, groupIntervalSeconds: 60 })], state)).toEqual([['a', seconds]]);
  });
});

describe('escalation', () => {
  const none = match({ tenants: ['nobody'] });
  const to = (routeId: string, afterSeconds: number) => ({ escalation: { routeId, afterSeconds } });

  test('goes on from route to route, each after its time', () => {
    const chain = [
      routeOf('a', to('b', 600)),
      routeOf('b', { match: none, ...to('c', 900) }),
      routeOf('c', { match: none }),
    ];
    expect(due(chain)).toEqual([
      ['a', 0],
      ['b', 600],
      ['c', 1_500],
    ]);
  });

  test('in a circle ends, and a route is told once, at the earliest of its times', () => {
    expect(due([routeOf('a', to('b', 60)), routeOf('b', to('a', 60))])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect(due([routeOf('a', to('a', 60))])).toEqual([['a', 0]]);
  });

  test('to a route that is gone is passed over', () => expect(due([routeOf('a', to('gone', 60))])).toEqual([['a', 0]]));
});

describe('quiet hours', () => {
  const quietHours = {
    timeZone: 'UTC',
    from: 0,
    to: 13 * 60,
    days: [0, 1, 2, 3, 4, 5, 6],
    exceptFrom: 'critical',
  } as const;
  const critical = (route: AlertRoute) =>
    planNotices(alertOf({ severity: 'critical' }), [route], { groupState: () => NOTHING, zone: utc, now: NOW })[0]
      ?.dueAt;

  test('hold a warning back until they end, and let what is grave enough through', () => {
    expect(due([routeOf('a', { quietHours })])).toEqual([['a', 3_600]]);
    expect(critical(routeOf('a', { quietHours }))).toBe(NOW);
    expect(critical(routeOf('a', { quietHours: { ...quietHours, exceptFrom: null } }))).toBe(NOW + 3_600_000);
  });

  test('hold back escalations and repetitions as well', () => {
    const boss = routeOf('b', { match: match({ tenants: ['nobody'] }), quietHours });
    expect(due([routeOf('a', { escalation: { routeId: 'b', afterSeconds: 60 } }), boss])).toEqual([
      ['a', 0],
      ['b', 3_600],
    ]);
    const route = routeOf('a', { quietHours, repeatSeconds: 60 });
    expect(repeatAt(route, alertOf(), { zone: utc, now: NOW })).toBe(NOW + 3_600_000);
  });
});

describe('repetition', () => {
  const at = (route: Partial<AlertRoute>, alert = {}) =>
    repeatAt(routeOf('a', route), alertOf(alert), { zone: utc, now: NOW });
  test('as often as the route wants, until somebody takes it on or it is over', () => {
    expect(at({})).toBeNull();
    expect(at({ repeatSeconds: 300 })).toBe(NOW + 300_000);
    expect(at({ repeatSeconds: 300 }, { ackedAt: NOW })).toBeNull();
    expect(at({ repeatSeconds: 300 }, { endedAt: NOW })).toBeNull();
  });
  test('Alertmanager is told every minute, acknowledged or not, or it would forget', () => {
    expect(at({ channel: 'alertmanager' }, { ackedAt: NOW })).toBe(NOW + 60_000);
    expect(at({ channel: 'alertmanager' }, { endedAt: NOW })).toBeNull();
  });
});
