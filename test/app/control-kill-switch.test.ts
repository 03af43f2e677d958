import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KillSwitch, type KillSwitchOptions } from '../../src/app/control-kill-switch.ts';
import type { StaffActor } from '../../src/domain/actor.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
let folder: string;
let file: string;
let audited: unknown[];
let opened: KillSwitch[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-kill-switch-'));
  file = join(folder, 'kill-switch');
  audited = [];
  opened = [];
});
afterEach(() => {
  for (const one of opened) one.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function open(
  more: Partial<KillSwitchOptions> = {},
): Promise<{ readonly one: KillSwitch; readonly heard: boolean[] }> {
  const one = new KillSwitch({
    ...{ file, forced: false, log: pino({ level: 'silent' }), everyMs: 10 },
    audit: async (_actor, state) => void audited.push(state),
    ...more,
  });
  opened.push(one);
  const heard: boolean[] = [];
  one.onChange((on) => heard.push(on));
  await one.start();
  return { one, heard };
}

it('is on at once, says who and why, is audited, and outlives a restart', async () => {
  const { one, heard } = await open();
  expect(one.state()).toMatchObject({ on: false });
  const state = await one.set(SRE, true, 'drill');
  expect(state).toMatchObject({ on: true, reason: 'drill', by: 'sam', source: 'file' });
  expect(heard).toEqual([true]);
  expect(audited).toMatchObject([{ on: true, reason: 'drill' }]);
  const again = await open();
  expect(again.one.state()).toEqual(state);
  expect(again.heard).toEqual([true]);
  await one.set(SRE, false, 'over');
  expect(one.state().on).toBe(false);
  await expect.poll(() => again.heard).toEqual([true, false]);
});

it('works while the database is away', async () => {
  const { one } = await open({ audit: () => Promise.reject(new Error('no database')) });
  expect(await one.set(SRE, true, 'drill')).toMatchObject({ on: true });
});

it.each(['', 'no JSON', '{"reason":1}', 'null'])('is on while a file is there that says %j', async (text) => {
  const { one, heard } = await open();
  writeFileSync(file, text);
  await expect.poll(() => heard).toEqual([true]);
  expect(one.state()).toMatchObject({ on: true, by: null });
  rmSync(file);
  await expect.poll(() => heard).toEqual([true, false]);
});

it('stays on by the environment, whatever the file says', async () => {
  const { one, heard } = await open({ forced: true });
  expect(await one.set(SRE, false, 'over')).toMatchObject({ on: true, source: 'environment' });
  expect(heard).toEqual([true]);
});
