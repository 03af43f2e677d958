import type { TenantSort } from '../../../src/api/contract.ts';

/** What the tenant table shows, as the URL says it: a link brings somebody else to the same rows. */
export interface TableState {
  readonly sort: TenantSort;
  readonly order: 'asc' | 'desc';
  readonly search: string;
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

export const DEFAULT_TABLE: TableState = { sort: 'requests', order: 'desc', search: '' };

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
  };
}

/** Names of links from when the table had pages; they mean nothing any more. */
const FORMER_NAMES = ['cursor', 'page_from', 'page_to'];

/** `query` with the table's state in it; what is as by default is left out. Names of other owners stay. */
export function withTable(query: URLSearchParams, state: TableState): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const name of ['sort', 'order', 'q', ...FORMER_NAMES]) next.delete(name);
  if (state.sort !== DEFAULT_TABLE.sort) next.set('sort', state.sort);
  if (state.order !== defaultOrder(state.sort)) next.set('order', state.order);
  if (state.search !== '') next.set('q', state.search);
  return next;
}

/** A click on a column: the same column turns round, another one starts with its usual order. */
export function sortBy(state: TableState, sort: TenantSort): TableState {
  const turned = state.order === 'asc' ? 'desc' : 'asc';
  return { ...state, sort, order: state.sort === sort ? turned : defaultOrder(sort) };
}

export function searchFor(state: TableState, search: string): TableState {
  return { ...state, search };
}
