import { afterAll, beforeAll, expect, it } from 'vitest';
import { DetectorStateStore } from '../../../src/store/postgres/detector-state-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

let db: TestPostgres;
beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(async () => db.stop());

it('keeps the newest bytes of each shard', async () => {
  const store = new DetectorStateStore(db.postgres);
  expect(await store.load()).toEqual([]);
  const first = { shard: 0, judgedUntil: 29_700_000, toldUntil: 29_700_001, state: Uint8Array.from([0, 255, 39, 92]) };
  await store.save([first, { ...first, shard: 7, state: new Uint8Array(300_000).fill(8) }]);
  await store.save([{ ...first, judgedUntil: 29_700_005, state: Uint8Array.of(1) }]);
  const loaded = await store.load();
  expect(
    loaded.map(({ shard, judgedUntil, toldUntil, state }) => [shard, judgedUntil, toldUntil, state.length]),
  ).toEqual([
    [0, 29_700_005, 29_700_001, 1],
    [7, 29_700_000, 29_700_001, 300_000],
  ]);
  expect([...(loaded[0]?.state ?? [])]).toEqual([1]);
});
