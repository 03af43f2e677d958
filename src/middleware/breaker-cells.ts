import type { BreakerCell } from './breaker-machine.ts';

/** With their keys some 250 bytes each (test/middleware/breaker-memory.test.ts), so all of them stay near 25 MB. */
const MAX_CELLS = 100_000;
/** A run of failures that nobody added to for so long is over, and so is an outage that nobody asked about. */
const IDLE_MS = 600_000;
/** Looked at on every use: two for each one that may come in keep the idle ones from piling up. */
const SWEPT_PER_USE = 2;
/** Of so many the one unused for longest is evicted. */
const EVICTION_SAMPLE = 8;

export interface CellsOptions {
  readonly maxCells?: number;
  /** Told of every breaker that was forgotten though it was open. */
  readonly onForgotten: (key: string) => void;
  readonly onEvicted: () => void;
}

/**
 * Cells of one kind, looked at in turns by a hand that remembers where it was. Not the usual Map that re-inserts on use:
 * its deleted entries stay in front until the next rehash, and finding the oldest walks over all of them, which cost
 * 50 microseconds a call with 100,000 cells.
 */
class Shelf {
  readonly cells = new Map<string, BreakerCell>();
  #hand = this.cells.entries();

  /** The next in turn; undefined: there is none. */
  next(): readonly [string, BreakerCell] | undefined {
    const { value, done } = this.#hand.next();
    if (done !== true) return value;
    this.reset();
    return this.#hand.next().value;
  }

  /** To the front again: a hand that rests holds the table that it rests in, with everything forgotten since. */
  reset(): void {
    this.#hand = this.cells.entries();
  }

  /** The one unused for longest among the next few. */
  stale(): string | undefined {
    let found: readonly [string, BreakerCell] | undefined;
    for (let looked = 0; looked < EVICTION_SAMPLE; looked++) {
      const entry = this.next();
      if (entry !== undefined && (found === undefined || entry[1].usedAt < found[1].usedAt)) found = entry;
    }
    return found?.[0];
  }
}

/**
 * The cells of one process, bounded. Closed and open ones are kept apart: when there are too many, a closed one that
 * was unused for long goes first, and an open one only when no closed one is left.
 */
export class BreakerCells {
  readonly #options: CellsOptions;
  readonly #closed = new Shelf();
  readonly #open = new Shelf();

  constructor(options: CellsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#closed.cells.size + this.#open.cells.size;
  }

  get(key: string): BreakerCell | undefined {
    return this.#open.cells.get(key) ?? this.#closed.cells.get(key);
  }

  /** Keeps what is known now; undefined: nothing. */
  set(key: string, cell: BreakerCell | undefined, now: number): void {
    const shelf = cell?.phase === 'open' ? this.#open : this.#closed;
    const other = shelf === this.#open ? this.#closed : this.#open;
    other.cells.delete(key);
    if (cell === undefined) shelf.cells.delete(key);
    else shelf.cells.set(key, cell);
    for (let looked = 0; looked < SWEPT_PER_USE; looked++) {
      this.#dropIdle(this.#closed, this.#closed.next(), now);
      this.#dropIdle(this.#open, this.#open.next(), now);
    }
    if (this.size > (this.#options.maxCells ?? MAX_CELLS)) this.#evict();
  }

  /** Forgets every breaker that was idle for ten minutes. */
  sweep(now: number): void {
    for (const shelf of [this.#closed, this.#open]) {
      for (const entry of shelf.cells) this.#dropIdle(shelf, entry, now);
      shelf.reset();
    }
  }

  #dropIdle(shelf: Shelf, entry: readonly [string, BreakerCell] | undefined, now: number): void {
    if (entry === undefined || now - lastNeeded(entry[1]) <= IDLE_MS) return;
    shelf.cells.delete(entry[0]);
    if (shelf === this.#open) this.#options.onForgotten(entry[0]);
  }

  #evict(): void {
    const shelf = this.#closed.cells.size > 0 ? this.#closed : this.#open;
    const key = shelf.stale();
    if (key === undefined) return;
    shelf.cells.delete(key);
    this.#options.onEvicted();
    if (shelf === this.#open) this.#options.onForgotten(key);
  }
}

/** An open breaker is needed until its wait is over, however long nobody asks. */
function lastNeeded(cell: BreakerCell): number {
  return cell.phase === 'open' ? Math.max(cell.usedAt, cell.until) : cell.usedAt;
}
