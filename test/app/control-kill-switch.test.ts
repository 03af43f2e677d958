import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KillSwitch, type KillSwitchOptions, type SharedState } from '../../src/app/control-kill-switch.ts';
import type { StaffActor } from '../../src/domain/actor.ts';

const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };

/** The database as servers share it: told to all of them, unless it is away. */
class SharedRow {
  row: SharedState = { on: false, reason: '', by: null, at: null, revision: 0 };
  readonly audited: SharedState[] = [];
  readonly #servers = new Map<KillSwitch, boolean>();

  join(server: KillSwitch, isCutOff = false): void {
    this.#servers.set(server, isCutOff);
    if (!isCutOff) server.hear(this.row);
  }

  port(server: () => KillSwitch): KillSwitchOptions['shared'] {
    return {
      set: async (actor, { on, reason }, unlessAfter) => {
        if (this.#servers.get(server()) === true) throw new Error('no database');
        if (unlessAfter !== undefined && this.row.revision > unlessAfter) return this.row;
        this.row = { on, reason, by: actor.subject, at: 1_000, revision: this.row.revision + 1 };
        this.audited.push(this.row);
        for (const [other, isCutOff] of this.#servers) if (!isCutOff) other.hear(this.row);
        return this.row;
      },
    };
  }
}

let folder: string;
let database: SharedRow;
let opened: KillSwitch[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-kill-switch-'));
  database = new SharedRow();
  opened = [];
});
afterEach(() => {
  for (const one of opened) one.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Opened {
  readonly one: KillSwitch;
  readonly heard: boolean[];
  readonly file: string;
}

async function open(name = 'a', { forced = false, isCutOff = false } = {}): Promise<Opened> {
  const file = join(folder, name);
  const one: KillSwitch = new KillSwitch({
    ...{ file, forced, log: pino({ level: 'silent' }), everyMs: 10 },
    shared: database.port(() => one),
  });
  opened.push(one);
  const heard: boolean[] = [];
  one.onChange((on) => heard.push(on));
  await one.start();
  database.join(one, isCutOff);
  return { one, heard, file };
}

describe('one server', () => {
  it('is on at once, says who and why, is audited, and outlives a restart', async () => {
    const { one, heard } = await open();
    expect(one.state()).toMatchObject({ on: false });
    const state = await one.set(SRE, true, 'drill');
    expect(state).toMatchObject({ on: true, reason: 'drill', by: 'sam', source: 'file', revision: 1 });
    expect(heard).toEqual([true]);
    expect(database.audited).toMatchObject([{ on: true, reason: 'drill' }]);
    const again = await open();
    expect(again.one.state()).toEqual(state);
    expect(again.heard).toEqual([true]);
    await one.set(SRE, false, 'over');
    expect(one.state().on).toBe(false);
    await expect.poll(() => again.heard).toEqual([true, false]);
  });

  it('works while the database is away, and says that it holds here alone', async () => {
    const { one } = await open('a', { isCutOff: true });
    expect(await one.set(SRE, true, 'drill')).toMatchObject({ on: true, revision: null });
    expect(await one.set(SRE, false, 'over')).toMatchObject({ on: false, revision: null });
  });

  it.each(['', 'no JSON', '{"reason":1}', 'null'])('is on while a file is there that says %j', async (text) => {
    const { one, heard, file } = await open();
    writeFileSync(file, text);
    await expect.poll(() => heard).toEqual([true]);
    expect(one.state()).toMatchObject({ on: true, by: null });
    rmSync(file);
    await expect.poll(() => heard).toEqual([true, false]);
  });

  it('stays on by the environment, whatever the file says', async () => {
    const { one, heard } = await open('a', { forced: true });
    expect(await one.set(SRE, false, 'over')).toMatchObject({ on: true, source: 'environment' });
    expect(heard).toEqual([true]);
  });
});

describe('several servers', () => {
  it('are switched by any of them', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.one.set(SRE, true, 'drill');
    expect(b.one.state()).toMatchObject({ on: true, reason: 'drill', by: 'sam' });
    expect(b.heard).toEqual([true]);
    await expect.poll(() => b.one.state().source).toBe('file');
    await b.one.set(SRE, false, 'over');
    await expect.poll(() => a.heard).toEqual([true, false]);
    await expect.poll(() => a.one.state()).toMatchObject({ on: false, revision: 2 });
  });

  it('come up switched off after a restart without a database, if they were before', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.one.set(SRE, true, 'drill');
    await expect.poll(() => b.one.state().source).toBe('file');
    b.one.stop();
    expect((await open('b', { isCutOff: true })).one.state()).toMatchObject({ on: true, reason: 'drill' });
  });

  it('hear what one of them was told while it was cut off as soon as it is back', async () => {
    const [a, b] = [await open('a'), await open('b', { isCutOff: true })];
    await b.one.set(SRE, true, 'drill');
    expect(a.one.state().on).toBe(false);
    database.join(b.one);
    await expect.poll(() => a.one.state()).toMatchObject({ on: true, reason: 'drill' });
    expect(b.heard).toEqual([true]);
    expect(database.audited).toHaveLength(1);
  });

  it('stay on when one was switched off while it was cut off, and another was switched on meanwhile', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.one.set(SRE, true, 'first');
    database.join(b.one, true);
    await b.one.set(SRE, false, 'over');
    expect(b.one.state().on).toBe(false);
    await a.one.set(SRE, true, 'second');
    database.join(b.one);
    await expect.poll(() => b.one.state()).toMatchObject({ on: true, reason: 'second' });
    expect(a.one.state().on).toBe(true);
  });

  it('go off when the one that was cut off knew of all that had been said', async () => {
    const [a, b] = [await open('a'), await open('b')];
    await a.one.set(SRE, true, 'first');
    database.join(b.one, true);
    await b.one.set(SRE, false, 'over');
    database.join(b.one);
    await expect.poll(() => [a.one.state().on, b.one.state().on]).toEqual([false, false]);
  });

  it('leave a file that somebody made by hand to that server', async () => {
    const [a, b] = [await open('a'), await open('b')];
    writeFileSync(b.file, '');
    await expect.poll(() => b.heard).toEqual([true]);
    expect(a.one.state().on).toBe(false);
    await a.one.set(SRE, true, 'drill');
    await a.one.set(SRE, false, 'over');
    expect(b.one.state()).toMatchObject({ on: true, source: 'file' });
    expect(await b.one.set(SRE, false, 'gone')).toMatchObject({ on: false });
  });
});
