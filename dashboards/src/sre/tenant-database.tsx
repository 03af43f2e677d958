import type { QueryList, SlowQueryList } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, formatDuration, formatPercent } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { timeText } from '../shared/time-format.ts';
import type { SectionProps } from './chart-section.tsx';
import { Part } from './tenant-sections.tsx';
import { tenantQueries, tenantSlowQueries } from './trace-api.ts';
import { traceHref } from './trace-filter.ts';
import { DatabaseSection } from './usage-charts.tsx';
import { useTenantList } from './use-tenant-list.ts';

type QueryRow = QueryList['items'][number];
type SlowRow = SlowQueryList['items'][number];

const STATEMENT = {
  id: 'query',
  label: 'Statement',
  align: 'left',
  value: ({ query }: { query: string }) => query,
  cell: ({ query }: { query: string }) => (
    <code class="statement" title={query}>
      {query}
    </code>
  ),
} as const;

const QUERY_COLUMNS: readonly TableColumn<QueryRow>[] = [
  STATEMENT,
  { id: 'db_system', label: 'System', align: 'left', wide: true, value: (row) => row.db_system },
  { id: 'calls', label: 'Calls', value: (row) => row.calls, cell: (row) => formatCount(row.calls) },
  {
    id: 'total_ms',
    label: 'Time',
    about: 'Of all its calls together',
    value: (row) => row.total_ms,
    cell: (row) => formatDuration(row.total_ms),
  },
  {
    id: 'time_share',
    label: 'Share',
    about: "Of the tenant's database time",
    wide: true,
    value: (row) => row.time_share,
    cell: (row) => formatPercent(row.time_share),
  },
  { id: 'p50_ms', label: 'P50', wide: true, value: (row) => row.p50_ms, cell: (row) => formatDuration(row.p50_ms) },
  { id: 'p95_ms', label: 'P95', value: (row) => row.p95_ms, cell: (row) => formatDuration(row.p95_ms) },
  {
    id: 'slow_calls',
    label: 'Slow',
    wide: true,
    value: (row) => row.slow_calls,
    cell: (row) => formatCount(row.slow_calls),
  },
  { id: 'errors', label: 'Failed', wide: true, value: (row) => row.errors, cell: (row) => formatCount(row.errors) },
  {
    id: 'rows',
    label: 'Rows',
    about: 'Returned or changed, where the calls say so',
    wide: true,
    value: (row) => row.rows,
    cell: (row) => formatCount(row.rows),
  },
];

function slowColumns({ tenantId, zone }: SectionProps): TableColumn<SlowRow>[] {
  const clock = timeText(zone);
  return [
    {
      id: 'started_at',
      label: 'Started',
      align: 'left',
      value: (row) => row.started_at,
      cell: (row) => {
        const at = Date.parse(row.started_at);
        return (
          <Link href={traceHref(tenantId, row.trace_id, { at, span: row.span_id })} title={clock.full(at)}>
            {clock.dateMinute(at)}
          </Link>
        );
      },
    },
    {
      id: 'duration_ms',
      label: 'Took',
      value: (row) => row.duration_ms,
      cell: (row) => formatDuration(row.duration_ms),
    },
    STATEMENT,
    { id: 'service', label: 'Service', align: 'left', wide: true, value: (row) => row.service },
    {
      id: 'failed',
      label: 'Outcome',
      align: 'left',
      wide: true,
      value: (row) => (row.failed ? 'failed' : 'ok'),
      cell: (row) => <span class={row.failed ? 'badge anomaly' : 'badge'}>{row.failed ? 'failed' : 'ok'}</span>,
    },
    { id: 'rows', label: 'Rows', wide: true, value: (row) => row.rows, cell: (row) => formatCount(row.rows) },
  ];
}

/** Time and calls, the statements that cost most of it, and the slowest single calls with their traces. */
export function TenantDatabase(props: SectionProps) {
  const { tenantId, range } = props;
  const queries = useTenantList('queries', tenantId, range, (window, signal) =>
    tenantQueries(tenantId, window, signal),
  );
  const slow = useTenantList('slow queries', tenantId, range, (window, signal) =>
    tenantSlowQueries(tenantId, window, signal),
  );
  return (
    <>
      <DatabaseSection {...props} />
      <Part title="Top statements" live={queries} testId="part-queries" note={queriesNote(queries.data)}>
        {(data) => (
          <DataTable
            id="queries"
            caption="Statements by their time in the database"
            columns={QUERY_COLUMNS}
            rows={data.items}
            rowKey={(row) => `${row.db_system} ${row.query_hash}`}
            defaultSort="-total_ms"
            empty="No database calls in this window"
          />
        )}
      </Part>
      <Part
        title="Slowest calls"
        live={slow}
        testId="part-slow-queries"
        note={slow.data && `at least ${formatDuration(slow.data.min_duration_ms)}; each leads to its trace`}
      >
        {(data) => (
          <DataTable
            id="slow-queries"
            caption="The slowest database calls"
            columns={slowColumns(props)}
            rows={data.items}
            rowKey={(row) => `${row.trace_id} ${row.span_id}`}
            defaultSort="-duration_ms"
            empty={`No call took ${formatDuration(data.min_duration_ms)} or more in this window`}
          />
        )}
      </Part>
    </>
  );
}

function queriesNote(list: QueryList | undefined): string {
  if (list === undefined) return '';
  return list.total > list.items.length
    ? `${list.items.length} dearest of ${formatCount(list.total)}, whole hours`
    : 'whole hours';
}
