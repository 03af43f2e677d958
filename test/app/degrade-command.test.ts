import { expect, test } from 'vitest';
import { degradeCommand } from '../../src/app/commands/degrade.ts';
import { OWN } from '../support/api-harness.ts';
import { commandWorld } from '../support/command-world.ts';

const world = commandWorld(degradeCommand);
const { run } = world;

test('takes a feature from a tenant, shows it beside what caps took, and lifts both', async () => {
  expect(await run('list')).toBe('No feature is taken from anybody.\n');
  const said = await run('set', OWN, 'blocked', '--reason', 'a key leaked', '--seconds', '60');
  expect(said).toMatch(/^ai of acme is at the step blocked until \d{4}-/);
  await run('set', OWN, 'warn', '--reason', 'loops', '--feature', 'ai.model.gpt-4o');
  const cap = {
    tenantId: OWN,
    feature: 'ai.key.bob',
    step: 'cached_only',
    expiresInSeconds: 60,
    reason: '91 %',
  } as const;
  const { id } = world.api.ports.degradations.byLadder(cap);
  const text = await run('list', '--tenant', OWN);
  expect(text).toMatch(/acme +ai +blocked +admin-token .* a key leaked/);
  expect(text).toMatch(/acme +ai\.model\.gpt-4o +warn +admin-token /);
  expect(text).toMatch(/acme +ai\.key\.bob +cached_only +its spend cap /);
  expect(await run('lift', id)).toBe(`${id} is lifted.\n`);
  await expect(run('lift', id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  ['a missing reason', ['set', OWN, 'warn'], /--reason/],
  ['too short a life', ['set', OWN, 'warn', '--reason', 'x', '--seconds', '1'], /5 to 86400/],
  ['the step that is none', ['set', OWN, 'ok', '--reason', 'x'], /warn, cached_only, blocked/],
  ['a feature that no app asks for', ['set', OWN, 'warn', '--reason', 'x', '--feature', 'export'], /ai\.key/],
])('refuses %s before it asks the server', async (_what, words, message) => {
  await expect(run(...words)).rejects.toThrow(message);
  expect(world.api.ports.degradations.orders).toEqual([]);
});
