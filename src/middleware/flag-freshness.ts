/** `changed`: flags came, changed or ended. `stale`: nothing was heard for too long. `fresh`: it is heard again. */
export type FlagEvent = 'changed' | 'stale' | 'fresh';
/** Told after the event: what it reads from `flags` is already new. */
export type FlagListener = (event: FlagEvent) => void;

/** The server pings every 15 s and pollers ask every 10 s: three missed in a row are no hiccup. */
const STALE_AFTER_MS = 45_000;

/** When the server was last heard, and who wants to know when that or what it said changes. */
export class FlagFreshness {
  readonly #listeners = new Set<FlagListener>();
  readonly #onListenerFailed: () => void;
  readonly #staleAfterMs: number;
  #heardAt: number;
  #wallHeardAt: number;
  #everHeard = false;
  #isStale = false;

  /** Counts from the start, as if something had been heard then. */
  constructor(now: number, wall: number, onListenerFailed: () => void, staleAfterMs = STALE_AFTER_MS) {
    this.#heardAt = now;
    this.#wallHeardAt = wall;
    this.#onListenerFailed = onListenerFailed;
    this.#staleAfterMs = staleAfterMs;
  }

  /** Unix milliseconds of the last word, when that is too long ago; undefined while the flags are fresh. */
  get staleSince(): number | undefined {
    return this.#isStale ? this.#wallHeardAt : undefined;
  }

  get everHeard(): boolean {
    return this.#everHeard;
  }

  /** Milliseconds since the last word of the server; since the start if there was none. */
  age(now: number): number {
    return Math.max(0, now - this.#heardAt);
  }

  heard(now: number, wall: number): void {
    const isNews = this.#isStale || !this.#everHeard;
    this.#heardAt = now;
    this.#wallHeardAt = wall;
    this.#everHeard = true;
    this.#isStale = false;
    if (isNews) this.tell('fresh');
  }

  /** To be called every few seconds. @returns true when it has just become stale */
  check(now: number): boolean {
    if (this.#isStale || this.age(now) <= this.#staleAfterMs) return false;
    this.#isStale = true;
    this.tell('stale');
    return true;
  }

  /** @returns ends it */
  subscribe(listener: FlagListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(event: FlagEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch {
        this.#onListenerFailed();
      }
    }
  }
}
