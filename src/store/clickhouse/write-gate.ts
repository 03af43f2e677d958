/**
 * Lets work that writes pass, and can be held: once `hold` resolves, nothing that passed is unfinished, and nothing more
 * passes until it is released. What goes through it whole is either in a backup with all its traces or not at all.
 */
export class WriteGate {
  #running = 0;
  #holds = 0;
  #waiting: (() => void)[] = [];
  #idle: (() => void)[] = [];

  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#holds > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) for (const tell of this.#idle.splice(0)) tell();
    }
  }

  /** @returns what releases it; safe to call twice */
  async hold(): Promise<() => void> {
    this.#holds += 1;
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holds -= 1;
      if (this.#holds === 0) for (const go of this.#waiting.splice(0)) go();
    };
  }
}
