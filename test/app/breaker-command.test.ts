import { expect, test } from 'vitest';
import { breakerCommand } from '../../src/app/commands/breaker.ts';
import { OWN } from '../support/api-harness.ts';
import { commandWorld } from '../support/command-world.ts';

const world = commandWorld(breakerCommand);
const { run } = world;

test('says so when nothing is open', async () => {
  expect(await run('list')).toBe('Every breaker that is known is closed, and no order is in force.\n');
});

test('forces a breaker open, closed and back to its own judgement, shows the order, and lifts it', async () => {
  const opened = await run('open', OWN, 'stripe', '--reason', 'stripe asked us to stop', '--seconds', '60');
  expect(opened).toMatch(/^The breaker of acme for stripe is open until \d{4}-/);
  expect(await run('list', '--tenant', OWN, '--integration', 'stripe')).toMatch(/^acme +stripe +open .* open until /m);
  expect(await run('list', '--state', 'half_open')).toContain('no order is in force');
  await run('close', OWN, 'stripe', '--reason', 'our own fault');
  await run('auto', OWN, 'stripe', '--reason', 'mended');
  expect(world.api.ports.breakers.orders.map(({ state, reason, createdBy }) => [state, reason, createdBy])).toEqual([
    ['auto', 'mended', 'admin-token'],
    ['closed', 'our own fault', 'admin-token'],
    ['open', 'stripe asked us to stop', 'admin-token'],
  ]);
  const id = world.api.ports.breakers.orders[0]?.id ?? '';
  expect(await run('lift', id)).toBe(`Order ${id} is lifted.\n`);
  await expect(run('lift', id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('tells of flapping, with the order that would end it', async () => {
  const openings = [1, 2, 3].map((number) => ({ number, ms_ago: number * 1_000 }));
  await world.api.ports.breakers.report('key', {
    ...{ instance_id: 'shop-1', service: 'shop', lost: 0 },
    breakers: [
      { tenant_id: OWN, integration: 'stripe', state: 'closed', since_ms: 5, calls: 0, failures: 0, openings },
    ],
  });
  const text = await run('list');
  expect(text).toContain('Flapping: stripe of acme opened 3 times within 10 minutes in 1 of 1 instances');
  expect(text).toContain('tenantry breaker open acme stripe --seconds 600 --reason flapping');
});

test.each([
  ['a missing reason', ['open', OWN, 'stripe'], /--reason/],
  ['too short a life', ['open', OWN, 'stripe', '--reason', 'x', '--seconds', '1'], /5 to 86400/],
  ['an unknown state', ['list', '--state', 'ajar'], /open, half_open, closed/],
])('refuses %s before it asks the server', async (_what, words, message) => {
  await expect(run(...words)).rejects.toThrow(message);
  expect(world.api.ports.breakers.orders).toEqual([]);
});
