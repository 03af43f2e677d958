import { useRef } from 'preact/hooks';
import { listAnomalies, listTenants, listThrottles, serverNow } from '../shared/api-client.ts';
import { CsvButton, type CsvJob } from '../shared/csv-button.tsx';
import { formatCount } from '../shared/format.ts';
import { navigate } from '../shared/navigation.tsx';
import { setPreference, usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { withQuery } from '../shared/router.ts';
import { ErrorState, Loading, NoSpansYet, Notice, NotUpdating } from '../shared/states.tsx';
import { timeText } from '../shared/time-format.ts';
import { rangeFromQuery } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { AttentionStrip } from './attention-strip.tsx';
import { SearchBox } from './search-box.tsx';
import { searchFor, sortBy, type TableState, tableFromQuery, withTable } from './table-state.ts';
import { allTenants, tenantsCsv } from './tenants-csv.ts';
import { type Reading, TenantsTable } from './tenants-table.tsx';
import { TenantsTiles } from './tenants-tiles.tsx';
import { HEAD_SIZE, type ListAnswer, useTenantList, useTenantRows } from './use-tenant-rows.ts';

const ATTENTION_INTERVAL_MS = 5_000;
const HOUR_MS = 3_600_000;
/** The most that the API gives at once. */
const CSV_PAGE_SIZE = 1_000;

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
      <RangePicker range={range} query={query} zone={zone} />
    </header>
  );
  if (live.data === undefined || live.error?.status === 401) {
    return (
      <>
        {head}
        {live.error ? <ErrorState error={live.error} onRetry={live.refresh} /> : <Loading />}
      </>
    );
  }
  const { list } = live.data;
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
            live={range.kind === 'last'}
            zone={zone}
            throttles={throttles.data}
            anomalies={anomalies.data}
          />
          <Table answer={live.data} live={live} state={state} query={query} go={go} />
        </>
      )}
    </>
  );
}

interface TableProps {
  answer: ListAnswer;
  live: { readonly question: string; readonly pending: boolean };
  state: TableState;
  query: URLSearchParams;
  go: (next: TableState, replace?: boolean) => void;
}

function Table(props: TableProps) {
  const { answer, live, state, go } = props;
  const { list } = answer;
  const { allColumns } = usePreferences();
  const search = useRef<HTMLInputElement>(null);
  const focusRow = useRef<(index: number) => void>(() => undefined);
  const reading = useRef<Reading>({ pointed: false, scrolled: false });
  const rows = useTenantRows(answer, live, state, () => reading.current.pointed || reading.current.scrolled);
  return (
    <>
      <div class="toolbar">
        <SearchBox
          inputRef={search}
          value={state.search}
          onSearch={(text) => go(searchFor(state, text), true)}
          onDown={() => focusRow.current(0)}
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
        <div>
          <TenantsTable
            answer={answer}
            rows={rows}
            state={state}
            query={props.query}
            allColumns={allColumns}
            pending={live.pending}
            reading={reading.current}
            onSort={(sort) => go(sortBy(state, sort))}
            onEscape={() => search.current?.focus()}
            focusRow={focusRow}
          />
          <Foot answer={answer} rows={rows} state={state} />
        </div>
      )}
    </>
  );
}

function Foot(props: { answer: ListAnswer; rows: ReturnType<typeof useTenantRows>; state: TableState }) {
  const { answer, rows, state } = props;
  const { zone } = usePreferences();
  const text = async ({ signal, onProgress }: CsvJob) => {
    const { sort, order, search } = state;
    const query = { window: answer.window, sort, order, search, limit: CSV_PAGE_SIZE };
    return tenantsCsv(await allTenants((cursor) => listTenants({ ...query, cursor }, signal), onProgress));
  };
  return (
    <p class="table-foot muted small">
      {rows.error !== undefined ? (
        <span class="bad-text" role="alert" data-testid="rows-error">
          The further rows did not come: {rows.error.message}{' '}
          <button type="button" class="button small" onClick={rows.retry}>
            Try again
          </button>
        </span>
      ) : (
        <span data-testid="rows-note">
          {rows.stillSince === undefined
            ? `${formatCount(rows.count)} ${rows.count === 1 ? 'row' : 'rows'}`
            : `${formatCount(rows.count)} rows; the first ${HEAD_SIZE} are live, the others as of ${timeText(zone).time(rows.stillSince)}`}
        </span>
      )}
      <CsvButton id="tenants" text={text} />
    </p>
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
