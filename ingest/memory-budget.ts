import { TenantryError } from '../src/domain/errors.ts';

/** Bytes held for one request. */
export interface MemoryLease {
  /** @throws TenantryError SPOOL_UNAVAILABLE when all leases together would exceed the budget */
  grow(bytes: number): void;
  release(): void;
}

/** How many bytes of request bodies may be in memory at once; beyond it, clients are asked to come again. */
export class MemoryBudget {
  readonly #maxBytes: number;
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  lease(): MemoryLease {
    let held = 0;
    return {
      grow: (bytes) => {
        if (this.#used + bytes > this.#maxBytes) {
          throw new TenantryError('SPOOL_UNAVAILABLE', 'too many requests are in work', {
            hint: 'Keep the data and send it again after the time in Retry-After.',
          });
        }
        this.#used += bytes;
        held += bytes;
      },
      release: () => {
        this.#used -= held;
        held = 0;
      },
    };
  }
}
