import { TenantryError } from '../../domain/errors.ts';

/** At most `max` at a time, at most `maxWaiting` in line; whoever comes after that is refused at once. */
export class ConcurrencyLimit {
  readonly #max: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number, maxWaiting: number) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws TenantryError STORE_UNAVAILABLE when the line is full */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.#enter();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#max) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new TenantryError('STORE_UNAVAILABLE', 'Too many questions are waiting for the store.', {
        hint: 'Ask again in a few seconds.',
      });
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
