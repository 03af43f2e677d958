import { createHash } from 'node:crypto';
import { access, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { toError } from '../../domain/errors.ts';
import { splitRecords } from '../../domain/record-framing.ts';
import { SPOOL_FOLDERS } from '../../domain/spool-format.ts';
import type { ClickHouse, SegmentInsert } from './clickhouse.ts';
import { insertVerdict, mayBeCutOff } from './engine-errors.ts';
import { QuarantineKeeper, type RefusedRequest } from './quarantine-keeper.ts';
import { originOf } from './record-origin.ts';
import { syncFolder, writeWhole } from './whole-file.ts';

/**
 * Reads that one segment may cost. A read takes some 10 ms, an insert with all its views 40 ms and more; whatever waits
 * behind the segment waits for them. One refused request in 1,000 takes 20; of a flood some 15 are told apart. To tell
 * the keys apart may take more, by two for each of them.
 */
const MOST_CHECKS = 32;

export interface RefusedSegmentsOptions {
  readonly spoolFolder: string;
  readonly clickhouse: Pick<ClickHouse, 'insertSegment' | 'checkSegment'>;
  /** Size of the quarantine folder. */
  readonly maxBytes: number;
  readonly log: Logger;
  readonly now: () => number;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly error: Error;
}

/** Numbers of a segment's records in the order in which they are halved, and the key that sent each. */
interface Sorted {
  readonly keys: readonly string[];
  readonly order: readonly number[];
}

/**
 * What the engine refuses. The requests at fault are found by reading ever smaller parts without writing anything; they
 * go to quarantine with the reason, and the others go in as one insert. Which ones they are is written down before that
 * insert: were it done over after a crash with another outcome (another version of the engine, a request that was
 * replayed meanwhile), the others would go in under another token, and count twice.
 */
export class RefusedSegments {
  readonly #options: RefusedSegmentsOptions;
  readonly #folder: string;
  readonly #keeper: QuarantineKeeper;

  constructor(options: RefusedSegmentsOptions) {
    this.#options = options;
    this.#folder = join(options.spoolFolder, SPOOL_FOLDERS.quarantine);
    this.#keeper = new QuarantineKeeper({ ...options, folder: this.#folder });
  }

  /** Requests that were deleted because the quarantine was full. */
  get evicted(): number {
    return this.#keeper.evicted;
  }

  /** Whether a segment was being taken apart when the process ended: its other requests may be in already. */
  async isBegun(token: string): Promise<boolean> {
    return access(this.#journal(token)).then(
      () => true,
      () => false,
    );
  }

  /**
   * Loads what can be loaded of a segment that was refused for its content, and quarantines the rest.
   * @param refusal why; undefined when a crash is made up for
   * @returns how many requests were quarantined
   * @throws what the store throws; `refusal` when reading it finds nothing wrong
   */
  async takeApart(segment: SegmentInsert, refusal?: unknown): Promise<number> {
    await this.#keeper.open();
    const records = splitRecords(await readFile(segment.path));
    const excluded = (await this.#readJournal(segment.token)) ?? (await this.#exclude(segment, records, refusal));
    const out = new Set(excluded);
    const rest = records.filter((_, index) => !out.has(index));
    if (rest.length > 0) {
      const hash = createHash('sha256').update(excluded.join()).digest('hex').slice(0, 16);
      await this.#withPart(segment, rest, (part) =>
        this.#options.clickhouse.insertSegment({ ...part, token: `${segment.token}:${hash}` }),
      );
    }
    return excluded.length;
  }

  /** Call it once the segment's file is gone. */
  async forget(token: string): Promise<void> {
    await rm(this.#journal(token), { force: true });
  }

  /**
   * Moves a whole segment that keeps being refused into quarantine. Replayed, it comes back under its own name: whatever
   * tables took it before a view refused it know its token.
   * @returns how many requests it holds
   */
  async setAside({ path, token }: SegmentInsert, reason: string): Promise<number> {
    await this.#keeper.open();
    const { length } = splitRecords(await readFile(path));
    // One more than the last request's number, which none of its requests can have.
    const id = `${token}_${length}`;
    const { size } = await stat(path);
    await this.#keeper.note(id, `A whole segment of ${length} requests: ${reason}`, { replayed_as: basename(path) });
    await rename(path, join(this.#folder, `${id}.otlp`));
    await this.#keeper.settle(size);
    await syncFolder(dirname(path));
    return length;
  }

  /** Quarantines the requests at fault. @returns their numbers, written down for good */
  async #exclude(segment: SegmentInsert, records: readonly Uint8Array[], refusal: unknown): Promise<readonly number[]> {
    const keys = records.map((record) => originOf(record)?.keyId ?? '');
    const order = byKey(keys);
    const refused = await this.#findRefused(segment, records, { keys, order });
    if (refused.length === 0) throw toError(refusal);
    const numbersOf = ({ from, to }: Range) => order.slice(from, to).toSorted((a, b) => a - b);
    await this.#keeper.keep(
      refused.map((range): RefusedRequest => {
        const numbers = numbersOf(range);
        const bytes = Buffer.concat(numbers.map((number) => records[number] ?? Buffer.alloc(0)));
        return { id: `${segment.token}_${numbers[0]}`, bytes, reason: reasonOf(numbers.length, range.error) };
      }),
    );
    const numbers = refused.flatMap(numbersOf).toSorted((a, b) => a - b);
    await writeWhole(this.#journal(segment.token), JSON.stringify(numbers));
    await syncFolder(this.#folder);
    return numbers;
  }

  /** Ranges of `order` that are refused: of one request each, or of one key's where that would take too many reads. */
  async #findRefused(
    segment: SegmentInsert,
    records: readonly Uint8Array[],
    sorted: Sorted,
  ): Promise<readonly Range[]> {
    let checks = 0;
    const check = async (from: number, to: number): Promise<readonly Range[]> => {
      checks += 1;
      const part = sorted.order.slice(from, to).map((number) => records[number] ?? Buffer.alloc(0));
      const error = await this.#refusalOf(segment, part);
      return error === undefined ? [] : [{ from, to, error }];
    };
    const open = [...(await check(0, records.length))];
    const refused: Range[] = [];
    // The largest first: when the reads are used up, what is left are small ranges.
    for (let range = open.shift(); range !== undefined; range = open.shift()) {
      const { from, to } = range;
      const middle = middleOf(range, sorted);
      if (to - from === 1 || (checks >= MOST_CHECKS && !middle.partsKeys)) {
        refused.push(range);
        continue;
      }
      open.push(...(await check(from, middle.at)), ...(await check(middle.at, to)));
    }
    return refused;
  }

  async #refusalOf(segment: SegmentInsert, part: readonly Uint8Array[], again = false): Promise<Error | undefined> {
    try {
      await this.#withPart(segment, part, (insert) => this.#options.clickhouse.checkSegment(insert));
      return undefined;
    } catch (thrown) {
      if (insertVerdict(thrown) !== 'content') throw thrown;
      return mayBeCutOff(thrown) && !again ? this.#refusalOf(segment, part, true) : toError(thrown);
    }
  }

  async #withPart(
    segment: SegmentInsert,
    records: readonly Uint8Array[],
    use: (part: SegmentInsert) => Promise<void>,
  ): Promise<void> {
    const path = join(this.#folder, `${segment.token}.part`);
    await writeFile(path, Buffer.concat(records));
    try {
      await use({ ...segment, path });
    } finally {
      await rm(path, { force: true });
    }
  }

  #journal(token: string): string {
    return join(this.#folder, `${token}.excluded`);
  }

  async #readJournal(token: string): Promise<readonly number[] | undefined> {
    if (!(await this.isBegun(token))) return undefined;
    return JSON.parse(await readFile(this.#journal(token), 'utf8')) as number[];
  }
}

/** Numbers of the records, each key's together. */
function byKey(keys: readonly string[]): readonly number[] {
  return keys
    .map((_, index) => index)
    .toSorted((a, b) => {
      const [left = '', right = ''] = [keys[a], keys[b]];
      return left === right ? a - b : left < right ? -1 : 1;
    });
}

/** Between two keys where there are several: a key that sends only good requests is never kept for another's. */
function middleOf({ from, to }: Range, { keys, order }: Sorted): { readonly at: number; readonly partsKeys: boolean } {
  const middle = Math.floor((from + to) / 2);
  const keyAt = (position: number) => keys[order[position] ?? 0];
  for (let distance = 0; distance <= to - from; distance += 1) {
    for (const at of [middle - distance, middle + distance]) {
      if (at > from && at < to && keyAt(at - 1) !== keyAt(at)) return { at, partsKeys: true };
    }
  }
  return { at: middle, partsKeys: false };
}

function reasonOf(requests: number, { message }: Error): string {
  return requests === 1
    ? message
    : `Some of these ${requests} requests are refused; the segment held too many to tell all of them apart: ${message}`;
}
