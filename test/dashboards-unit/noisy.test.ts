import { describe, expect, it } from 'vitest';
import { impactOf, impactSentence, instancesSentence } from '../../dashboards/src/sre/act-impact.ts';
import {
  partnerOf,
  questionsOf,
  readLabels,
  START_FORM,
  throttledTenants,
} from '../../dashboards/src/sre/backtest-draft.ts';
import { cutText, pictureOf } from '../../dashboards/src/sre/noisy-geometry.ts';
import { headlineOf } from '../../dashboards/src/sre/noisy-text.ts';
import { eventsOf } from '../../dashboards/src/sre/timeline-events.ts';
import { timelineOf } from '../../dashboards/src/sre/timeline-geometry.ts';
import type { BacktestItem } from '../../src/api/control-contract.ts';
import type { NeighborsAnswer } from '../../src/api/neighbors-contract.ts';

const AT = Date.UTC(2026, 10, 23, 12, 4);
const iso = (ms: number) => new Date(ms).toISOString();

const tenant = (id: string, share: number, usual: number | null) => ({
  ...{ tenant_id: id, now: share * 100, usual: usual === null ? null : usual * 100, share, usual_share: usual },
  ...{ requests_per_minute: 10, usual_requests_per_minute: 10, p95_ms: 100, usual_p95_ms: 50 },
});

const look: NeighborsAnswer = {
  ...{ from: iso(AT - 3_600_000), to: iso(AT + 90_000), service: 'shop', services: ['shop'] },
  ...{ verdict: 'culprit', at: iso(AT), reason: 'acme did it.' },
  victims: [{ tenant_id: 'birch', p95_ms: 400, usual_p95_ms: 100, requests: 12 }],
  suspects: [
    {
      ...{ tenant_id: 'acme', score: 0.8 },
      evidence: {
        ...{ meter: 'cpu', now: 600, usual: 100, excess_share: 1 },
        ...{ requests_per_minute: 60, usual_requests_per_minute: 10 },
      },
    },
  ],
  load: {
    ...{ at: iso(AT), meter: 'cpu', others: 3, others_share: 0.1 },
    tenants: [tenant('acme', 0.6, 0.2), tenant('birch', 0.2, 0.4), tenant('new', 0.1, null)],
  },
  timeline: [],
};

describe('the picture of who hurts whom', () => {
  it('scales bars and marks of the usual alike, and points from the culprit to each victim', () => {
    const picture = pictureOf(look, 1_000);
    const [acme, birch, fresh, rest] = picture.load.rows;
    expect(acme?.bar).toBe(picture.load.width);
    expect(acme?.tick).toBeCloseTo(picture.load.width / 3);
    expect(birch?.tick).toBeCloseTo((picture.load.width * 2) / 3);
    expect([acme?.role, birch?.role, fresh?.tick, rest?.label]).toEqual(['culprit', 'victim', null, '3 other tenants']);
    expect(picture.arrows.map(({ to }) => to)).toEqual(['birch']);
    expect(picture.victims?.rows[0]?.tick).toBeCloseTo((picture.victims?.width ?? 0) / 4);
  });

  it('stands one under the other on a phone, within its width', () => {
    const { load, victims, width, height } = pictureOf(look, 320);
    expect(victims?.y).toBeGreaterThan(load.rows.at(-1)?.y ?? Number.POSITIVE_INFINITY);
    expect(Math.max(load.width, victims?.width ?? 0)).toBeLessThanOrEqual(width);
    expect(height).toBeGreaterThan(victims?.rows[0]?.y ?? Number.POSITIVE_INFINITY);
  });

  it('accuses nobody with an arrow unless somebody did it', () => {
    for (const verdict of ['global_slowdown', 'unclear'] as const) {
      expect(pictureOf({ ...look, verdict }, 1_000).arrows).toEqual([]);
    }
    expect(cutText('abcdefghij', 52)).toBe('abcdef…');
  });

  it('says now, then, and nobody in particular calmly', () => {
    expect(headlineOf(look, AT + 90_000)).toEqual({
      title: 'acme slows 1 tenant on shop',
      tone: 'bad',
      when: 'right now',
    });
    expect(headlineOf(look, AT + 660_000)).toMatchObject({ title: 'acme slowed 1 tenant on shop', tone: 'calm' });
    expect(headlineOf({ ...look, verdict: 'global_slowdown' }, AT).title).toBe(
      '1 tenant is slow on shop, by nobody in particular',
    );
    expect(headlineOf({ ...look, verdict: 'quiet', at: null }, AT)).toMatchObject({ tone: 'calm', when: '' });
  });
});

describe('whom a throttle affects', () => {
  const byRoute = {
    ...{ metric: 'requests', unit: 'requests', step_seconds: 60 },
    series: [
      {
        group: { route: 'GET /a' },
        points: [
          [AT, 100],
          [AT + 60_000, 100],
          [AT + 120_000, 100],
        ],
      },
      { group: { route: 'GET /b' }, points: [[AT, 20]] },
    ],
  } as Parameters<typeof impactOf>[0]['byRoute'];
  const asked = { byRoute, route: '', rate: 1, burst: 10, now: AT + 130_000 };

  it('counts what exceeds the limit minute by minute, in whole minutes and the scope alone', () => {
    // 120 of which 70 pass, then 100 of which 60 do; the third minute is not over.
    expect(impactOf(asked)).toMatchObject({ minutes: 2, requests: 220, refused: 90 });
    expect(impactOf({ ...asked, route: 'GET /b' })).toMatchObject({ minutes: 1, requests: 20, refused: 0 });
    expect(impactSentence(impactOf(asked), 'enforce')).toMatch(
      /110 requests a minute on 2 routes.* about 45 a minute would be refused: 40\.9%/,
    );
    expect(impactSentence(impactOf({ ...asked, rate: 9 }), 'shadow')).toMatch(/none would be counted/);
  });

  it('says how many instances would obey, and when none would', () => {
    const instance = { service: 'shop', instance_id: 'a', live: true } as Parameters<
      typeof instancesSentence
    >[0]['items'][number];
    const gone = { ...instance, live: false };
    expect(instancesSentence({ revision: 1, items: [instance, gone] }, '')).toBe(
      '1 app instance (shop) would obey it.',
    );
    expect(instancesSentence({ revision: 1, items: [instance] }, 'other')).toMatch(/No instance of other is connected/);
  });
});

describe('the timeline', () => {
  const window = { from: AT, to: AT + 600_000 };
  it('joins minutes in a row, keeps to the window, and lays what overlaps in rows of its own', () => {
    const minute = (n: number) => ({
      at: iso(AT + n * 60_000),
      verdict: 'culprit' as const,
      suspect: 'acme',
      victims: 2,
    });
    const events = eventsOf(
      { history: undefined, timeline: [minute(-5), minute(1), minute(2), minute(4)], breakers: [] },
      window,
      window.to,
    );
    expect(events.map(({ from, to }) => [(from - AT) / 60_000, ((to ?? 0) - AT) / 60_000])).toEqual([
      [1, 3],
      [4, 5],
    ]);
    const [first] = events;
    const twice = first === undefined ? [] : [first, { ...first, id: 'other' }];
    const [slow] = timelineOf(twice, window, 500, window.to).lanes;
    expect(slow?.events.map(({ x, width }) => [x, width])).toEqual([
      [50, 100],
      [50, 100],
    ]);
    expect(slow?.events[0]?.y).not.toBe(slow?.events[1]?.y);
  });
});

describe('a draft rule', () => {
  it('asks for the draft and, beside it, the rule in force over the same history', () => {
    const { draft, inForce } = questionsOf({ ...START_FORM, days: '1', ratio: '2', impact: 'no' }, AT);
    expect(draft).toEqual({
      rule: 'tenantry/1',
      from: iso(AT - 86_400_000),
      to: iso(AT),
      draft: { min_ratio: 2, needs_impact: false },
    });
    expect(inForce).toEqual({ rule: 'tenantry/1', from: draft.from, to: draft.to });
    expect(questionsOf(START_FORM, AT)).toMatchObject({ inForce: undefined });
  });

  it('reads labels line by line and names the one that is wrong', () => {
    expect(readLabels('acme, 2026-11-23T10:00Z, 2026-11-23T10:30Z\n').labels).toEqual([
      { tenant_id: 'acme', started_at: 1_795_428_000, ended_at: 1_795_429_800 },
    ]);
    expect(readLabels('acme, 2026-11-23T10:00Z, 2026-11-23T10:30Z\nbirch, later, never').problem).toMatch(/^Line 2:/);
  });

  it('stands beside its partner, tenant by tenant; what was not kept is unknown', () => {
    const example = (id: string, seconds: number | null, right: boolean | null) => ({
      ...{ tenant_id: id, at: iso(AT), metric: 'requests', requests_per_second: 5, seconds, reason: 'r', right },
    });
    const result = {
      ...{ minutes: 1, tenants: 2, findings: 2, held_back: {}, throttles: 2, precision: null, recall: null },
      ...{ false_per_thousand_tenant_days: null, examples: [example('acme', 300, false), example('acme', 600, true)] },
    };
    const partner = { ...result, examples: [example('birch', null, null)] };
    expect(throttledTenants(result, partner)).toMatchObject([
      { tenantId: 'acme', throttles: 2, seconds: 900, wrong: 1, inForce: 0 },
      { tenantId: 'birch', throttles: 0, limit: null, inForce: 1 },
    ]);
    const run = { rule: 'r', from: 'a', to: 'b', labels: null, state: 'done' } as BacktestItem;
    const draft = { ...run, id: 'draft', draft: { min_ratio: 2 } };
    const others = [
      { ...run, id: 'older', draft: {}, from: 'x' },
      { ...run, id: 'mate', draft: {} },
    ];
    expect(partnerOf(draft, [draft, ...others])?.id).toBe('mate');
  });
});
