import { useEffect, useState } from 'preact/hooks';
import type { TraceItem, TraceOrder } from '../../../src/api/traces-contract.ts';
import { type ApiError, serverNow } from '../shared/api-client.ts';
import { formatDuration } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { tenantHref, tenantsHref, withQuery } from '../shared/router.ts';
import { rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { listTraces } from './trace-api.ts';
import { type TraceFilter, traceFilterFromQuery, tracesWindow, withTraceFilter } from './trace-filter.ts';
import { TraceTable } from './trace-table.tsx';
import '../styles/trace.css';

const PAGE = 100;
/** Rows of a CSV file; more pages than that are asked for with a narrower filter. */
const MAX_SAVED = 1_000;

/** A tenant's traces: slowest, failed or newest, narrowed by what stands in the address. */
export function TraceListPage({ params, query }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  const { zone } = usePreferences();
  const range = rangeFromQuery(query);
  const filter = traceFilterFromQuery(query);
  const question = JSON.stringify([tenantId, range, filter]);
  const [asked, setAsked] = useState(() => tracesWindow(windowOf(range, serverNow())));
  const live = useLive(
    question,
    async (signal) => {
      const window = tracesWindow(windowOf(range, serverNow()));
      setAsked(window);
      return listTraces(tenantId, { filter, window, limit: PAGE }, signal);
    },
    null,
  );
  const more = useMore(question, live.data?.next_cursor ?? null, (cursor) =>
    listTraces(tenantId, { filter, window: asked, limit: PAGE, cursor }),
  );
  return (
    <>
      <header class="page-head">
        <div class="tenant-title">
          <nav aria-label="Where you are" class="crumbs">
            <Link href={tenantsHref(query)}>Tenants</Link>
            <Link href={tenantHref(tenantId, query)}>{tenantId}</Link>
          </nav>
          <h1 tabIndex={-1}>Traces</h1>
        </div>
        <div class="page-actions">
          <RangePicker range={range} query={query} zone={zone} />
          <button type="button" class="button" onClick={live.refresh}>
            Refresh
          </button>
        </div>
      </header>
      <Filters key={question} filter={filter} query={query} />
      {asked.isShortened && (
        <p class="muted small" role="status">
          Traces are looked through for seven days at a time: these are of the last seven days of the range.
        </p>
      )}
      <Loaded live={live}>
        {(first) => {
          const items = [...first.items, ...more.items];
          return (
            <>
              <TraceTable
                id="traces"
                tenantId={tenantId}
                items={items}
                zone={zone}
                pending={live.pending}
                empty={emptyText(filter)}
                allRows={() => more.all(items, MAX_SAVED)}
              />
              {more.cursor !== null && (
                <p class="table-more">
                  <button type="button" class="button" disabled={more.isLoading} onClick={more.load}>
                    {more.isLoading ? 'Loading …' : `Show ${PAGE} more`}
                  </button>
                  {more.problem && (
                    <span class="bad-text small" role="alert">
                      {more.problem}
                    </span>
                  )}
                </p>
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function emptyText({ order, route, service, minMs, maxMs }: TraceFilter): string {
  const isNarrow = route ?? service ?? minMs ?? maxMs;
  const what = order === 'failed' ? 'No failed request' : 'No trace';
  return isNarrow === undefined
    ? `${what} in this range. Spans are kept for some days only; choose another range.`
    : `${what} fits. Take a filter away, or choose a longer range.`;
}

/** The pages behind the first, as far as they were asked for. */
function useMore(
  question: string,
  firstCursor: string | null,
  load: (cursor: string) => Promise<{ items: TraceItem[]; next_cursor: string | null }>,
) {
  const start = { question, from: firstCursor, items: [] as readonly TraceItem[], cursor: firstCursor };
  const [state, setState] = useState(start);
  const [isLoading, setLoading] = useState(false);
  const [problem, setProblem] = useState<string>();
  const isStale = state.question !== question || state.from !== firstCursor;
  useEffect(() => {
    if (isStale) setState(start);
  }, [isStale]);
  const current = isStale ? start : state;
  const next = async () => {
    if (current.cursor === null) return;
    setLoading(true);
    setProblem(undefined);
    try {
      const page = await load(current.cursor);
      setState({ ...current, items: [...current.items, ...page.items], cursor: page.next_cursor });
    } catch (thrown) {
      setProblem((thrown as ApiError).message);
    }
    setLoading(false);
  };
  return {
    ...{ items: current.items, cursor: current.cursor, isLoading, problem },
    load: () => void next(),
    async all(shown: readonly TraceItem[], limit: number): Promise<readonly TraceItem[]> {
      const all = [...shown];
      let { cursor } = current;
      while (cursor !== null && all.length < limit) {
        const page = await load(cursor);
        all.push(...page.items);
        cursor = page.next_cursor;
      }
      return all;
    },
  };
}

const ORDERS: readonly (readonly [TraceOrder, string])[] = [
  ['slowest', 'Slowest'],
  ['failed', 'Failed'],
  ['newest', 'Newest'],
];

function Filters({ filter, query }: { filter: TraceFilter; query: URLSearchParams }) {
  const apply = (next: TraceFilter) => navigate(withQuery(location.pathname, withTraceFilter(query, next)));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim() || undefined;
    const ms = (name: string) => (text(name) === undefined ? undefined : Number(text(name)));
    apply({
      order: filter.order,
      ...{ route: text('route'), service: text('service'), minMs: ms('min_ms'), maxMs: ms('max_ms') },
    });
  };
  const isNarrow = [filter.route, filter.service, filter.minMs, filter.maxMs].some((value) => value !== undefined);
  return (
    <form class="trace-filters" onSubmit={submit} data-testid="trace-filters">
      <fieldset class="segmented">
        <legend class="visually-hidden">Order</legend>
        {ORDERS.map(([order, label]) => (
          <button
            key={order}
            type="button"
            class="segment"
            aria-pressed={filter.order === order}
            onClick={() => apply({ ...filter, order })}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <label class="field">
        Route
        <input name="route" value={filter.route ?? ''} placeholder="GET /orders/:id" maxLength={512} />
      </label>
      <label class="field">
        Service
        <input name="service" value={filter.service ?? ''} maxLength={256} />
      </label>
      <label class="field">
        At least, ms
        <input class="number" name="min_ms" type="number" min={0} step={1} value={filter.minMs ?? ''} />
      </label>
      <label class="field">
        Less than, ms
        <input class="number" name="max_ms" type="number" min={1} step={1} value={filter.maxMs ?? ''} />
      </label>
      <button type="submit" class="button">
        Apply
      </button>
      {isNarrow && (
        <button type="button" class="button quiet" onClick={() => apply({ order: filter.order })}>
          Clear filters
        </button>
      )}
      {filter.minMs !== undefined && filter.maxMs !== undefined && (
        <span class="muted small">
          {formatDuration(filter.minMs)} to {formatDuration(filter.maxMs)}
        </span>
      )}
    </form>
  );
}
