import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TABLE,
  firstPage,
  keepOrder,
  nextPage,
  pageNumber,
  previousPage,
  searchFor,
  sortBy,
  tableFromQuery,
  withTable,
} from '../../dashboards/src/sre/table-state.ts';

const window = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) };
const later = { from: Date.UTC(2026, 1, 1), to: Date.UTC(2026, 1, 2) };
const second = nextPage(DEFAULT_TABLE, 'c1', window);
const third = nextPage(second, 'c2', later);

describe('the state of the tenant table', () => {
  it('comes back from the URL as it was written, and other names stay', () => {
    for (const state of [DEFAULT_TABLE, sortBy(third, 'errors'), searchFor(DEFAULT_TABLE, 'a&b=c'), second, third]) {
      const query = withTable(new URLSearchParams('range=6h&q=old&cursor=old&page_from=x'), state);
      expect(tableFromQuery(query)).toEqual(state);
      expect(query.get('range')).toBe('6h');
    }
    expect(withTable(new URLSearchParams(), DEFAULT_TABLE).toString()).toBe('');
  });

  it('ignores what no link of ours holds', () => {
    const hostile = new URLSearchParams('sort=drop%20table&order=sideways&cursor=&page_from=never');
    expect(tableFromQuery(hostile)).toEqual(DEFAULT_TABLE);
    expect(tableFromQuery(new URLSearchParams('cursor=abc')).paging).toBeNull();
  });

  it('sorts the largest first, names from a, and turns round on the second click', () => {
    const byP95 = sortBy(DEFAULT_TABLE, 'p95_ms');
    expect([byP95.sort, byP95.order]).toEqual(['p95_ms', 'desc']);
    expect(sortBy(byP95, 'p95_ms').order).toBe('asc');
    expect(sortBy(byP95, 'tenant_id').order).toBe('asc');
  });

  it('goes back to the live first page when the question changes', () => {
    expect(sortBy(third, 'errors').paging).toBeNull();
    expect(searchFor(third, 'x').paging).toBeNull();
  });

  it('keeps the window of the first answer through all pages, because the cursors belong to it', () => {
    expect(third.paging).toEqual({ cursors: ['c1', 'c2'], window });
    expect(pageNumber(third)).toBe(3);
    expect(previousPage(third)).toEqual(second);
    expect(previousPage(second)).toEqual(firstPage(third));
    expect(previousPage(DEFAULT_TABLE)).toEqual(DEFAULT_TABLE);
  });
});

describe('rows that somebody points at', () => {
  it('stay where they are, with fresh figures; new ones come last and gone ones leave no hole', () => {
    const fresh = [
      { tenant_id: 'new', requests: 9 },
      { tenant_id: 'b', requests: 8 },
      { tenant_id: 'a', requests: 7 },
    ];
    expect(keepOrder(fresh, ['a', 'gone', 'b'])).toEqual([fresh[2], fresh[1], fresh[0]]);
  });
});
