import { useMemo } from 'preact/hooks';
import type { IngestHealthBody } from '../../../src/api/ingest-health-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { pageHref } from '../shared/router.ts';
import { formatSpan, timeText } from '../shared/time-format.ts';

type Rejected = NonNullable<IngestHealthBody['ingest']>['rejected'][number];
type Service = IngestHealthBody['services'][number];
type Key = IngestHealthBody['keys'][number];

const lately = (time: string) => `${formatSpan(serverNow() - Date.parse(time))} ago`;

const REJECTED: readonly TableColumn<Rejected>[] = [
  { id: 'reason', label: 'Reason', align: 'left', value: ({ reason }) => reason },
  {
    id: 'requests',
    label: 'Requests',
    value: ({ requests }) => requests,
    cell: ({ requests }) => formatCount(requests),
  },
  { id: 'advice', label: 'What to do', align: 'left', wide: true, value: ({ advice }) => advice },
];

export function RejectedTable({ rejected, since }: { rejected: readonly Rejected[]; since: number }) {
  const { zone } = usePreferences();
  return (
    <section class="stack-wide" aria-label="Refused by reason">
      <header class="section-head">
        <h2>Refused by reason</h2>
        <span class="muted small">since ingest started at {timeText(zone).dateMinute(since)}</span>
      </header>
      <DataTable
        id="rejected"
        caption="Refused requests by reason"
        columns={REJECTED}
        rows={rejected}
        rowKey={({ reason }) => reason}
        defaultSort="-requests"
        empty="Nothing was refused."
      />
    </section>
  );
}

const SERVICES: readonly TableColumn<Service>[] = [
  { id: 'service', label: 'Service', align: 'left', value: ({ service }) => service },
  {
    id: 'last_seen',
    label: 'Last span',
    value: ({ last_seen }) => last_seen,
    cell: ({ last_seen }) => <span title={last_seen}>{lately(last_seen)}</span>,
  },
  { id: 'spans', label: 'Spans, last hour', value: ({ spans }) => spans, cell: ({ spans }) => formatCount(spans) },
];

export function ServiceTable({ services, query }: { services: readonly Service[]; query: URLSearchParams }) {
  return (
    <section class="stack-wide" aria-label="Services">
      <header class="section-head">
        <h2>Who sends</h2>
        <span class="muted small">services of the last seven days</span>
      </header>
      <DataTable
        id="services"
        caption="Services and when they were last heard of"
        columns={SERVICES}
        rows={services}
        rowKey={({ service }) => service}
        defaultSort="-last_seen"
        empty={
          <>
            No service has sent a span within seven days. <Link href={pageHref('/setup', query)}>Connect one</Link>.
          </>
        }
      />
    </section>
  );
}

export function KeyTable({ keys, since }: { keys: readonly Key[]; since: number | null }) {
  const { zone } = usePreferences();
  const columns = useMemo(
    (): readonly TableColumn<Key>[] => [
      {
        id: 'name',
        label: 'Key',
        align: 'left',
        value: ({ name }) => name,
        cell: ({ name, id, active }) => (
          <span title={id}>
            {name} {!active && <span class="badge anomaly">ended</span>}
          </span>
        ),
      },
      { id: 'service', label: 'For service', align: 'left', wide: true, value: ({ service }) => service ?? 'any' },
      {
        id: 'last_seen',
        label: 'Last used',
        value: ({ last_seen }) => last_seen,
        cell: ({ last_seen }) =>
          last_seen === null ? <span class="muted">not yet</span> : <span title={last_seen}>{lately(last_seen)}</span>,
      },
      {
        id: 'requests',
        label: 'Requests',
        wide: true,
        value: ({ requests }) => requests,
        cell: ({ requests }) => formatCount(requests),
      },
      { id: 'items', label: 'Spans and points', value: ({ items }) => items, cell: ({ items }) => formatCount(items) },
    ],
    [],
  );
  return (
    <section class="stack-wide" aria-label="Keys">
      <header class="section-head">
        <h2>Keys</h2>
        <span class="muted small">
          {since === null
            ? 'ingest has left no figures here'
            : `used since ingest started at ${timeText(zone).dateMinute(since)}`}
        </span>
      </header>
      <DataTable
        id="keys"
        caption="Keys and when they were last used for telemetry"
        columns={columns}
        rows={keys}
        rowKey={({ id }) => id}
        defaultSort="-last_seen"
        empty="There is no key but that of the configuration, and it has not been used."
      />
    </section>
  );
}
