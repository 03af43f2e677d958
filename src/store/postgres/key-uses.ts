/** When keys were last used: seen on every request, written once a minute, because no request may wait for it. */
import type { Logger } from 'pino';
import type { StaffActor } from '../../domain/actor.ts';
import { toError } from '../../domain/errors.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs } from './sql-time.ts';

const CLERK: StaffActor = { kind: 'system', subject: 'key-store' };
const WRITTEN_EVERY_MS = 60_000;

/** Times are Unix ms. */
export interface SeenUse {
  readonly keyId: string;
  readonly at: number;
  /** Of the secret before the last rotation; undefined: it was not used. */
  readonly previousAt?: number | undefined;
}

export class KeyUses {
  readonly #postgres: Postgres;
  readonly #log: Logger;
  /** Not written yet, by key. */
  readonly #seen = new Map<string, SeenUse>();
  #known: ReadonlySet<string> = new Set();
  #writtenAt = 0;

  constructor({ postgres, log }: { readonly postgres: Postgres; readonly log: Logger }) {
    this.#postgres = postgres;
    this.#log = log;
  }

  /** The keys that the table holds; uses of others (those of the configuration) are passed over. */
  known(ids: Iterable<string>): void {
    this.#known = new Set(ids);
  }

  note(uses: readonly SeenUse[]): void {
    for (const { keyId, at, previousAt } of uses) {
      if (!this.#known.has(keyId)) continue;
      const before = this.#seen.get(keyId);
      this.#seen.set(keyId, {
        keyId,
        at: Math.max(at, before?.at ?? at),
        previousAt: later(previousAt, before?.previousAt),
      });
    }
  }

  /** Writes what was noted, if a minute has gone by. Never rejects: a figure for people must not stop what keys are for. */
  async write(now: number): Promise<void> {
    if (this.#seen.size === 0 || now - this.#writtenAt < WRITTEN_EVERY_MS) return;
    const uses = [...this.#seen.values()];
    this.#seen.clear();
    this.#writtenAt = now;
    try {
      await this.#store(uses);
    } catch (error) {
      this.note(uses);
      this.#log.warn({ err: toError(error) }, 'when keys were last used was not written down; trying again');
    }
  }

  async #store(uses: readonly SeenUse[]): Promise<void> {
    await this.#postgres.inStaffTransaction(CLERK, async (transaction) => {
      transaction.unaudited('when a key was last used is no change of the key');
      // A use from before the rotation was not one of the secret that is the previous one now.
      await transaction.query(
        `update tenantry.keys k
         set last_used_at = greatest(k.last_used_at, ${fromUnixMs('u.at')}),
             previous_used_at = case when ${fromUnixMs('u.previous_at')} > k.rotated_at
               then greatest(k.previous_used_at, ${fromUnixMs('u.previous_at')}) else k.previous_used_at end
         from unnest($1::uuid[], $2::float8[], $3::float8[]) as u (id, at, previous_at) where k.id = u.id`,
        [uses.map(({ keyId }) => keyId), uses.map(({ at }) => at), uses.map(({ previousAt }) => previousAt ?? null)],
      );
    });
  }
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
