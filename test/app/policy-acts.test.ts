import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { facts } from '../support/control-situation.ts';
import { at, rates } from '../support/detect-series.ts';
import { DetectorWorld } from '../support/flow-detector-world.ts';

/** Intervals of history before anything happens: more than the hour that the rule asks for. */
const WARM = 370;
/** The third interval of the surge is the one in which it is found. */
const FOUND = WARM + 3;
const _ATTENTION = 40;

const calm = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [`calm-${index}`, { requests: rates([WARM + 100, 2]) }]),
);
const stories = { ...calm, noisy: { requests: rates([WARM, 2], [30, 20], [70, 2]) } };
const _everybody = Object.fromEntries(
  Object.keys(calm).map((name) => [name, { requests: rates([WARM, 2], [60, 20]) }]),
);

let folder: string;
let stateFile: string;
let world: DetectorWorld;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-detector-'));
  stateFile = join(folder, 'state.json');
  world = new DetectorWorld(stories);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function foreign(id: string): Anomaly {
  return {
    id,
    tenantId: 'somebody' as TenantId,
    metric: 'requests',
    startedAt: at(WARM - 10),
    detectedAt: at(WARM - 8),
    endedAt: null,
    value: 9,
    baseline: 1,
    ratio: 9,
    rule: 'owner-ratio/1',
    reason: 'of another life',
  };
}

describe('findings of others', () => {
  const minuteFinding = (more: Partial<Anomaly> = {}): Anomaly => ({
    ...foreign('of-minutes'),
    ...{ tenantId: 'calm-1' as TenantId, rule: 'tenantry/1', metric: 'cpu_ms', ratio: 8, ...more },
  });

  it('about whole minutes lead to a throttle too, at what the tenant usually sends', async () => {
    world.findings.set('of-minutes', minuteFinding());
    world.evidence = { tenants: [{ ...facts('calm-1'), requestsPerSecond: 2 }] };
    await world.run(world.loop(stateFile), WARM - 20, WARM - 20);
    expect(world.throttles.map(({ asked }) => asked)).toMatchObject([
      { tenantId: 'calm-1', anomalyId: 'of-minutes', limit: { requestsPerSecond: 3 } },
    ]);
    expect(world.findings.get('of-minutes')?.endedAt).toBeNull();
  });

  it('about a route hold for that route', async () => {
    world.findings.set('of-minutes', minuteFinding({ metric: 'requests on /orders', value: 90, baseline: 10 }));
    await world.run(world.loop(stateFile), WARM - 20, WARM - 20);
    expect(world.throttles.map(({ asked }) => asked)).toMatchObject([
      { scope: { route: '/orders' }, limit: { requestsPerSecond: 15 } },
    ]);
  });

  it('of rules that only tell lead to nothing', async () => {
    world.findings.set('of-minutes', minuteFinding({ rule: 'budget-burn/1' }));
    await world.run(world.loop(stateFile), WARM - 20, WARM - 20);
    expect(world.throttles).toEqual([]);
  });
});

describe("a plan's ceiling", () => {
  it('that is passed is a finding, limits at what the plan allows, and ends with the surge', async () => {
    world.ceilings = new Map([['noisy' as TenantId, 12]]);
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND + 1);
    const found = [...world.findings.values()].filter(({ rule }) => rule === 'plan-ceiling/1');
    expect(found).toMatchObject([
      {
        ...{ tenantId: 'noisy', metric: 'plan_ceiling', value: 20, baseline: 12, endedAt: null },
        reason: 'noisy sent 20 requests/s, its plan allows 12, in 4 of 5 intervals of 10 s',
      },
    ]);
    await world.run(loop, FOUND + 2, WARM + 45);
    expect(world.openFindings()).toEqual([]);
  });

  it('that cannot be read keeps nothing else from being done', async () => {
    world.fail('ceilings', 100);
    await world.run(world.loop(stateFile), WARM, FOUND);
    expect(world.throttles).toHaveLength(1);
    expect(world.logged('the ceilings of plans were not read').length).toBeGreaterThan(0);
  });
});

describe('a throttle that does not help', () => {
  it('is lifted, and its tenant is not throttled again for a while', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND);
    const [first] = world.throttles;
    const effect = { throttleId: first?.record.flag.id ?? '', victimsP95BeforeMs: 900 };
    world.evidence = { effects: [{ ...effect, victimsP95NowMs: 880 }] };
    await world.run(loop, FOUND + 1, FOUND + 23);
    expect(world.throttles.map(({ record }) => record.liftedBy)).toEqual([null]);
    await world.run(loop, FOUND + 24, WARM + 29);
    expect(world.throttles).toHaveLength(1);
    expect(world.throttles[0]?.record).toMatchObject({ liftedBy: 'detector', liftedAt: at(FOUND + 24) + 3_000 });
    expect(world.noted.map(({ kind }) => kind)).toContain('lift');
    expect(world.noted.some((action) => action.kind === 'alert' && action.heldBackBy === 'reverted-lately')).toBe(true);
  });

  it('is not lifted while its victims get better', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND);
    const throttleId = world.throttles[0]?.record.flag.id ?? '';
    world.evidence = { effects: [{ throttleId, victimsP95BeforeMs: 900, victimsP95NowMs: 300 }] };
    await world.run(loop, FOUND + 1, WARM + 29);
    expect(world.throttles[0]?.record.liftedAt).toBeNull();
  });
});

describe('a throttle that a person decides about', () => {
  it('is asked for once, and written when they agree', async () => {
    world.evidence = { tenants: [{ ...facts('noisy'), guardedBecause: 'people decide about its plan' }] };
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND);
    const anomalyId = world.openFindings()[0]?.id ?? '';
    expect(world.asked).toEqual([anomalyId]);
    const answered = (state: 'pending' | 'approved') => ({
      ...world.evidence,
      approvals: [{ anomalyId, state, by: state === 'approved' ? 'bob' : null }],
    });
    world.evidence = answered('pending');
    await world.run(loop, FOUND + 1, FOUND + 3);
    expect(world.asked).toHaveLength(1);
    expect(world.throttles).toEqual([]);
    world.evidence = answered('approved');
    await world.run(loop, FOUND + 4, FOUND + 4);
    expect(world.throttles).toHaveLength(1);
    expect(world.throttles[0]?.asked.reason).toContain('approved by bob');
    expect(world.noted.map(({ kind }) => kind)).toEqual(['ask', 'alert', 'throttle']);
  });
});

describe('a person who is faster', () => {
  it('wins: nothing is written, and the decision says why', async () => {
    world.fail('conflict');
    expect(await world.run(world.loop(stateFile), WARM, FOUND)).toEqual([]);
    expect(world.throttles).toEqual([]);
    expect(world.noted).toMatchObject([{ kind: 'alert', heldBackBy: 'person-was-faster' }]);
  });
});
