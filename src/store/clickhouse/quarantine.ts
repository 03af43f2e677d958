import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../../domain/errors.ts';
import { splitRecords } from '../../domain/record-framing.ts';
import { SPOOL_FOLDERS } from '../../domain/spool-format.ts';
import type { ClickHouse, SegmentInsert } from './clickhouse.ts';
import { isBadSegment } from './engine-errors.ts';

interface BisectionTarget {
  readonly spoolFolder: string;
  readonly clickhouse: Pick<ClickHouse, 'insertSegment'>;
}

/**
 * Loads what can be loaded of a refused segment and puts each request that cannot into `quarantine/`, with the reason
 * beside it. Parts are inserted under tokens made of the segment's name and the requests' numbers, so a bisection that
 * is cut short by a crash repeats the same inserts.
 * @returns how many requests were quarantined
 */
export async function loadByBisection(
  target: BisectionTarget,
  { signal, path, token }: SegmentInsert,
): Promise<number> {
  const records = splitRecords(await readFile(path));
  const folder = join(target.spoolFolder, SPOOL_FOLDERS.quarantine);
  await mkdir(folder, { recursive: true });

  const load = async (from: number, to: number): Promise<number> => {
    const part = join(folder, `${token}_${from}-${to}.part`);
    await writeFile(part, Buffer.concat(records.slice(from, to)));
    try {
      await target.clickhouse.insertSegment({ signal, path: part, token: `${token}:${from}-${to}` });
      return 0;
    } catch (thrown) {
      if (!isBadSegment(thrown)) throw thrown;
      if (to - from === 1) {
        await keep(folder, `${token}_${from}`, records[from] ?? Buffer.alloc(0), toError(thrown));
        return 1;
      }
    } finally {
      await rm(part, { force: true });
    }
    const middle = Math.floor((from + to) / 2);
    return (await load(from, middle)) + (await load(middle, to));
  };
  return load(0, records.length);
}

async function keep(folder: string, name: string, record: Uint8Array, error: Error): Promise<void> {
  await writeFile(join(folder, `${name}.otlp`), record);
  const reason = { reason: error.message.slice(0, 1_000), quarantined_at: new Date().toISOString() };
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(reason, null, 2)}\n`);
}
