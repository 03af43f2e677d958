import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollupsThatDiffer } from '../../support/clickhouse-recount.ts';
import { LATE_TENANT_VIEWS } from '../../support/embedded-clickhouse.ts';
import { LateTenantWorld, newTrace, WAIT_MS } from '../../support/late-tenant-world.ts';

const LONG_MS = WAIT_MS + 10_000;

let world: LateTenantWorld;

beforeAll(async () => {
  world = await LateTenantWorld.start();
});
afterAll(async () => {
  const differences = await rollupsThatDiffer(world.store.clickhouse, LATE_TENANT_VIEWS);
  const left = [await world.rowsIn('spans_waiting'), await world.rowsIn('adopting_traces')];
  await world.store.stop();
  expect(differences).toEqual([]);
  expect(left).toEqual([0, 0]);
});

describe('cut short', () => {
  /** Fails once the nth statement has been run, as when the process dies then or the answer is lost. */
  function failing(at: number) {
    const { clickhouse } = world.store;
    let count = 0;
    const run = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      count += 1;
      const result = await work();
      if (count === at) throw new Error('cut short');
      return result;
    };
    return {
      statements: () => count,
      clickhouse: {
        command: (sql: string) => run(() => clickhouse.command(sql)),
        inspect: <Row extends object>(sql: string) => run(() => clickhouse.inspect<Row>(sql)),
      },
    };
  }

  async function fill(name: string): Promise<void> {
    const [one, two] = [newTrace(), newTrace()];
    await world.load([
      ...[one, one, two, newTrace()].map((trace) => ({ name, trace })),
      { name: `${name}-named`, trace: one, tenant: 'acme' },
    ]);
    world.time += LONG_MS;
  }

  it('between any two statements, it stores each span once, with the first answer', async () => {
    await fill('counted');
    const counting = failing(0);
    await world.loader({ clickhouse: counting.clickhouse }).adopt(world.time);
    const statements = counting.statements();
    expect(statements).toBeGreaterThan(8);
    for (let at = 3; at <= statements; at += 1) {
      const name = `cut-${at}`;
      await fill(name);
      const late = world.loader({ clickhouse: failing(at).clickhouse });
      await late.adopt(world.time);
      expect(late.figures().trouble, name).toBe('cut short');
      await world.loader().adopt(world.time);
      expect(await world.stored(name), name).toEqual(['(unknown)', '(unknown)', 'acme adopted', 'acme adopted']);
    }
  });

  it('keeps the answer that was written down, whoever names the trace then', async () => {
    const trace = newTrace();
    await world.load([{ name: 'answered', trace }]);
    world.time += LONG_MS;
    const pieceFails = {
      inspect: <Row extends object>(sql: string) => world.store.clickhouse.inspect<Row>(sql),
      command: async (sql: string) => {
        await world.store.clickhouse.command(sql);
        if (sql.startsWith('INSERT INTO adopting_traces')) throw new Error('cut short');
      },
    };
    await world.loader({ clickhouse: pieceFails }).adopt(world.time);
    await world.load([{ name: 'answered-named', trace, tenant: 'acme' }]);
    await world.loader().adopt(world.time);
    expect(await world.stored('answered')).toEqual(['(unknown)']);
  });

  it('goes on without an answer when none can be had, and with segments until the engine might forget', async () => {
    const refusing = (pattern: RegExp) => ({
      inspect: <Row extends object>(sql: string) => world.store.clickhouse.inspect<Row>(sql),
      command: async (sql: string) => {
        if (pattern.test(sql)) throw new Error('refused');
        await world.store.clickhouse.command(sql);
      },
    });
    const trace = newTrace();
    await world.load([
      { name: 'unanswerable', trace },
      { name: 'unanswerable-named', trace, tenant: 'acme' },
    ]);
    const blind = world.loader({ clickhouse: refusing(/FROM spans\b(?!_)/) });
    for (const ms of [LONG_MS, 1_000]) {
      await world.pass(ms, blind);
      expect(blind.figures().trouble).toBe('refused');
    }
    await world.pass(2_000, blind);
    expect(blind.figures().trouble).toBeUndefined();
    expect(await world.stored('unanswerable')).toEqual(['(unknown)']);

    await world.load([{ name: 'refused', trace }]);
    world.time += LONG_MS;
    const stuck = world.loader({ clickhouse: refusing(/INTO span_landing/) });
    await stuck.adopt(world.time);
    const itsSegment = { signal: 'traces' as const, path: '', token: `${world.time - LONG_MS}-0000000000000000` };
    expect(() => stuck.batched(itsSegment)).toThrow(/just being stored/);
    for (let segment = 0; segment < 1_000; segment += 1) stuck.loaded();
    await expect(stuck.adopt(world.time)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await world.loader().adopt(world.time);
    expect(await world.stored('refused')).toEqual(['acme adopted']);
  });
});
