import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { floorTo, HOUR_MS, MINUTE_MS, type Window } from '../domain/window.ts';
import { type MinuteOfTenants, readMinuteValues } from './minute-values-reader.ts';
import { type FirstMinuteRow, firstMinute } from './queries/across-tenants/first-minute.ts';

/** For so long nothing is thought to have come late into a stretch that was found empty. */
const BELIEVED_MS = MINUTE_MS;
/** What is younger is always asked for: spans of it may still be on their way. */
const SETTLED_AFTER_MS = HOUR_MS;

/**
 * Every measured minute, for whoever reads a long past piece by piece. Most of the past of a young Tenantry is empty: at
 * its first empty piece it asks where the next minute is, and answers what lies before that without asking the store.
 * (Eight days by the hour are 192 questions of 26 ms of computing each; with three hours in the store, six are left.)
 */
export class StoredMinutes {
  readonly #reader: AnalyticsReader;
  readonly #now: () => number;
  #empty: (Window & { readonly foundAt: number }) | undefined;

  constructor(reader: AnalyticsReader, now: () => number = Date.now) {
    this.#reader = reader;
    this.#now = now;
  }

  /** As readMinuteValues(): every measured minute of the window, oldest first. */
  async read(window: Window): Promise<MinuteOfTenants[]> {
    if (this.#isKnownEmpty(window)) return [];
    const minutes = await readMinuteValues(this.#reader, window);
    const settled = floorTo(this.#now() - SETTLED_AFTER_MS, MINUTE_MS);
    if (minutes.length === 0 && window.to <= settled) await this.#look({ from: window.from, to: settled });
    return minutes;
  }

  #isKnownEmpty({ from, to }: Window): boolean {
    const empty = this.#empty;
    if (empty === undefined || this.#now() - empty.foundAt >= BELIEVED_MS) return false;
    return empty.from <= from && to <= empty.to;
  }

  async #look(window: Window): Promise<void> {
    if (window.from >= window.to) return;
    const foundAt = this.#now();
    const [row] = await this.#reader.rows<FirstMinuteRow>(firstMinute(window));
    if (row === undefined) return;
    this.#empty = { from: window.from, to: row.first === null ? window.to : row.first * 1000, foundAt };
  }
}
