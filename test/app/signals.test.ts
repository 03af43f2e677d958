import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SignalSourceOptions, signalSources } from '../../src/app/signal-sources.ts';
import { SignalLoop } from '../../src/app/signals.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Signal } from '../../src/domain/signal.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { SignalFacts } from '../../src/store/postgres/signal-facts.ts';
import { SignalStore } from '../../src/store/postgres/signal-store.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { ThrottleStore } from '../../src/store/postgres/throttle-store.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const SAL: StaffActor = { kind: 'staff', subject: 'sal', role: 'sales' };
const id = (text: string) => text as TenantId;

let db: TestPostgres;
let store: SignalStore;
let facts: SignalFacts;
beforeAll(async () => {
  db = await startTestPostgres();
  store = new SignalStore(db.postgres);
  facts = new SignalFacts(db.postgres);
  await new TenantDirectory(db.postgres).remember(['acme', 'bolt', 'crane', 'delta'].map(id));
});
afterAll(() => db.stop());

/** Weekly requests by tenant, oldest week first; and everybody was there all the time. */
function world(weekly: Readonly<Record<string, readonly number[]>>): SignalSourceOptions & { down: boolean } {
  let asked = 0;
  const made = {
    down: false,
    quotas: { standing: async () => ({ tenants: 0, standings: [] }) },
    usage: {
      // Asked for eight weeks in a row, the oldest first.
      totals: async () => {
        if (made.down) throw new Error('the store is down');
        const week = asked++ % 8;
        return Object.entries(weekly).map(([tenant, weeks]) => ({
          tenantId: id(tenant),
          values: new Map([
            ['spans' as const, 1n],
            ['requests' as const, BigInt(weeks[week] ?? 0)],
          ]),
        }));
      },
    },
    firstSeen: async () => new Map([...(await facts.firstSeen()).keys()].map((tenant) => [tenant, 0])),
    limited: async () => [],
    plans: async () => ({ versions: [], changes: [] }),
    features: async () => [],
    margins: async () => [],
  };
  return made;
}

const GROWING = [10_000, 11_000, 12_100, 13_300, 14_600, 16_100, 17_700, 19_500];
const EVEN = new Array<number>(8).fill(10_000);
const page = { offset: 0, limit: 100 };
const signalsOf = async (tenant: string, status?: 'open' | 'dismissed' | 'ended'): Promise<readonly Signal[]> =>
  store.list(SAL, { tenantId: id(tenant), ...(status === undefined ? {} : { status }), ...page });

function loopOver(options: SignalSourceOptions): SignalLoop {
  const isLeader = async () => true;
  return new SignalLoop({ leadership: { isLeader }, sources: signalSources(options), store, log: silentLog });
}

describe('signals', () => {
  test('come after a day of growth, once, with their numbers, and go a week after it is over', async () => {
    const now = Date.now();
    const growing = loopOver(world({ acme: GROWING, bolt: EVEN }));
    await growing.tick(now);
    expect(await signalsOf('acme')).toEqual([]);
    // A new loop, as after a restart: the time that has passed is in the store.
    const later = loopOver(world({ acme: GROWING, bolt: EVEN }));
    for (const hours of [25, 26]) await later.tick(now + hours * HOUR_MS);
    const [signal, ...more] = await signalsOf('acme', 'open');
    expect(more).toEqual([]);
    expect(signal).toMatchObject({
      kind: 'growth',
      subject: 'requests',
      since: expect.closeTo(now, -1),
      endedAt: null,
    });
    expect(signal?.sentence).toMatch(
      /^acme's requests grow by \d+\.\d % in four weeks \(median week 13,950, over 8 weeks\)$/,
    );
    expect(signal?.evidence.figures).toMatchObject({ metric: 'requests', weeks: 8, median_week: 13_950 });
    expect(signal?.seenAt).toBeGreaterThan(now + 25.5 * HOUR_MS);
    expect(await signalsOf('bolt')).toEqual([]);

    const even = world({ acme: EVEN, bolt: EVEN });
    for (const days of [3, 5, 9]) await loopOver(even).tick(now + days * DAY_MS);
    expect(await signalsOf('acme', 'open')).toHaveLength(1);
    await loopOver(even).tick(now + 11 * DAY_MS);
    expect(await signalsOf('acme', 'open')).toEqual([]);
    expect(await signalsOf('acme', 'ended')).toHaveLength(1);
  });

  test('stay as they are while their source is down', async () => {
    const now = Date.now();
    const sources = world({ crane: GROWING });
    await loopOver(sources).tick(now);
    await loopOver(sources).tick(now + 2 * DAY_MS);
    expect(await signalsOf('crane', 'open')).toHaveLength(1);
    sources.down = true;
    await loopOver(sources).tick(now + 40 * DAY_MS);
    expect(await signalsOf('crane', 'open')).toHaveLength(1);
  });

  test('that people put aside stay aside: as long as they last, or until the day that was said', async () => {
    const [signal] = await signalsOf('crane', 'open');
    const dismissed = await store.dismiss(SAL, signal?.id ?? '', { reason: 'we are talking', until: null });
    expect(dismissed?.dismissal).toMatchObject({ by: 'sal', reason: 'we are talking', until: null });
    await loopOver(world({ crane: GROWING })).tick(Date.now() + 50 * DAY_MS);
    expect([await signalsOf('crane', 'open'), (await signalsOf('crane', 'dismissed')).length]).toEqual([[], 1]);
    // Snoozed until a moment that has passed: it is back.
    await store.dismiss(SAL, signal?.id ?? '', { reason: 'later', until: Date.now() - 1 });
    expect(await signalsOf('crane', 'open')).toHaveLength(1);
    await store.dismiss(SAL, signal?.id ?? '', { reason: 'later', until: Date.now() + DAY_MS });
    expect(await signalsOf('crane', 'open')).toEqual([]);
    expect(await store.dismiss(SAL, 'not-there', { reason: 'x', until: null })).toBeUndefined();
    const audited = await db.postgres.inStaffTransaction(SAL, (transaction) =>
      transaction.query(`select 1 from tenantry.audit_log where action = 'signal.dismiss' and tenant_id = 'crane'`),
    );
    expect(audited).toHaveLength(3);
  });

  test('of tenants that nobody has entered are not kept, and stop nobody else', async () => {
    const sources = world({});
    const limited = async () => [
      { tenantId: id('stranger'), throttledMs: 5 * HOUR_MS, degradedMs: 0 },
      { tenantId: id('delta'), throttledMs: 5 * HOUR_MS, degradedMs: 0 },
    ];
    await loopOver({ ...sources, limited }).tick(Date.now());
    expect(await signalsOf('delta', 'open')).toMatchObject([{ kind: 'limited_experience' }]);
    expect(await signalsOf('stranger')).toEqual([]);
  });
});

test('time under limits is counted once where throttles overlap, and not in shadow', async () => {
  const throttles = new ThrottleStore(db.postgres);
  const throttle = (mode: 'enforce' | 'shadow', seconds: number) =>
    throttles.create(SAL, {
      // Of another service each: a throttle of the same scope would take the place of the one before.
      ...{
        tenantId: id('bolt'),
        scope: { service: `s${seconds}` },
        limit: { requestsPerSecond: 1, burst: 1 },
        mode,
        reason: 'test',
      },
      expiresInSeconds: seconds,
    });
  await throttle('enforce', 3_600);
  await throttle('enforce', 7_200);
  await throttle('shadow', 80_000);
  const now = Date.now();
  const [limited, ...others] = await facts.limited({ from: now - DAY_MS, to: now + DAY_MS });
  expect(others).toEqual([]);
  expect(limited).toMatchObject({ tenantId: 'bolt', degradedMs: 0 });
  // Two hours, but for the moment between the two.
  expect(Math.abs((limited?.throttledMs ?? 0) - 2 * HOUR_MS)).toBeLessThan(60_000);
  expect(await facts.limited({ from: now - 2 * DAY_MS, to: now - DAY_MS })).toEqual([]);
});
