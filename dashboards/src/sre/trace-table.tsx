import { useMemo } from 'preact/hooks';
import type { TraceItem } from '../../../src/api/traces-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, formatDuration, NO_VALUE } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { timeText, type Zone } from '../shared/time-format.ts';
import { traceHref } from './trace-filter.ts';

export interface TraceTableProps {
  readonly id: string;
  readonly tenantId: string;
  readonly items: readonly TraceItem[];
  readonly zone: Zone;
  readonly empty: string;
  readonly pending?: boolean;
  readonly allRows?: () => Promise<readonly TraceItem[]>;
}

const ms = (id: 'duration_ms' | 'db_ms' | 'ai_ms', label: string, about: string): TableColumn<TraceItem> => ({
  ...{ id, label, about },
  value: (trace) => trace[id],
  cell: (trace) => formatDuration(trace[id]),
});

function statusText({ status, http_status: http }: TraceItem): string {
  if (http !== null) return String(http);
  return status === 'error' ? 'error' : 'ok';
}

function columnsOf(tenantId: string, zone: Zone): TableColumn<TraceItem>[] {
  const clock = timeText(zone);
  return [
    {
      id: 'started_at',
      label: 'Started',
      align: 'left',
      value: (trace) => trace.started_at,
      cell: (trace) => {
        const at = Date.parse(trace.started_at);
        return (
          <Link href={traceHref(tenantId, trace.trace_id, { at, span: trace.span_id })} title={clock.full(at)}>
            {clock.dateMinute(at).slice(0, -5) + clock.time(at)}
          </Link>
        );
      },
    },
    {
      id: 'name',
      label: 'Request',
      align: 'left',
      value: (trace) => trace.route ?? trace.name,
      cell: (trace) => <span title={trace.error_message ?? trace.name}>{trace.route ?? trace.name}</span>,
    },
    ms('duration_ms', 'Took', 'How long the request took'),
    {
      id: 'status',
      label: 'Status',
      value: statusText,
      cell: (trace) => (
        <span class={trace.status === 'error' ? 'badge anomaly' : 'badge'} title={trace.error_message ?? undefined}>
          {statusText(trace)}
        </span>
      ),
    },
    {
      id: 'service',
      label: 'Service',
      align: 'left',
      wide: true,
      value: (trace) => trace.services.join(' '),
      cell: (trace) => trace.services.join(', '),
    },
    {
      id: 'spans',
      label: 'Spans',
      wide: true,
      value: (trace) => trace.spans,
      cell: (trace) => formatCount(trace.spans),
    },
    { ...ms('db_ms', 'Database', 'Time in database calls; calls at the same time add up'), wide: true },
    { ...ms('ai_ms', 'AI', 'Time in AI calls; calls at the same time add up'), wide: true },
    {
      id: 'error_message',
      label: 'Error',
      align: 'left',
      wide: true,
      value: (trace) => trace.error_message,
      cell: (trace) =>
        trace.error_message === null ? (
          <span class="muted">{NO_VALUE}</span>
        ) : (
          <span title={trace.error_message}>{trace.error_message}</span>
        ),
    },
    {
      id: 'trace_id',
      label: 'Trace id',
      align: 'left',
      wide: true,
      value: (trace) => trace.trace_id,
      cell: (trace) => <code>{trace.trace_id.slice(0, 8)}</code>,
    },
  ];
}

/** Traces, one a row; a row leads to its waterfall. */
export function TraceTable({ id, tenantId, items, zone, empty, pending, allRows }: TraceTableProps) {
  const columns = useMemo(() => columnsOf(tenantId, zone), [tenantId, zone]);
  return (
    <DataTable
      id={id}
      caption="Traces with how long they took and what they did"
      columns={columns}
      rows={items}
      rowKey={(trace) => trace.trace_id}
      empty={empty}
      {...(pending === undefined ? {} : { pending })}
      {...(allRows === undefined ? {} : { allRows })}
    />
  );
}
