import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { at, rates } from '../support/detect-series.ts';
import { DetectorWorld } from '../support/flow-detector-world.ts';

/** Intervals of history before anything happens: more than the hour that the rule asks for. */
const WARM = 370;
/** The third interval of the surge is the one in which it is found. */
const FOUND = WARM + 3;
const ATTENTION = 40;

const calm = Object.fromEntries(
  Array.from({ length: 10 }, (_, index) => [`calm-${index}`, { requests: rates([WARM + 100, 2]) }]),
);
const stories = { ...calm, noisy: { requests: rates([WARM, 2], [30, 20], [70, 2]) } };
const everybody = Object.fromEntries(Object.keys(calm).map((name) => [name, { requests: rates([WARM, 2], [60, 20]) }]));

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

describe('a surge', () => {
  it.each(['enforce', 'shadow'] as const)('is stored, then answered by one throttle in mode %s', async (mode) => {
    const loop = world.loop(stateFile, mode);
    expect(await world.run(loop, WARM, FOUND)).toEqual([]);
    const [finding] = world.openFindings();
    expect(finding).toMatchObject({ tenantId: 'noisy', metric: 'requests', baseline: 2, ratio: 10 });
    expect(world.throttles).toHaveLength(1);
    expect(world.throttles[0]).toMatchObject({
      actor: { kind: 'system', subject: 'detector' },
      asked: { tenantId: 'noisy', mode, anomalyId: finding?.id, expiresInSeconds: 300 },
    });
    expect(loop.figures()).toMatchObject({
      ...{ lastTickAt: at(FOUND) + 3_000, suspended: null, openFindings: 1, leader: true, unjudgedIntervals: 0 },
    });
  });

  it('ends with its finding closed, and no throttle is written after it', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, WARM + 60);
    expect(world.findings.size).toBe(1);
    expect(world.openFindings()).toEqual([]);
    const [finding] = world.findings.values();
    expect(finding?.endedAt).toBe(at(WARM + 30));
    expect(world.throttles).toHaveLength(2);
    expect(world.throttles[1]?.record.createdAt).toBeLessThanOrEqual(at(WARM + 35) + 3_000);
    expect(loop.figures().openFindings).toBe(0);
  });

  it('is only told to people where the detector may not act, once and not with every tick', async () => {
    await world.run(world.loop(stateFile, 'off'), WARM, WARM + 25);
    expect(world.throttles).toEqual([]);
    expect(world.openFindings()).toHaveLength(1);
    expect(world.logged('not throttled: automatic throttling is off')).toHaveLength(1);
  });

  it('of everybody throttles nobody and wakes somebody once', async () => {
    world = new DetectorWorld(everybody);
    await world.run(world.loop(stateFile), WARM, WARM + 25);
    expect(world.openFindings()).toHaveLength(10);
    expect(world.throttles).toEqual([]);
    expect(world.logged('automatic throttling is suspended, because a cause')).toMatchObject([{ level: 50 }]);
  });
});

describe('data that is missing', () => {
  it('is not judged, and nothing is done on the old', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, WARM + 2);
    world.lateBy = 6;
    await world.run(loop, FOUND, WARM + 6);
    expect(world.findings.size).toBe(0);
    expect(world.throttles).toEqual([]);
    expect(loop.figures().suspended).toMatch(/the newest data is 63 s old/);
    world.lateBy = 0;
    await world.run(loop, WARM + 7, WARM + 7);
    expect(world.openFindings()).toMatchObject([{ tenantId: 'noisy', startedAt: at(WARM) }]);
    expect(loop.figures().suspended).toBeNull();
  });

  it('while a finding is open leaves it open, and its throttle to its own end', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND);
    world.lateBy = 40;
    await world.run(loop, FOUND + 1, WARM + 36);
    expect(world.openFindings()).toHaveLength(1);
    expect(world.throttles).toHaveLength(1);
  });
});

describe('a process that does not lead', () => {
  it('reads nothing and writes nothing', async () => {
    world.leads = false;
    const loop = world.loop(stateFile);
    expect(await world.run(loop, WARM, WARM + 10)).toEqual([]);
    expect(world.looks).toBe(0);
    expect(world.findings.size + world.throttles.length).toBe(0);
    expect(loop.figures().leader).toBe(false);
  });

  it('and led before goes on where the stores are when it leads again, not where its memory is', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, FOUND);
    const [mine] = world.openFindings();
    world.leads = false;
    await world.run(loop, FOUND + 1, FOUND + 2);
    expect(loop.figures()).toMatchObject({ leader: false });
    // What another leader has opened meanwhile and never closed.
    world.findings.set('theirs', foreign('theirs'));
    world.leads = true;
    await world.run(loop, FOUND + 3, FOUND + 5);
    expect(world.openFindings().map(({ id }) => id)).toEqual([mine?.id]);
    expect(world.findings.get('theirs')?.endedAt).not.toBeNull();
    expect(world.throttles).toHaveLength(1);
  });
});

describe('a store that fails half-way', () => {
  it.each(['activity', 'open', 'create'] as const)(
    'in %s fails that tick alone: afterwards one finding is open, and one throttle names it',
    async (fault) => {
      const loop = world.loop(stateFile);
      await world.run(loop, WARM, WARM + 2);
      world.fail(fault);
      expect(await world.run(loop, FOUND, FOUND + 3)).toEqual([new Error(`${fault} fails`)]);
      expect(world.openFindings()).toHaveLength(1);
      expect(world.throttles).toHaveLength(1);
      expect(world.throttles[0]?.record.anomalyId).toBe(world.openFindings()[0]?.id);
      expect(loop.figures()).toMatchObject({ openFindings: 1, suspended: null });
    },
  );

  it('when the end is to be stored closes the finding with the next tick', async () => {
    const loop = world.loop(stateFile);
    await world.run(loop, WARM, WARM + 34);
    world.fail('close');
    expect(await world.run(loop, WARM + 35, WARM + 37)).toEqual([new Error('close fails')]);
    expect(world.openFindings()).toEqual([]);
    expect([...world.findings.values()].map(({ endedAt }) => endedAt)).toEqual([at(WARM + 30)]);
  });
});

describe('a restart', () => {
  it('in the middle of a surge keeps the finding, its id and its throttle', async () => {
    await world.run(world.loop(stateFile), WARM, FOUND + 2);
    const before = world.openFindings().map(({ id }) => id);
    const loop = world.loop(stateFile);
    await world.run(loop, FOUND + 5, FOUND + 10);
    expect(world.openFindings().map(({ id }) => id)).toEqual(before);
    expect(world.findings.size).toBe(1);
    expect(world.throttles).toHaveLength(1);
    await world.run(loop, FOUND + 11, WARM + ATTENTION);
    expect(world.openFindings()).toEqual([]);
  });

  it('closes findings that nobody watches any more', async () => {
    world.findings.set('left over', foreign('left over'));
    await world.run(world.loop(stateFile), WARM - 5, WARM - 5);
    expect(world.findings.get('left over')?.endedAt).toBe(at(WARM - 5) + 3_000);
    expect(world.logged('closing a finding from before the restart')).toHaveLength(1);
  });

  it.each(['', '{"rule":"owner-ratio/1","ten', '{"rule":"another/9","tenants":[]}'])(
    'with a state that cannot be read (%s) starts anew instead of acting on half a memory',
    async (text) => {
      await world.run(world.loop(stateFile), WARM, FOUND);
      expect(readFileSync(stateFile, 'utf8')).toContain('noisy');
      writeFileSync(stateFile, text);
      world.memory = { ...world.memory, detector: text };
      const [old] = world.openFindings();
      expect(await world.run(world.loop(stateFile), FOUND + 1, FOUND + 4)).toEqual([]);
      expect(world.findings.get(old?.id ?? '')?.endedAt).not.toBeNull();
      expect(world.openFindings().length).toBeLessThanOrEqual(1);
      expect(world.throttles.length).toBe(1);
    },
  );
});

describe('another server that takes over', () => {
  it('goes on with the finding and its throttle, without a file of its own', async () => {
    await world.run(world.loop(stateFile), WARM, FOUND + 2);
    const before = world.openFindings().map(({ id }) => id);
    const loop = world.loop(join(folder, 'elsewhere.json'));
    await world.run(loop, FOUND + 3, FOUND + 8);
    expect(world.openFindings().map(({ id }) => id)).toEqual(before);
    expect(world.findings.size).toBe(1);
    expect(world.throttles).toHaveLength(1);
    expect(loop.figures()).toMatchObject({ leader: true, unjudgedIntervals: 0 });
  });

  it('pages nobody about what was paged about, and says so all the same', async () => {
    world = new DetectorWorld(everybody);
    await world.run(world.loop(stateFile), WARM, WARM + 10);
    const next = world.loop(join(folder, 'elsewhere.json'));
    await world.run(next, WARM + 11, WARM + 20);
    expect(world.logged('automatic throttling is suspended, because a cause')).toHaveLength(1);
    expect(next.page()).toContain('automatic throttling is suspended');
    expect(world.throttles).toEqual([]);
  });

  it('finds what began while nobody looked, if that was not long ago', async () => {
    await world.run(world.loop(stateFile), WARM - 1, WARM);
    await world.run(world.loop(join(folder, 'elsewhere.json')), WARM + 20, WARM + 20);
    expect(world.openFindings()).toMatchObject([{ tenantId: 'noisy', startedAt: at(WARM) }]);
    expect(world.logged('were not judged')).toEqual([]);
  });

  it('says how many intervals nobody has judged', async () => {
    await world.run(world.loop(stateFile), WARM - 101, WARM - 100);
    const loop = world.loop(join(folder, 'elsewhere.json'));
    await world.run(loop, WARM - 40, WARM - 39);
    expect(loop.figures()).toMatchObject({ unjudgedIntervals: 30 });
    expect(world.logged('5 minutes were not judged')).toHaveLength(1);
  });
});
