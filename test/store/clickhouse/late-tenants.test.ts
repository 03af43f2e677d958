import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollupsThatDiffer } from '../../support/clickhouse-recount.ts';
import { LATE_TENANT_VIEWS } from '../../support/embedded-clickhouse.ts';
import { LateTenantWorld, newTrace, WAIT_MS } from '../../support/late-tenant-world.ts';

/** Longer than a span waits, with the closing of its batch and the settling of the queue. */
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

describe('a span without a tenant', () => {
  it('takes that of its trace when it was there before', async () => {
    const trace = newTrace();
    await world.load([{ name: 'before-named', trace, tenant: 'acme' }]);
    await world.pass(5_000);
    await world.load([{ name: 'before', trace }]);
    expect(await world.stored('before')).toEqual([]);
    await world.pass(LONG_MS);
    expect(await world.stored('before')).toEqual(['acme adopted']);
    expect(await world.stored('before-named')).toEqual(['acme']);
  });

  it('takes that of its trace out of the same segment', async () => {
    const trace = newTrace();
    await world.load([
      { name: 'beside', trace },
      { name: 'beside-named', trace, tenant: 'acme' },
    ]);
    await world.pass(LONG_MS);
    expect(await world.stored('beside')).toEqual(['acme adopted']);
  });

  it('takes that of its trace when it arrives within the wait', async () => {
    const trace = newTrace();
    await world.load([{ name: 'after', trace }]);
    await world.pass(WAIT_MS - 1_000);
    await world.load([{ name: 'after-named', trace, tenant: 'globex' }]);
    await world.pass(LONG_MS);
    expect(await world.stored('after')).toEqual(['globex adopted']);
  });

  it('stays without one when nobody names any, and when it comes too late', async () => {
    const trace = newTrace();
    await world.load([
      { name: 'too-late', trace },
      { name: 'alone', trace: newTrace() },
    ]);
    await world.pass(LONG_MS);
    await world.load([{ name: 'too-late-named', trace, tenant: 'acme' }]);
    await world.pass(LONG_MS);
    expect(await world.stored('too-late')).toEqual(['(unknown)']);
    expect(await world.stored('alone')).toEqual(['(unknown)']);
  });
});
