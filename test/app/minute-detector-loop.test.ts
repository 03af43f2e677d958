import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { MinuteDetectorLoop, type MinuteDetectorLoopOptions } from '../../src/app/minute-detector-loop.ts';
import type { MeasuredMinute } from '../../src/detect/minute-detector.ts';
import type { Anomaly } from '../../src/domain/anomaly.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const MINUTE_MS = 60_000;
const DAY = 1_440;
const MONDAY = Date.UTC(2026, 10, 2) / MINUTE_MS;
const SURGE_AT = 3 * DAY + 600;

/** One tenant's rollups, an anomaly table and a state table, all in memory. */
class World {
  /** Minutes that have been counted. */
  counted = 0;
  leads = true;
  failAnomalies = false;
  readonly asked: number[] = [];
  readonly said: { minutesLeft?: number; msg: string }[] = [];
  readonly stored = new Map<string, Anomaly>();
  readonly shards = new Map<number, { shard: number; judgedUntil: number; toldUntil: number; state: Uint8Array }>();
  readonly #minutes: MeasuredMinute[];

  constructor() {
    const random = seeded('loop');
    this.#minutes = Array.from({ length: 4 * DAY }, (_, index) => {
      const surge = index >= SURGE_AT && index < SURGE_AT + 40 ? 5 : 1;
      const requests = poisson(random, 200) * surge;
      return { minute: MONDAY + index, tenants: new Map([['acme', new Map([['requests', requests]])]]) };
    });
  }

  loop(): MinuteDetectorLoop {
    const options: MinuteDetectorLoopOptions = {
      minutes: async ({ from, to }) => {
        this.asked.push(from / MINUTE_MS - MONDAY);
        return this.#minutes.filter(({ minute }) => minute * MINUTE_MS >= from && minute * MINUTE_MS < to);
      },
      dataUntil: async () => (MONDAY + this.counted) * MINUTE_MS + 5_000,
      anomalies: {
        open: async (anomaly) => {
          if (this.failAnomalies) throw new Error('the database is away');
          this.stored.set(anomaly.id, anomaly);
          return anomaly;
        },
        update: async () => true,
        close: async (anomaly, endedAt) => {
          this.stored.set(anomaly.id, { ...anomaly, endedAt });
          return true;
        },
        openOnes: async () => [...this.stored.values()].filter(({ endedAt }) => endedAt === null),
      },
      states: {
        load: async () => [...this.shards.values()],
        save: async (shards) => {
          for (const shard of shards) this.shards.set(shard.shard, shard);
        },
      },
      leadership: { isLeader: async () => this.leads },
      log: pino(
        { level: 'info' },
        { write: (line) => this.said.push(JSON.parse(line) as { minutesLeft?: number; msg: string }) },
      ),
    };
    return new MinuteDetectorLoop(options);
  }

  /** Ticks until everything that has been counted has been judged. */
  async tickTo(loop: MinuteDetectorLoop, counted: number): Promise<void> {
    this.counted = counted;
    for (let turn = 0; turn < 30; turn += 1) await loop.tick();
  }

  findings() {
    return [...this.stored.values()].map(({ tenantId, metric, rule, startedAt, endedAt }) => ({
      tenantId,
      metric,
      rule,
      startedAt: startedAt / MINUTE_MS - MONDAY,
      ended: endedAt !== null,
    }));
  }
}

const FOUND = { tenantId: 'acme', metric: 'requests', rule: 'tenantry/1', startedAt: SURGE_AT };

describe('the loop of the minute detectors', () => {
  it('learns from the stored past in silence, then writes a finding down and ends it', async () => {
    const world = new World();
    const loop = world.loop();
    await world.tickTo(loop, SURGE_AT);
    expect(world.findings()).toEqual([]);
    await world.tickTo(loop, SURGE_AT + 10);
    expect(world.findings()).toEqual([{ ...FOUND, ended: false }]);
    expect(loop.open().map(({ reason }) => reason)).toEqual([
      expect.stringMatching(
        /^acme sent [45]\.\dx its usual Thursday-10:00 requests \(.* a minute\) for 3 of 3 minutes$/,
      ),
    ]);
    await world.tickTo(loop, SURGE_AT + 60);
    expect(world.findings()).toEqual([{ ...FOUND, ended: true }]);
    expect(loop.open()).toEqual([]);
  });

  it('says how much of the past is left to read back, and when it is done', async () => {
    const world = new World();
    world.counted = 2 * DAY;
    const loop = world.loop();
    for (let tick = 0; tick < 40; tick += 1) await loop.tick();
    const left = world.said.flatMap(({ minutesLeft }) => minutesLeft ?? []);
    expect(left.length).toBeGreaterThan(2);
    expect(left).toEqual(left.toSorted((one, other) => other - one));
    expect(world.said.filter(({ msg }) => msg.startsWith('the stored minutes are read back'))).toHaveLength(1);
  });

  it('says nothing of surges that were over before it was ever started', async () => {
    const world = new World();
    await world.tickTo(world.loop(), SURGE_AT + 200);
    expect(world.findings()).toEqual([]);
  });

  it('goes on after a restart from what was saved, with the finding that was open', async () => {
    const world = new World();
    const first = world.loop();
    await world.tickTo(first, SURGE_AT);
    await world.tickTo(first, SURGE_AT + 10);
    await first.save();
    world.asked.length = 0;
    const second = world.loop();
    await world.tickTo(second, SURGE_AT + 60);
    expect(Math.min(...world.asked)).toBe(SURGE_AT + 10);
    expect(world.findings()).toEqual([{ ...FOUND, ended: true }]);
  });

  it('finds after a crash what it had not told, and tells nothing twice', async () => {
    const world = new World();
    const first = world.loop();
    await world.tickTo(first, SURGE_AT - 5);
    // Killed without a last save: the next one reads the minutes since the last save of each part again.
    await world.tickTo(world.loop(), SURGE_AT + 60);
    expect(world.findings()).toEqual([{ ...FOUND, ended: true }]);
    await world.tickTo(world.loop(), SURGE_AT + 90);
    expect(world.findings()).toHaveLength(1);
  });

  it('tells again what could not be written down', async () => {
    const world = new World();
    const loop = world.loop();
    await world.tickTo(loop, SURGE_AT);
    world.failAnomalies = true;
    world.counted = SURGE_AT + 10;
    await expect(loop.tick()).rejects.toThrow('away');
    expect(world.findings()).toEqual([]);
    world.failAnomalies = false;
    await world.tickTo(loop, SURGE_AT + 12);
    expect(world.findings()).toEqual([{ ...FOUND, ended: false }]);
  });

  it('does nothing while another one leads', async () => {
    const world = new World();
    world.leads = false;
    await world.tickTo(world.loop(), SURGE_AT + 10);
    expect(world.asked).toEqual([]);
    expect(world.shards.size).toBe(0);
  });
});
