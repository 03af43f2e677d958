import { expect, test } from 'vitest';
import { quarantineCommand } from '../../src/app/commands/quarantine.ts';
import type { QuarantinedDetail } from '../../src/domain/quarantine.ts';
import { commandWorld } from '../support/command-world.ts';

const world = commandWorld(quarantineCommand);

function put(id: string, changes: Partial<QuarantinedDetail> = {}): void {
  world.api.ports.quarantine.items.push({
    ...{ id, kind: 'refused', signal: 'traces', reason: 'no such type', bytes: 10 },
    ...{ quarantinedAt: Date.UTC(2026, 0, 1), receivedAt: null, keyId: 'key-7', keyTenant: null, texts: ['shop'] },
    ...changes,
  });
}

test('replays everything that can be loaded, and leaves what is damaged or came later', async () => {
  for (const id of ['first', 'second']) put(id);
  put('damaged', { kind: 'corrupt' });
  put('from-now-on', { quarantinedAt: Date.now() + 60_000 });
  expect(await world.run('replay', '--all')).toBe(
    'first waits to be loaded.\nsecond waits to be loaded.\n2 requests were put back.\n',
  );
  expect(world.api.ports.quarantine.items.map(({ id }) => id)).toEqual(['damaged', 'from-now-on']);
});

test('replays those that are named, and wants to know which', async () => {
  for (const id of ['first', 'second']) put(id);
  expect(await world.run('replay', 'second')).toBe('second waits to be loaded.\n');
  await expect(world.run('replay')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(world.run('replay', 'first', '--all')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  expect(world.api.ports.quarantine.items.map(({ id }) => id)).toEqual(['first']);
});

test('lists with the reason, shows what can be read, and drops for good', async () => {
  expect(await world.run('list')).toContain('No request is in quarantine.');
  put('first');
  expect(await world.run('list')).toMatch(/^first +refused +traces +10 .* key-7 +no such type/m);
  expect(await world.run('show', 'first')).toMatch(/Readable in it:\n {2}shop/);
  expect(await world.run('drop', 'first')).toBe('first is gone.\n');
  expect(world.api.ports.quarantine.items).toEqual([]);
});
