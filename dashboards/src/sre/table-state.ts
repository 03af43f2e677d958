import type { TenantSort } from '../../../src/api/contract.ts';
import type { RangeWindow } from '../shared/time-range.ts';

/** What the tenant table shows, as the URL says it: a link brings somebody else to the same rows. */
export interface TableState {
  readonly sort: TenantSort;
  readonly order: 'asc' | 'desc';
  readonly search: string;
  /** null on the first page, which is live. */
  readonly paging: Paging | null;
}

/**
 * Later pages stand still: a cursor is good for exactly the window of the answer that it came with, and rows must not
 * slip from one page to another between two clicks.
 */
interface Paging {
  /** Cursors of the pages walked through, the present one last; never empty. */
  readonly cursors: readonly string[];
  readonly window: RangeWindow;
}

const SORTS: readonly TenantSort[] = [
  'requests',
  'errors',
  'p95_ms',
  'db_calls',
  'db_ms',
  'ai_input_tokens',
  'ai_output_tokens',
  'ai_cost_micro',
  'cpu_seconds',
  'tenant_id',
];

export const DEFAULT_TABLE: TableState = { sort: 'requests', order: 'desc', search: '', paging: null };

function defaultOrder(sort: TenantSort): 'asc' | 'desc' {
  return sort === 'tenant_id' ? 'asc' : 'desc';
}

export function tableFromQuery(query: URLSearchParams): TableState {
  const sort = SORTS.find((name) => name === query.get('sort')) ?? DEFAULT_TABLE.sort;
  const order = query.get('order');
  return {
    sort,
    order: order === 'asc' || order === 'desc' ? order : defaultOrder(sort),
    search: query.get('q') ?? '',
    paging: pagingFromQuery(query),
  };
}

function pagingFromQuery(query: URLSearchParams): Paging | null {
  const cursors = query.getAll('cursor').filter((cursor) => cursor !== '');
  const from = Date.parse(query.get('page_from') ?? '');
  const to = Date.parse(query.get('page_to') ?? '');
  return cursors.length > 0 && from < to ? { cursors, window: { from, to } } : null;
}

/** The names that {@link withTable} writes for a page behind the first. */
export const PAGING_NAMES = ['cursor', 'page_from', 'page_to'] as const;

/** `query` with the table's state in it; what is as by default is left out. Names of other owners stay. */
export function withTable(query: URLSearchParams, state: TableState): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const name of ['sort', 'order', 'q', ...PAGING_NAMES]) next.delete(name);
  if (state.sort !== DEFAULT_TABLE.sort) next.set('sort', state.sort);
  if (state.order !== defaultOrder(state.sort)) next.set('order', state.order);
  if (state.search !== '') next.set('q', state.search);
  if (state.paging) {
    next.set('page_from', new Date(state.paging.window.from).toISOString());
    next.set('page_to', new Date(state.paging.window.to).toISOString());
    for (const cursor of state.paging.cursors) next.append('cursor', cursor);
  }
  return next;
}

/** A click on a column: the same column turns round, another one starts with its usual order. Back to page one. */
export function sortBy(state: TableState, sort: TenantSort): TableState {
  const turned = state.order === 'asc' ? 'desc' : 'asc';
  return { ...state, sort, order: state.sort === sort ? turned : defaultOrder(sort), paging: null };
}

export function searchFor(state: TableState, search: string): TableState {
  return { ...state, search, paging: null };
}

/** The page behind `cursor`, which came with the answer for `window`. */
export function nextPage(state: TableState, cursor: string, window: RangeWindow): TableState {
  const before = state.paging;
  return { ...state, paging: { cursors: [...(before?.cursors ?? []), cursor], window: before?.window ?? window } };
}

export function previousPage(state: TableState): TableState {
  const { paging } = state;
  if (paging === null || paging.cursors.length === 1) return firstPage(state);
  return { ...state, paging: { ...paging, cursors: paging.cursors.slice(0, -1) } };
}

export function firstPage(state: TableState): TableState {
  return { ...state, paging: null };
}

export function pageNumber(state: TableState): number {
  return (state.paging?.cursors.length ?? 0) + 1;
}

/**
 * Rows in the order in which they stand on the screen, new ones at the end: while somebody points at a row or walks
 * through them by keyboard, fresh figures must not make it jump away.
 */
export function keepOrder<Row extends { readonly tenant_id: string }>(
  rows: readonly Row[],
  shown: readonly string[],
): Row[] {
  const place = new Map(shown.map((id, index) => [id, index]));
  return [...rows].sort((a, b) => (place.get(a.tenant_id) ?? shown.length) - (place.get(b.tenant_id) ?? shown.length));
}
