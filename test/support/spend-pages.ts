import { SpendPage } from '../../src/control/spend-page.ts';
import type { SpendCap } from '../../src/domain/spend.ts';
import { TEST_RATES } from './api-memory-spend.ts';
import { MemoryBooks } from './spend-memory-books.ts';
import { TENANT, uuidOf } from './spend-samples.ts';

export const TOOLS = { zone: () => () => 0, rates: () => TEST_RATES };
export const ASKER = { keyId: 'k', instanceId: 'i', service: 's' };
export const START = Date.UTC(2026, 5, 15, 12);

/** Books whose pages are worked on at once, as the store does it under its lock. */
export function openBooks(caps: readonly SpendCap[]) {
  const clock = { now: START };
  const books = new MemoryBooks(() => clock.now);
  books.caps = [...caps];
  const onPage = async <T>(ids: readonly string[], work: (page: SpendPage) => T): Promise<T> =>
    books.onPage(TENANT, ids, (data) => {
      const page = new SpendPage(data, TOOLS);
      const result = work(page);
      return { changes: page.changes(), result };
    });
  return { clock, books, onPage };
}

/** A request for a slice. */
export const reserve = (id: number, atLeast: number, wanted = atLeast) => ({
  id: uuidOf(id),
  tenant_id: TENANT,
  instance_id: 'i',
  service: 's',
  at_least_micro: atLeast,
  wanted_micro: wanted,
});
