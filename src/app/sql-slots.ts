import { TenantryError } from '../domain/errors.ts';

/**
 * How many statements run at once: a few of all, one of each caller. Nobody waits in line: a statement may take its ten
 * seconds, and whoever stands behind it is better told at once.
 */
export class SqlSlots {
  readonly #max: number;
  readonly #running = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws TenantryError RATE_LIMITED */
  async hold<Result>(caller: string, work: () => Promise<Result>): Promise<Result> {
    if (this.#running.has(caller)) throw busy('A statement of yours is still running.');
    if (this.#running.size >= this.#max) throw busy('Too many statements are running at the moment.');
    this.#running.add(caller);
    try {
      return await work();
    } finally {
      this.#running.delete(caller);
    }
  }
}

function busy(detail: string): TenantryError {
  return new TenantryError('RATE_LIMITED', detail, {
    hint: 'Cancel it, or wait until it has ended.',
    retryAfterSeconds: 2,
  });
}
