import { useRef } from 'preact/hooks';
import type { TenantSort } from '../../../src/api/contract.ts';
import { listAnomalies, listTenants, listThrottles, serverNow } from '../shared/api-client.ts';
import { formatCount } from '../shared/format.ts';
import { navigate } from '../shared/navigation.tsx';
import { setPreference, usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { withQuery } from '../shared/router.ts';
import { ErrorState, Loading, NoSpansYet, Notice, NotUpdating } from '../shared/states.tsx';
import { timeText } from '../shared/time-format.ts';
import { rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { type Live, useLive } from '../shared/use-live.ts';
import { AttentionStrip } from './attention-strip.tsx';
import { SearchBox } from './search-box.tsx';
import {
  firstPage,
  nextPage,
  PAGING_NAMES,
  pageNumber,
  previousPage,
  searchFor,
  sortBy,
  type TableState,
  tableFromQuery,
  withTable,
} from './table-state.ts';
import { TenantsTable } from './tenants-table.tsx';
import { TenantsTiles } from './tenants-tiles.tsx';

const LIST_INTERVAL_MS = 3_000;
const ATTENTION_INTERVAL_MS = 5_000;
const PAGE_SIZE = 50;
const HOUR_MS = 3_600_000;

function useTenantList(query: URLSearchParams, state: TableState) {
  const range = rangeFromQuery(query);
  const question = JSON.stringify([range, state]);
  const ask = async (signal: AbortSignal) => {
    const { sort, order, search, paging } = state;
    const window = paging?.window ?? windowOf(range, serverNow());
    const cursor = paging?.cursors.at(-1);
    const list = await listTenants({ window, sort, order, search, limit: PAGE_SIZE, cursor }, signal);
    return { list, window };
  };
  return useLive(question, ask, range.kind === 'last' ? LIST_INTERVAL_MS : null);
}

/** What happens now, whatever window the table looks at. */
function useAttention() {
  const throttles = useLive(
    'throttles',
    (signal) => listThrottles({ activeOnly: true }, signal),
    ATTENTION_INTERVAL_MS,
  );
  const recent = (signal: AbortSignal) => {
    const now = serverNow();
    return listAnomalies({ window: { from: now - HOUR_MS, to: now } }, signal);
  };
  const anomalies = useLive('anomalies', recent, ATTENTION_INTERVAL_MS);
  return { throttles, anomalies };
}

export function TenantsPage(props: { query: URLSearchParams }) {
  const { query } = props;
  const { zone } = usePreferences();
  const range = rangeFromQuery(query);
  const state = tableFromQuery(query);
  const live = useTenantList(query, state);
  const { throttles, anomalies } = useAttention();
  const go = (next: TableState, replace = false) => navigate(withQuery('/', withTable(query, next)), { replace });

  const head = (
    <header class="page-head">
      <h1>Tenants</h1>
      <RangePicker range={range} query={query} zone={zone} drop={PAGING_NAMES} />
    </header>
  );
  if (live.data === undefined || live.error?.status === 401) {
    return (
      <>
        {head}
        {live.error ? <ListError live={live} state={state} onFirstPage={() => go(firstPage(state))} /> : <Loading />}
      </>
    );
  }
  const { list } = live.data;
  const complete = list.next_cursor === null && state.paging === null;
  const pristine = list.total === 0 && list.data_until === null && state.search === '';
  return (
    <>
      {head}
      {live.error && live.answeredAt !== undefined && (
        <NotUpdating error={live.error} since={timeText(zone).time(live.answeredAt)} onRetry={live.refresh} />
      )}
      <AttentionStrip throttles={throttles.data ?? []} anomalies={anomalies.data ?? []} query={query} />
      {pristine && range.kind === 'last' ? (
        <NoSpansYet />
      ) : (
        <>
          <TenantsTiles
            list={list}
            complete={complete}
            live={range.kind === 'last'}
            zone={zone}
            throttles={throttles.data}
            anomalies={anomalies.data}
          />
          <Table live={live} state={state} query={query} go={go} />
        </>
      )}
    </>
  );
}

type ListLive = ReturnType<typeof useTenantList>;

function ListError(props: { live: Live<unknown>; state: TableState; onFirstPage: () => void }) {
  const { error } = props.live;
  if (!error) return null;
  return (
    <ErrorState error={error} onRetry={props.live.refresh}>
      {props.state.paging !== null && (
        <button type="button" class="button" onClick={props.onFirstPage}>
          First page
        </button>
      )}
    </ErrorState>
  );
}

interface TableProps {
  live: ListLive;
  state: TableState;
  query: URLSearchParams;
  go: (next: TableState, replace?: boolean) => void;
}

function Table(props: TableProps) {
  const { live, state, go } = props;
  const { allColumns } = usePreferences();
  const search = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableElement>(null);
  if (!live.data) return null;
  const { list } = live.data;
  return (
    <>
      <div class="toolbar">
        <SearchBox
          inputRef={search}
          value={state.search}
          onSearch={(text) => go(searchFor(state, text), true)}
          onDown={() => table.current?.querySelector<HTMLAnchorElement>('tbody a')?.focus()}
        />
        <span class="muted small" data-testid="match-count">
          {formatCount(list.total)} {list.total === 1 ? 'tenant' : 'tenants'}
        </span>
        <button
          type="button"
          class="button quiet"
          aria-pressed={allColumns}
          onClick={() => setPreference({ allColumns: !allColumns })}
        >
          {allColumns ? 'Fewer columns' : 'All columns'}
        </button>
      </div>
      {list.items.length === 0 ? (
        <NoMatch state={state} onClear={() => go(searchFor(state, ''))} />
      ) : (
        <TenantsTable
          list={list}
          state={state}
          query={props.query}
          allColumns={allColumns}
          pending={live.pending}
          onSort={(sort: TenantSort) => go(sortBy(state, sort))}
          onEscape={() => search.current?.focus()}
          tableRef={table}
        />
      )}
      <Paging live={live} state={state} go={go} />
    </>
  );
}

function Paging(props: Pick<TableProps, 'live' | 'state' | 'go'>) {
  const { live, state, go } = props;
  const { zone } = usePreferences();
  if (!live.data) return null;
  const { list, window } = live.data;
  const next = list.next_cursor;
  if (next === null && state.paging === null) return null;
  return (
    <nav class="paging" aria-label="Pages">
      <button type="button" class="button" disabled={state.paging === null} onClick={() => go(previousPage(state))}>
        Previous
      </button>
      <span class="muted small" data-testid="page">
        Page {pageNumber(state)} of {Math.max(pageNumber(state), Math.ceil(list.total / PAGE_SIZE))}
        {state.paging && `, as of ${timeText(zone).time(state.paging.window.to)}`}
      </span>
      <button
        type="button"
        class="button"
        disabled={next === null || live.pending}
        onClick={() => next !== null && go(nextPage(state, next, window))}
      >
        Next
      </button>
    </nav>
  );
}

function NoMatch(props: { state: TableState; onClear: () => void }) {
  if (props.state.search === '') {
    return (
      <Notice title="No tenant has data in this window" testId="no-match">
        <p>Choose a longer time range. Missing data is not zero traffic: the apps may have stopped sending.</p>
      </Notice>
    );
  }
  return (
    <Notice title="No tenant matches" testId="no-match">
      <p>
        None with data in this window has “{props.state.search}” in its id.{' '}
        <button type="button" class="button small" onClick={props.onClear}>
          Clear the search
        </button>
      </p>
    </Notice>
  );
}
