/** Wall clocks are slewed by milliseconds a second; what runs away by more was set, or the machine was suspended. */
const JUMP_MS = 2_000;

export interface Clocks {
  /** Milliseconds that never go back; may stand still while the machine is suspended. */
  readonly monotonic: () => number;
  /** Unix milliseconds; may be set. */
  readonly wall: () => number;
}

/**
 * The clock that flags end on. Monotonic, so that setting the wall clock back cannot make a flag live longer; and moved
 * forward by what a suspended machine slept through, which the monotonic clock of Linux does not count. A wall clock that
 * is set forward looks the same: flags then end too early, which a fresh snapshot repairs, and never too late.
 */
export class FlagClock {
  readonly #clocks: Clocks;
  #ahead = 0;
  #monotonic: number;
  #wall: number;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#monotonic = clocks.monotonic();
    this.#wall = clocks.wall();
  }

  /** Milliseconds that never go back. */
  now(): number {
    return this.#clocks.monotonic() + this.#ahead;
  }

  wall(): number {
    return this.#clocks.wall();
  }

  /**
   * Compares the two clocks with the last time it was asked; to be called every few seconds.
   * @returns by how many milliseconds the wall clock jumped; 0: it did not
   */
  check(): number {
    const [monotonic, wall] = [this.#clocks.monotonic(), this.#clocks.wall()];
    const jump = wall - this.#wall - (monotonic - this.#monotonic);
    this.#monotonic = monotonic;
    this.#wall = wall;
    if (Math.abs(jump) <= JUMP_MS) return 0;
    if (jump > 0) this.#ahead += jump;
    return jump;
  }
}
