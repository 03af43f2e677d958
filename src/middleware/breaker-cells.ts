import type { BreakerCell } from './breaker-machine.ts';

/** About 200 bytes each with their keys, so all of them stay near 25 MB. Measured by `npm run bench -- breakers`. */
const MAX_CELLS = 100_000;
/** A run of failures that nobody added to for so long is over, and so is an outage that nobody asked about. */
const IDLE_MS = 600_000;
/** Looked at on every use: two out for each one in keeps the idle ones from piling up. */
const SWEPT_PER_USE = 2;

export interface CellsOptions {
  readonly maxCells?: number;
  /** Told of every breaker that was forgotten though it was open. */
  readonly onForgotten: (key: string, why: 'idle' | 'evicted') => void;
  readonly onEvicted: () => void;
}

/**
 * The cells of one process, bounded. Closed and open ones are kept apart: when there are too many, the closed one that
 * was unused for longest goes first, and an open one only when no closed one is left.
 */
export class BreakerCells {
  readonly #options: CellsOptions;
  // A Map keeps insertion order; re-inserting on use makes its first key the one unused for longest.
  readonly #closed = new Map<string, BreakerCell>();
  readonly #open = new Map<string, BreakerCell>();

  constructor(options: CellsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#closed.size + this.#open.size;
  }

  get(key: string): BreakerCell | undefined {
    return this.#open.get(key) ?? this.#closed.get(key);
  }

  /** Keeps what is known now; undefined: nothing. */
  set(key: string, cell: BreakerCell | undefined, now: number): void {
    this.#closed.delete(key);
    this.#open.delete(key);
    if (cell !== undefined) (cell.phase === 'open' ? this.#open : this.#closed).set(key, cell);
    this.sweep(now, SWEPT_PER_USE);
    if (this.size > (this.#options.maxCells ?? MAX_CELLS)) this.#evict();
  }

  /** Forgets breakers that were idle for ten minutes; looks at no more than `most` of each kind. */
  sweep(now: number, most = Number.POSITIVE_INFINITY): void {
    for (const cells of [this.#closed, this.#open]) this.#sweepOne(cells, now, most);
  }

  #sweepOne(cells: Map<string, BreakerCell>, now: number, most: number): void {
    let looked = 0;
    for (const [key, cell] of cells) {
      if (looked >= most || now - lastNeeded(cell) <= IDLE_MS) return;
      looked += 1;
      cells.delete(key);
      if (cell.phase === 'open') this.#options.onForgotten(key, 'idle');
    }
  }

  #evict(): void {
    const cells = this.#closed.size > 0 ? this.#closed : this.#open;
    const oldest = cells.keys().next().value;
    if (oldest === undefined) return;
    cells.delete(oldest);
    this.#options.onEvicted();
    if (cells === this.#open) this.#options.onForgotten(oldest, 'evicted');
  }
}

/** An open breaker is needed until its wait is over, however long nobody asks. */
function lastNeeded(cell: BreakerCell): number {
  return cell.phase === 'open' ? Math.max(cell.usedAt, cell.until) : cell.usedAt;
}
