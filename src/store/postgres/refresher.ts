/** Runs `work` again and again but never twice at once: readings side by side could be applied in the wrong order. */
export class Refresher {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Begins after the runs asked for before, so it sees everything that was committed before this call. */
  async run(): Promise<void> {
    const before = this.#running ?? Promise.resolve();
    const mine = before
      .catch(() => undefined)
      .then(() => this.#work())
      .finally(() => {
        if (this.#running === mine) this.#running = undefined;
      });
    this.#running = mine;
    await mine;
  }

  /** The run under way, else a new one: callers wait together instead of queueing up behind an outage. */
  async join(): Promise<void> {
    await (this.#running ?? this.run());
  }
}
