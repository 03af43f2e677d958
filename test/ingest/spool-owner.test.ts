import { afterEach, beforeEach, expect, it } from 'vitest';
import { appendNamed, SpoolBench } from '../support/ingest-spool.ts';

let bench: SpoolBench;
beforeEach(() => {
  bench = new SpoolBench();
});
afterEach(() => bench.end());

it('a spool that is open is not opened again, and its open segment is left alone', async () => {
  const spool = await bench.open();
  await appendNamed(spool, 'first');
  await expect(bench.open()).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' });
  await appendNamed(spool, 'second');
  await spool.close();
  expect(bench.sealedNames()).toEqual(['first', 'second']);
});
