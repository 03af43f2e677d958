/**
 * So much work at a time, and whose turn it is goes round by its owners: one who brings a thousand pieces waits behind
 * itself, and one who brings a single piece waits for as many turns as there are others. Within an owner's the order
 * stays.
 */
export class FairTurns {
  readonly #atOnce: number;
  #running = 0;
  /** Owners that wait, in the order of their next turn. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Does the work when its turn comes. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++;
    else await this.#turnOf(owner);
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  #turnOf(owner: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(owner);
      if (queue === undefined) this.#waiting.set(owner, [resolve]);
      else queue.push(resolve);
    });
  }

  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    const [owner, queue] = next;
    const begin = queue.shift();
    // Behind all others that wait, or out.
    this.#waiting.delete(owner);
    if (queue.length > 0) this.#waiting.set(owner, queue);
    begin?.();
  }
}
