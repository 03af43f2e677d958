import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord } from '../../../ingest/spool-record.ts';
import { SEGMENT_NAME_PATTERN } from '../../../src/domain/spool-format.ts';
import { QuarantineFolder } from '../../../src/store/clickhouse/quarantine-folder.ts';

const ID = '1790000000000-00112233445566ff_3';
const METRICS = '1790000000001-00112233445566ff.metrics_0';
const CORRUPT = '1789999999999-00112233445566ff.otlp.corrupt';
const NOW = 1_795_000_000_000;

let spool: string;
let folder: QuarantineFolder;
const record = Buffer.concat(
  encodeRecord(Buffer.from('\u0001\u0002service.name\u0003shop'), {
    ...{ receivedAt: 1_790_000_000_123, keyId: 'key-7', keyTenant: 'acme' },
  }),
);

beforeEach(async () => {
  spool = await mkdtemp(join(tmpdir(), 'tenantry-quarantine-'));
  for (const name of ['quarantine', 'sealed']) await mkdir(join(spool, name));
  const put = async (id: string, ending: string, bytes: Uint8Array, note: object) => {
    await writeFile(join(spool, 'quarantine', `${id}${ending}`), bytes);
    await writeFile(join(spool, 'quarantine', `${id}.json`), JSON.stringify(note));
  };
  await put(ID, '.otlp', record, { reason: 'no such type', quarantined_at: '2026-10-01T00:00:00.000Z' });
  await put(METRICS, '.otlp', record, { reason: 'too deep', quarantined_at: '2026-10-02T00:00:00.000Z' });
  await put(CORRUPT, '', Buffer.from('damaged'), { reason: 'checksum', found_at: '2026-09-30T00:00:00.000Z' });
  folder = new QuarantineFolder(spool, () => NOW);
});
afterEach(() => rm(spool, { recursive: true }));

describe('QuarantineFolder', () => {
  it('lists what lies there, newest first, with whose key sent it', async () => {
    await writeFile(join(spool, 'quarantine', `${ID}.part`), 'of a bisection that is under way');
    const { items, total } = await folder.list(2);
    expect(total).toBe(3);
    expect(items).toEqual([
      expect.objectContaining({ id: METRICS, signal: 'metrics', kind: 'refused' }),
      {
        ...{ id: ID, kind: 'refused', signal: 'traces', reason: 'no such type', bytes: record.length },
        ...{ quarantinedAt: Date.UTC(2026, 9, 1), receivedAt: 1_790_000_000_123, keyId: 'key-7', keyTenant: 'acme' },
      },
    ]);
    expect((await folder.list(9)).items[2]).toMatchObject({ id: CORRUPT, kind: 'corrupt', keyId: null });
    expect([await folder.count(), await folder.bytes()]).toEqual([3, 2 * record.length + 'damaged'.length]);
    expect((await folder.show(ID))?.texts).toEqual(expect.arrayContaining(['service.name', 'shop']));
  });

  it('puts a request back as a segment of now, with the very same bytes', async () => {
    expect(await folder.replay(METRICS)).toBe(true);
    const [name = ''] = await readdir(join(spool, 'sealed'));
    expect(name).toMatch(SEGMENT_NAME_PATTERN);
    expect(name).toMatch(/^1795000000000-.*\.metrics\.otlp$/);
    expect(await readFile(join(spool, 'sealed', name))).toEqual(record);
    expect(await folder.find(METRICS)).toBeUndefined();
    expect((await readdir(join(spool, 'quarantine'))).filter((file) => file.startsWith(METRICS))).toEqual([]);
  });

  it('finishes a replay that was cut short as the same insert, whenever that is', async () => {
    expect(await folder.replay(ID)).toBe(true);
    const [first] = await readdir(join(spool, 'sealed'));
    // As if the process had ended before the request was taken away.
    const note = { reason: 'no such type', quarantined_at: '2026-10-01T00:00:00.000Z', replayed_as: first };
    await writeFile(join(spool, 'quarantine', `${ID}.otlp`), record);
    await writeFile(join(spool, 'quarantine', `${ID}.json`), JSON.stringify(note));
    expect(await new QuarantineFolder(spool, () => NOW + 60_000).replay(ID)).toBe(true);
    expect(await readdir(join(spool, 'sealed'))).toEqual([first]);
  });

  it('makes one segment of two replays at once', async () => {
    expect((await Promise.all([folder.replay(ID), folder.replay(ID)])).toSorted()).toEqual([false, true]);
    expect(await readdir(join(spool, 'sealed'))).toHaveLength(1);
  });

  it('drops, refuses damaged bytes, and knows nothing of names that lead elsewhere', async () => {
    await expect(folder.replay(CORRUPT)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await folder.drop(CORRUPT)).toBe(true);
    await writeFile(join(spool, 'secret.otlp'), 'x');
    for (const id of ['../secret', 'nothing', `${ID}/../${ID}`, '']) {
      expect([await folder.find(id), await folder.replay(id), await folder.drop(id)]).toEqual([
        undefined,
        false,
        false,
      ]);
    }
    expect(await folder.count()).toBe(2);
  });
});
