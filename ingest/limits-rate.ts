/** Against the error of adding up fractions: a unit that is there but for a millionth is there. */
const ALMOST = 1e-6;

/**
 * So many units a second, and at once what comes together in the burst's seconds. The state of a bucket is one number:
 * the time at which it is full again. One that nobody has used for a while is full whatever that number is, so it can be
 * forgotten without a difference. Times are milliseconds of a clock that only goes forward.
 */
export class Rate {
  readonly perSecond: number;
  readonly burst: number;
  readonly #perMs: number;

  /** @param perSecond 0: no limit */
  constructor(perSecond: number, burstSeconds: number) {
    this.perSecond = perSecond;
    this.#perMs = perSecond / 1_000;
    this.burst = Math.max(1, perSecond * burstSeconds);
  }

  get isOff(): boolean {
    return this.perSecond === 0;
  }

  /** Whole units that may be taken now; below 0 while a debt is paid off. */
  available(fullAt: number, now: number): number {
    if (this.isOff) return Number.POSITIVE_INFINITY;
    return Math.floor(this.burst - Math.max(0, fullAt - now) * this.#perMs + ALMOST);
  }

  /** The bucket once `units` are taken out of it. */
  taken(fullAt: number, now: number, units: number): number {
    return this.isOff ? fullAt : Math.max(fullAt, now) + units / this.#perMs;
  }

  /** The bucket once `units` that were taken are put back. */
  putBack(fullAt: number, units: number): number {
    return this.isOff ? fullAt : fullAt - units / this.#perMs;
  }

  /** Seconds until `units` are there. */
  secondsUntil(fullAt: number, now: number, units: number): number {
    const missing = Math.min(units, this.burst) - this.available(fullAt, now);
    return this.isOff || missing <= 0 ? 0 : missing / this.perSecond;
  }
}
