/** Both ways out of the quarantine are in the audit log, before nothing else tells of what is gone. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { quarantineDesk } from '../../src/app/quarantine.ts';
import { QuarantineFolder } from '../../src/store/clickhouse/quarantine-folder.ts';

const ID = '1790000000000-00112233445566ff_3';
const ACTOR = { kind: 'staff', subject: 'admin', role: 'admin' } as const;

let spool = '';
beforeEach(() => {
  spool = mkdtempSync(join(tmpdir(), 'tenantry-quarantine-desk-'));
  for (const name of ['quarantine', 'sealed']) mkdirSync(join(spool, name));
  writeFileSync(join(spool, 'quarantine', `${ID}.otlp`), 'bytes');
  writeFileSync(join(spool, 'quarantine', `${ID}.json`), JSON.stringify({ reason: 'no such type' }));
});
afterEach(() => rmSync(spool, { recursive: true }));

function deskWith(append: (record: { action: string; resource: string; before?: unknown }) => void) {
  return quarantineDesk({
    folder: new QuarantineFolder(spool),
    clickhouse: { rows: async () => [] },
    audit: { append: async (_actor, record) => append(record as never) as never },
  });
}

it.each(['replay', 'drop'] as const)('records a %s with what it was, while it is still there', async (way) => {
  const records: unknown[] = [];
  const desk = deskWith((record) => {
    expect(existsSync(join(spool, 'quarantine', `${ID}.otlp`))).toBe(true);
    records.push(record);
  });
  expect(await desk[way](ACTOR, ID)).toBe(true);
  expect(records).toEqual([
    {
      ...{ action: `quarantine.${way}`, resource: `quarantine/${ID}` },
      before: { signal: 'traces', bytes: 5, key_id: null, reason: 'no such type' },
    },
  ]);
  expect(readdirSync(join(spool, 'quarantine'))).toEqual([]);
  expect(readdirSync(join(spool, 'sealed'))).toHaveLength(way === 'replay' ? 1 : 0);
  expect(await desk[way](ACTOR, ID)).toBe(false);
});

it('lets nothing go that cannot be recorded', async () => {
  const desk = deskWith(() => {
    throw new Error('the audit log is away');
  });
  await expect(desk.drop(ACTOR, ID)).rejects.toThrow('the audit log is away');
  expect((await desk.list(9)).total).toBe(1);
});
