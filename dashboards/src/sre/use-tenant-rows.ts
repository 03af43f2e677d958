import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { TenantFigures, TenantList } from '../../../src/api/contract.ts';
import { ApiError, listTenants, serverNow } from '../shared/api-client.ts';
import { type RangeWindow, rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { type Live, useLive } from '../shared/use-live.ts';
import type { TableState } from './table-state.ts';
import { countOf, hasMore, NO_ROWS, orderOf, type TenantRows, withHead, withPage } from './tenant-rows.ts';

const LIST_INTERVAL_MS = 3_000;
/** Rows that are live: more than fit on a screen. */
export const HEAD_SIZE = 50;
const PAGE_SIZE = 200;
/** Rows before the end of what is here at which the next page is asked for; whoever has begun to scroll goes on. */
const AHEAD_OF_LIVE = 10;
const AHEAD = 100;

export interface ListAnswer {
  readonly list: TenantList;
  readonly window: RangeWindow;
}

/** The first rows and what is known of the whole list, renewed every three seconds while the window reaches to now. */
export function useTenantList(query: URLSearchParams, state: TableState): Live<ListAnswer> & { question: string } {
  const range = rangeFromQuery(query);
  const question = JSON.stringify([range, state]);
  const ask = async (signal: AbortSignal) => {
    const { sort, order, search } = state;
    const window = windowOf(range, serverNow());
    return { list: await listTenants({ window, sort, order, search, limit: HEAD_SIZE }, signal), window };
  };
  return { ...useLive(question, ask, range.kind === 'last' ? LIST_INTERVAL_MS : null), question };
}

export interface TenantRowsView {
  readonly count: number;
  /** Undefined where the row is not here yet. */
  readonly at: (index: number) => TenantFigures | undefined;
  readonly indexOf: (tenantId: string) => number;
  /**
   * The rows up to this one are in sight: asks for what is missing, a page at a time. Called after every render, because
   * a page that came may not have been enough for where the reader has scrolled to.
   */
  readonly need: (to: number) => void;
  /** As of when the rows behind the live ones are; undefined where there are none. */
  readonly stillSince: number | undefined;
  readonly liveCount: number;
  readonly error: ApiError | undefined;
  readonly retry: () => void;
}

/** Pages of the still list, one after the other, as they are needed. */
function usePages(
  rows: { current: TenantRows },
  answer: ListAnswer,
  state: TableState,
  { question, pending }: { readonly question: string; readonly pending: boolean },
) {
  const [error, setError] = useState<ApiError | undefined>();
  const [, render] = useReducer((step: number, _: undefined) => step + 1, 0);
  const wanted = useRef(0);
  const stop = useRef<AbortController | undefined>(undefined);
  // Beside the state: a scroll between the failure and the next render would ask again, and take the error away unseen.
  const failed = useRef(false);
  const tell = (found: ApiError | undefined) => {
    failed.current = found !== undefined;
    setError(found);
  };

  const load = async () => {
    const { rest } = rows.current;
    const ahead = rest === undefined ? AHEAD_OF_LIVE : AHEAD;
    const isEnough = orderOf(rows.current).length >= wanted.current + ahead;
    if (pending || stop.current !== undefined || isEnough || !hasMore(rows.current)) return;
    const mine = new AbortController();
    stop.current = mine;
    const { sort, order, search } = state;
    const window = rest?.window ?? answer.window;
    const cursor = rest?.cursor ?? undefined;
    try {
      const list = await listTenants({ window, sort, order, search, limit: PAGE_SIZE, cursor }, mine.signal);
      // The still list may have been given up meanwhile; a page of it alone would leave a hole.
      if (rows.current.rest === rest) rows.current = withPage(rows.current, list, window);
      tell(undefined);
      render(undefined);
    } catch (thrown) {
      if (!mine.signal.aborted) tell(thrown instanceof ApiError ? thrown : new ApiError(0, 'The rows did not come'));
    } finally {
      if (stop.current === mine) stop.current = undefined;
    }
  };
  useEffect(
    () => () => {
      stop.current?.abort();
      stop.current = undefined;
      wanted.current = 0;
      tell(undefined);
    },
    [question],
  );
  const need = (to: number) => {
    wanted.current = to;
    if (!failed.current) void load();
  };
  const retry = () => {
    // Cursors end with the process that gave them: after an error the still list begins anew.
    rows.current = { ...rows.current, rest: undefined };
    tell(undefined);
  };
  return { error, need, retry };
}

/** The rows of the table: live ones first, the others as they come into sight. */
export function useTenantRows(
  answer: ListAnswer,
  live: { readonly question: string; readonly pending: boolean },
  state: TableState,
  isHeld: () => boolean,
): TenantRowsView {
  const rows = useRef<TenantRows>(NO_ROWS);
  const seen = useRef<{ answer: ListAnswer | undefined; question: string }>({ answer: undefined, question: '' });
  if (seen.current.answer !== answer && !live.pending) {
    const isNewQuestion = seen.current.question !== live.question;
    rows.current = withHead(
      isNewQuestion ? NO_ROWS : rows.current,
      answer.list,
      answer.window,
      !isNewQuestion && isHeld(),
    );
    seen.current = { answer, question: live.question };
  }
  const pages = usePages(rows, answer, state, live);
  const now = rows.current;
  const order = useMemo(() => orderOf(now), [now]);
  const places = useMemo(() => new Map(order.map((id, index) => [id, index])), [order]);
  return {
    count: countOf(now, order.length),
    at: (index) => now.known.get(order[index] ?? ''),
    indexOf: (tenantId) => places.get(tenantId) ?? -1,
    need: pages.need,
    stillSince: now.rest?.window.to,
    liveCount: now.head.length,
    error: pages.error,
    retry: pages.retry,
  };
}
