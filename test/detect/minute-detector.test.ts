import { describe, expect, it } from 'vitest';
import { type MeasuredMinute, MinuteDetector, SHARDS, shardOf } from '../../src/detect/minute-detector.ts';
import type { MinuteFinding } from '../../src/detect/tenant-minutes.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const DAY = 1_440;
const MONDAY = Date.UTC(2026, 10, 2) / 60_000;
const SURGE_AT = 3 * DAY + 900;
const TENANTS = ['acme', 'bolt', 'core', 'dyno'];

function minutesOf(days: number): MeasuredMinute[] {
  const random = seeded('minute-detector');
  return Array.from({ length: days * DAY }, (_, index) => {
    const tenants = TENANTS.map((tenant, order) => {
      const surge = tenant === 'core' && index >= SURGE_AT && index < SURGE_AT + 50 ? 5 : 1;
      const requests = poisson(random, 100 * (order + 1)) * surge;
      const values = new Map([
        ['requests', requests],
        ['p95_ms', 50 + random()],
        ['requests on /orders', Math.round(requests / 2)],
      ]);
      return [tenant, values] as const;
    });
    return { minute: MONDAY + index, tenants: new Map(tenants) };
  });
}

const told = ({ tenantId, metric, change, departure }: MinuteFinding) =>
  `${tenantId} ${metric} ${change} ${departure.detectedAt}`;

function judged(minutes: readonly MeasuredMinute[], restartAt?: number): { found: string[]; detector: MinuteDetector } {
  const found: string[] = [];
  const make = () => new MinuteDetector('tenantry', (finding) => found.push(told(finding)));
  let detector = make();
  minutes.forEach((minute, index) => {
    if (index === restartAt) {
      const next = make();
      for (let shard = 0; shard < SHARDS; shard += 1) next.restore(shard, detector.save(shard));
      detector = next;
    }
    detector.observe(minute);
  });
  return { found, detector };
}

describe('the detector of all tenants', () => {
  const minutes = minutesOf(4);
  const whole = judged(minutes);

  it('finds the tenant that surges, as a whole and on its route', () => {
    expect(whole.found.map((line) => line.replace(/ \d+$/, ''))).toEqual([
      'core requests opened',
      'core requests on /orders opened',
      'core requests ended',
      'core requests on /orders ended',
    ]);
    expect(whole.detector.size()).toEqual({ tenants: 4, series: 12 });
  });

  it.each([5, SURGE_AT - 1, SURGE_AT + 2, SURGE_AT + 20])(
    'goes on as if nothing had been after a restart at minute %i',
    (at) => {
      expect(judged(minutes, at).found).toEqual(whole.found);
    },
  );

  it('judges a minute once, however often it is shown, and each shard from where it was saved', () => {
    const found: string[] = [];
    const detector = new MinuteDetector('tenantry', (finding) => found.push(told(finding)));
    const cut = SURGE_AT + 10;
    for (const minute of minutes.slice(0, cut)) detector.observe(minute);
    const early = new MinuteDetector('tenantry', (finding) => found.push(told(finding)));
    for (let shard = 0; shard < SHARDS; shard += 1) {
      if (shard !== shardOf('core')) early.restore(shard, detector.save(shard));
    }
    found.length = 0;
    expect(early.judgedByAll()).toBe(-1);
    for (const minute of minutes) early.observe(minute);
    expect(found).toEqual(whole.found);
  });

  it('takes a tenant that is not in a measured minute for silent, and a minute that was not measured for nothing', () => {
    const silent = new Map([...(minutes[0]?.tenants ?? [])].filter(([tenant]) => tenant !== 'acme'));
    const level = (later: readonly MeasuredMinute[]) => {
      const { detector } = judged([...minutes.slice(0, 2 * DAY), ...later]);
      const bytes = detector.save(shardOf('acme'));
      return Buffer.from(bytes).toString('base64');
    };
    const gone = Array.from({ length: 120 }, (_, index) => ({ minute: MONDAY + 2 * DAY + index, tenants: silent }));
    const unmeasured = gone.map(({ minute }) => ({ minute, tenants: new Map() }));
    expect(level(unmeasured)).toBe(level([]));
    expect(level(gone)).not.toBe(level([]));
  });

  it('watches no more routes of a tenant than it has room for', () => {
    const detector = new MinuteDetector('tenantry', () => undefined);
    const routes = new Map(Array.from({ length: 500 }, (_, index) => [`requests on /r${index}`, 50]));
    detector.observe({ minute: MONDAY, tenants: new Map([['acme', routes.set('requests', 25_000)]]) });
    expect(detector.size().series).toBeLessThanOrEqual(21);
  });

  it('forgets a tenant that has gone for weeks', () => {
    const detector = new MinuteDetector('tenantry', () => undefined);
    const one = (tenant: string) => new Map([[tenant, new Map([['requests', 5]])]]);
    detector.observe({ minute: MONDAY, tenants: one('gone') });
    detector.observe({ minute: MONDAY + 20 * DAY, tenants: one('here') });
    expect(detector.size()).toEqual({ tenants: 1, series: 1 });
  });

  it('refuses what another version saved and keeps what it has', () => {
    const saved = whole.detector.save(shardOf('core'));
    const other = new MinuteDetector('owner', () => undefined);
    expect(() => other.restore(shardOf('core'), saved)).toThrow();
    expect(() => other.restore(0, Uint8Array.of(9, 9))).toThrow(/another format/);
    expect(other.size()).toEqual({ tenants: 0, series: 0 });
  });
});
