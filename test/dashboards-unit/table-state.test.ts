import { describe, expect, it } from 'vitest';
import { DEFAULT_TABLE, searchFor, sortBy, tableFromQuery, withTable } from '../../dashboards/src/sre/table-state.ts';
import {
  countOf,
  hasMore,
  NO_ROWS,
  orderOf,
  type TenantRows,
  withHead,
  withPage,
} from '../../dashboards/src/sre/tenant-rows.ts';
import type { TenantList } from '../../src/api/contract.ts';
import { figuresOf } from '../support/dashboards-data.ts';

describe('the state of the tenant table', () => {
  it('comes back from the URL as it was written, and other names stay', () => {
    for (const state of [DEFAULT_TABLE, sortBy(DEFAULT_TABLE, 'errors'), searchFor(DEFAULT_TABLE, 'a&b=c')]) {
      const query = withTable(new URLSearchParams('range=6h&q=old&cursor=old&page_from=x'), state);
      expect(tableFromQuery(query)).toEqual(state);
      expect(query.get('range')).toBe('6h');
    }
    expect(withTable(new URLSearchParams(), DEFAULT_TABLE).toString()).toBe('');
  });

  it('ignores what no link of ours holds', () => {
    const hostile = new URLSearchParams('sort=drop%20table&order=sideways&cursor=&page_from=never');
    expect(tableFromQuery(hostile)).toEqual(DEFAULT_TABLE);
  });

  it('sorts the largest first, names from a, and turns round on the second click', () => {
    const byP95 = sortBy(DEFAULT_TABLE, 'p95_ms');
    expect([byP95.sort, byP95.order]).toEqual(['p95_ms', 'desc']);
    expect(sortBy(byP95, 'p95_ms').order).toBe('asc');
    expect(sortBy(byP95, 'tenant_id').order).toBe('asc');
  });
});

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 0, 2);
const windowAt = (to: number) => ({ from: to - 60 * MINUTE, to });
const now = windowAt(NOW);
function listOf(ids: readonly string[], more: Partial<TenantList> = {}): TenantList {
  return {
    items: ids.map((id, index) => figuresOf(id, index)),
    next_cursor: null,
    total: ids.length,
    from: '',
    to: '',
    spark_step_seconds: 60,
    attributed_share: null,
    data_until: null,
    ...more,
  };
}
const head = (
  rows: TenantRows,
  ids: readonly string[],
  options: { held?: boolean; to?: number; total?: number } = {},
) => withHead(rows, listOf(ids, { total: options.total ?? 6 }), windowAt(options.to ?? NOW), options.held ?? false);

describe('the rows of the tenant table', () => {
  const live = head(NO_ROWS, ['a', 'b']);
  const one = withPage(live, listOf(['b', 'a', 'c'], { next_cursor: 'more', total: 6 }), now);
  const two = withPage(one, listOf(['d', 'e', 'f'], { total: 6 }), windowAt(NOW + MINUTE));

  it('are the live ones, then those of the still list, each once', () => {
    expect(orderOf(one)).toEqual(['a', 'b', 'c']);
    expect(orderOf(two)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('are as many as match, until the still list is at its end', () => {
    expect([countOf(live, 2), countOf(one, 3), countOf(two, 6)]).toEqual([6, 6, 6]);
    expect([live, one, two].map(hasMore)).toEqual([true, true, false]);
    expect(hasMore(head(NO_ROWS, ['a', 'b'], { total: 2 }))).toBe(false);
    const shrunk = head(two, ['a', 'b'], { total: 3 });
    expect(countOf(shrunk, orderOf(shrunk).length)).toBe(6);
  });

  it('keep the window of the first page, because the cursors belong to it', () => {
    expect(two.rest?.window).toEqual(now);
  });

  it('lose nobody who falls out of the live ones', () => {
    expect(orderOf(head(two, ['c', 'a']))).toEqual(['c', 'a', 'b', 'd', 'e', 'f']);
  });

  it('show the live figures where a tenant is in both', () => {
    const fresh = withHead(two, listOf(['c'], { total: 6 }), now, false);
    expect(fresh.known.get('c')).toEqual(figuresOf('c', 0));
    const stale = withPage(fresh, listOf(['x', 'c']), now);
    expect(stale.known.get('c')).toEqual(figuresOf('c', 0));
  });
});

describe('rows that somebody points at', () => {
  it('stay where they are, with fresh figures; new ones come last', () => {
    const before = head(NO_ROWS, ['a', 'gone', 'b']);
    const held = head(before, ['new', 'b', 'a'], { held: true });
    expect(orderOf(held)).toEqual(['a', 'gone', 'b', 'new']);
    expect(held.known.get('b')).toEqual(figuresOf('b', 1));
    expect(orderOf(head(held, ['new', 'b', 'a']))).toEqual(['new', 'b', 'a']);
  });

  it('are of a still list that is asked for again once it is a minute old and nobody reads it', () => {
    const page = withPage(head(NO_ROWS, ['a']), listOf(['a', 'b']), now);
    expect(orderOf(head(page, ['a'], { to: NOW + MINUTE }))).toEqual(['a', 'b']);
    expect(orderOf(head(page, ['a'], { to: NOW + MINUTE + 1, held: true }))).toEqual(['a', 'b']);
    expect(orderOf(head(page, ['a'], { to: NOW + MINUTE + 1 }))).toEqual(['a']);
  });
});
