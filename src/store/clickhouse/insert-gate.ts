/** Lets many insert at once, and at times somebody be sure that nobody does. Whoever waits to be alone goes first. */
export class InsertGate {
  #running = 0;
  #closed: Promise<void> | undefined;
  #emptied: () => void = () => undefined;

  /** Runs `work` beside others of its kind, and not while somebody is alone. */
  async share<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#emptied();
    }
  }

  /** Runs `work` once those under way have ended; whoever comes meanwhile waits. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed !== undefined) await this.#closed;
    let open: () => void = () => undefined;
    this.#closed = new Promise((resolve) => {
      open = resolve;
    });
    try {
      if (this.#running > 0) {
        await new Promise<void>((resolve) => {
          this.#emptied = resolve;
        });
      }
      return await work();
    } finally {
      this.#emptied = () => undefined;
      this.#closed = undefined;
      open();
    }
  }
}
