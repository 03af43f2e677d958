import type { TenantFigures, TenantList } from '../../../src/api/contract.ts';
import type { RangeWindow } from '../shared/time-range.ts';

/**
 * The rows of the tenant table as far as they are here: the first ones, which are live, and behind them the pages of a
 * list that stands still at the time when somebody began to scroll. A cursor belongs to one window, and rows must not
 * slip from one page to the next while they are read.
 */
export interface TenantRows {
  readonly known: ReadonlyMap<string, TenantFigures>;
  /** Ids of the live rows in the order on the screen. */
  readonly head: readonly string[];
  readonly rest: Rest | undefined;
  /** Tenants that match, by the newest answer. */
  readonly total: number;
}

interface Rest {
  /** All ids of the still list from its first on; those that are live too are shown once, in front. */
  readonly ids: readonly string[];
  readonly window: RangeWindow;
  /** null: the list has no further page. */
  readonly cursor: string | null;
}

export const NO_ROWS: TenantRows = { known: new Map(), head: [], rest: undefined, total: 0 };

/** Older than this, the still list is asked for again once nobody reads it. */
const REST_MAX_AGE_MS = 60_000;

/** Of two lists of one tenant's figures the later one counts. */
function withFigures(known: TenantRows['known'], items: readonly TenantFigures[]): ReadonlyMap<string, TenantFigures> {
  return new Map([...known, ...items.map((item) => [item.tenant_id, item] as const)]);
}

/**
 * New figures for the first rows. While somebody reads (`held`), every row stays where it is, with fresh figures, and
 * new ones come behind; else the order is that of the answer.
 */
export function withHead(rows: TenantRows, list: TenantList, window: RangeWindow, held: boolean): TenantRows {
  const ids = list.items.map((item) => item.tenant_id);
  const head = held ? [...new Set([...rows.head, ...ids])] : ids;
  const isOld = rows.rest !== undefined && window.to - rows.rest.window.to > REST_MAX_AGE_MS;
  const rest = held || !isOld ? rows.rest : undefined;
  const kept = held || rest !== undefined ? rows.known : new Map<string, TenantFigures>();
  return { known: withFigures(kept, list.items), head, rest, total: list.total };
}

/** A further page of the still list. `window` is that of its first page. */
export function withPage(rows: TenantRows, list: TenantList, window: RangeWindow): TenantRows {
  const live = new Set(rows.head);
  const items = list.items.filter((item) => !live.has(item.tenant_id));
  const ids = [...(rows.rest?.ids ?? []), ...list.items.map((item) => item.tenant_id)];
  return {
    ...rows,
    known: withFigures(rows.known, items),
    rest: { ids, window: rows.rest?.window ?? window, cursor: list.next_cursor },
  };
}

/** Ids in the order on the screen, as far as they are here. */
export function orderOf(rows: TenantRows): readonly string[] {
  return [...new Set([...rows.head, ...(rows.rest?.ids ?? [])])];
}

/** Whether there is more to ask for. */
export function hasMore(rows: TenantRows): boolean {
  return rows.rest === undefined ? rows.head.length < rows.total : rows.rest.cursor !== null;
}

/** Rows of the table, those included that are not here yet. */
export function countOf(rows: TenantRows, loaded: number): number {
  return hasMore(rows) ? Math.max(rows.total, loaded) : loaded;
}
