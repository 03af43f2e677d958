import { expect, it } from 'vitest';
import { type DrillOptions, drill } from '../../src/app/control-drill.ts';

/** A server with app instances that obey after so many ms of its own time; Infinity: never. */
class Drilled {
  on = false;
  revision = 10;
  now = 1_000_000;
  setAt = 0;
  readonly sets: boolean[] = [];
  readonly #delays: readonly number[];
  isDatabaseAway = false;
  failsAtReach = false;

  constructor(delays: readonly number[]) {
    this.#delays = delays;
  }

  readonly options = (more: Partial<DrillOptions> = {}): DrillOptions => ({
    ask: async <Answer>(method: string, path: string, body?: unknown) => {
      return this.#answer(method, path, body) as Answer;
    },
    ...{ reason: 'a drill', withinSeconds: 5, share: 0.99 },
    wait: async (ms) => {
      this.now += ms;
    },
    monotonicMs: () => this.now,
    ...more,
  });

  #answer(method: string, path: string, body: unknown): unknown {
    if (path.startsWith('/v1/control/reach')) {
      if (this.failsAtReach) throw new Error('gone');
      const items = this.#delays.map((delay, index) => {
        const ackedAt = this.setAt + delay;
        const acked = ackedAt <= this.now ? new Date(ackedAt).toISOString() : null;
        return { service: 'shop', instance_id: `i-${index}`, acked_at: acked };
      });
      return { revision: this.revision, items };
    }
    if (method === 'PUT') {
      this.on = (body as { on: boolean }).on;
      this.sets.push(this.on);
      this.setAt = this.now;
      this.revision += 1;
    }
    const at = new Date(this.setAt).toISOString();
    const revision = this.isDatabaseAway ? null : this.revision;
    return { on: this.on, reason: 'incident', by: 'sam', at, source: 'file', revision };
  }
}

const hundred = (slow: number, delay: number) =>
  Array.from({ length: 100 }, (_, index) => (index < slow ? delay : 10 + index));

it('tells for on and for off how fast the instances obeyed, and leaves the switch off', async () => {
  const server = new Drilled(hundred(0, 0));
  const phases = await drill(server.options());
  expect(phases).toEqual([
    { phase: 'on', instances: 100, reached: 100, p50Ms: 59, p99Ms: 108, slowestMs: 109, passed: true },
    { phase: 'off', instances: 100, reached: 100, p50Ms: 59, p99Ms: 108, slowestMs: 109, passed: true },
  ]);
  expect(server.sets).toEqual([true, false]);
});

it('passes with 99 of 100 in time, and not with 98', async () => {
  const one = await drill(new Drilled(hundred(1, Number.POSITIVE_INFINITY)).options());
  expect(one).toMatchObject([{ reached: 99, passed: true }, { passed: true }]);
  const two = await drill(new Drilled(hundred(2, 5_001)).options());
  expect(two).toMatchObject([{ reached: 98, passed: false }, { passed: false }]);
});

it('proves nothing without an instance', async () => {
  expect(await drill(new Drilled([]).options())).toMatchObject([{ instances: 0, p50Ms: null, passed: false }, {}]);
});

it('is not begun while the switch is on, and leaves it so', async () => {
  const server = new Drilled([1]);
  server.on = true;
  await expect(drill(server.options())).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(server.sets).toEqual([]);
});

it.each(['failsAtReach', 'isDatabaseAway'] as const)('switches off again when something fails (%s)', async (fault) => {
  const server = new Drilled([1]);
  server[fault] = true;
  await expect(drill(server.options())).rejects.toThrow();
  expect(server.sets).toEqual([true, false]);
});
