/** Pages that a whole run may ask for even in a small database; some 256 KB. */
const FEWEST_PAGES = 32;
/** Reading a table of so few pages whole is cheaper than any estimate; together such tables get a tenth of all at most. */
const SMALL_TABLE_PAGES = 8;
const SMALL_TABLES_SHARE = 0.1;
/** More pages of one table say little that so many do not: a tenant of a thousandth is known to 3 % or so by then. */
const MOST_PAGES = 20_000;

export interface SizedTable {
  readonly name: string;
  readonly heapPages: number;
  /** Of heap, indexes and TOAST together. */
  readonly totalPages: number;
}

/** How many pages of each table may be asked for, so that they are `share` of all at most; see the constants above. */
export function pageBudgets(tables: readonly SizedTable[], share: number): ReadonlyMap<string, number> {
  const all = tables.reduce((sum, { totalPages }) => sum + totalPages, 0);
  const budget = Math.max(FEWEST_PAGES, Math.floor(all * share));
  const budgets = new Map<string, number>();
  let forSmall = Math.floor(budget * SMALL_TABLES_SHARE);
  let spent = 0;
  for (const { name, heapPages } of tables.toSorted((left, right) => left.heapPages - right.heapPages)) {
    if (heapPages > SMALL_TABLE_PAGES || heapPages > forSmall) break;
    budgets.set(name, heapPages);
    forSmall -= heapPages;
    spent += heapPages;
  }
  const rest = tables.filter(({ name }) => !budgets.has(name));
  const restPages = rest.reduce((sum, { totalPages }) => sum + totalPages, 0);
  for (const { name, totalPages } of rest) {
    const due = Math.floor(((budget - spent) * totalPages) / Math.max(1, restPages));
    budgets.set(name, Math.min(MOST_PAGES, due));
  }
  return budgets;
}
