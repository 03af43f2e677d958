import { TenantryError } from '../src/domain/errors.ts';

/** Bytes held for one request. */
export interface MemoryLease {
  /** @throws TenantryError SPOOL_UNAVAILABLE when all leases, or those of its owner, would hold more than they may */
  grow(bytes: number): void;
  release(): void;
}

/** This part is kept for owners that hold less than their share. */
const KEPT_FREE = 1 / 4;

/**
 * How many bytes of request bodies may be in memory at once; beyond it, clients are asked to come again. One owner may
 * have three quarters for itself. In the last quarter only those grow that hold no more than an equal part of all: what
 * one key floods the receiver with never keeps another's request out.
 */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #heldBy = new Map<string, number>();
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get used(): number {
    return this.#used;
  }

  /** @param owner whose share it counts to: a key's id */
  lease(owner: string): MemoryLease {
    let held = 0;
    return {
      grow: (bytes) => {
        this.#require(owner, bytes);
        this.#add(owner, bytes);
        held += bytes;
      },
      release: () => {
        this.#add(owner, -held);
        held = 0;
      },
    };
  }

  #require(owner: string, bytes: number): void {
    const used = this.#used + bytes;
    if (used > this.#maxBytes) throw tooMany('too many requests are in work');
    if (used <= this.#maxBytes * (1 - KEPT_FREE)) return;
    const heldBefore = this.#heldBy.get(owner) ?? 0;
    const owners = this.#heldBy.size + (heldBefore === 0 ? 1 : 0);
    if (heldBefore > 0 && heldBefore + bytes > this.#maxBytes / (owners + 1)) {
      throw tooMany('too many requests of this key are in work');
    }
  }

  #add(owner: string, bytes: number): void {
    this.#used += bytes;
    const held = (this.#heldBy.get(owner) ?? 0) + bytes;
    if (held > 0) this.#heldBy.set(owner, held);
    else this.#heldBy.delete(owner);
  }
}

function tooMany(what: string): TenantryError {
  return new TenantryError('SPOOL_UNAVAILABLE', what, {
    hint: 'Keep the data and send it again after the time in Retry-After.',
  });
}
