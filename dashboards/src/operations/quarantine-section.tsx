import { useMemo } from 'preact/hooks';
import type { QuarantineItem, QuarantineList, SetAsideItem } from '../../../src/api/quarantine-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { setFilter } from '../shared/filter-bar.tsx';
import { Dialog } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatBytes, formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { dropQuarantined, listQuarantine, replayQuarantined, showQuarantined } from './telemetry-api.ts';

const REFRESH_MS = 10_000;

/** What could not be loaded, with the two ways out, and what was set aside. */
export function QuarantineSection({ query }: { query: URLSearchParams }) {
  const live = useLive('quarantine', listQuarantine, REFRESH_MS);
  const open = query.get('quarantined');
  return (
    <section class="stack-wide" aria-label="Quarantine" data-testid="quarantine">
      <header class="section-head">
        <h2>Quarantine</h2>
        <span class="muted small">requests that the store refused; they wait here until somebody decides</span>
      </header>
      <Loaded live={live}>{(list) => <Lists list={list} onDone={live.refresh} />}</Loaded>
      {open !== null && <Shown id={open} />}
    </section>
  );
}

function Lists({ list, onDone }: { list: QuarantineList; onDone: () => void }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const columns = useMemo(() => requestColumns(clock, onDone), [clock, onDone]);
  const aside = useMemo(() => asideColumns(clock), [clock]);
  return (
    <>
      <DataTable
        id="quarantine"
        caption="Requests in quarantine"
        columns={columns}
        rows={list.items}
        rowKey={({ id }) => id}
        defaultSort="-quarantined_at"
        empty="Nothing is in quarantine."
      />
      {list.total > list.items.length && (
        <p class="muted small">
          The newest {formatCount(list.items.length)} of {formatCount(list.total)} are shown.
        </p>
      )}
      {list.set_aside.length > 0 && (
        <>
          <h3>Set aside within seven days</h3>
          <DataTable
            id="set-aside"
            caption="Spans and data points that were set aside"
            columns={aside}
            rows={list.set_aside}
            rowKey={({ kind, reason, service, key_id }) => `${kind} ${reason} ${service} ${key_id}`}
            defaultSort="-count"
            empty=""
          />
        </>
      )}
    </>
  );
}

function requestColumns(clock: TimeText, onDone: () => void): readonly TableColumn<QuarantineItem>[] {
  return [
    {
      id: 'quarantined_at',
      label: 'Since',
      align: 'left',
      value: ({ quarantined_at }) => quarantined_at,
      cell: ({ quarantined_at: at }) => (at === null ? '–' : clock.dateMinute(Date.parse(at))),
    },
    {
      id: 'reason',
      label: 'Reason',
      align: 'left',
      value: ({ reason }) => reason,
      cell: ({ id, reason }) => (
        <button type="button" class="link-button" title={reason} onClick={() => setFilter('quarantined', id)}>
          {reason}
        </button>
      ),
    },
    { id: 'signal', label: 'Signal', align: 'left', wide: true, value: ({ signal }) => signal },
    { id: 'key_id', label: 'Key', align: 'left', wide: true, value: ({ key_id }) => key_id },
    { id: 'bytes', label: 'Size', value: ({ bytes }) => bytes, cell: ({ bytes }) => formatBytes(bytes) },
    {
      id: 'id',
      label: '',
      sortable: false,
      value: ({ id }) => id,
      cell: (item) => <Actions item={item} onDone={onDone} />,
    },
  ];
}

function Actions({ item, onDone }: { item: QuarantineItem; onDone: () => void }) {
  const { id, kind } = item;
  return (
    <span class="row-actions">
      {kind === 'refused' && (
        <AskButton
          label="Replay"
          about={id}
          title="Load this request again"
          action="Replay"
          onConfirm={() => replayQuarantined(id)}
          onDone={onDone}
        >
          <p>
            It goes back into the queue and is loaded exactly once. Is it refused again, it comes back here with the
            reason. That helps after an upgrade of Tenantry or of ClickHouse.
          </p>
        </AskButton>
      )}
      <AskButton
        label="Drop"
        about={id}
        title="Delete this request for good"
        action="Drop it"
        danger
        class="button small danger-quiet"
        onConfirm={() => dropQuarantined(id)}
        onDone={onDone}
      >
        <p>
          Its spans or data points will be missing from every figure of the tenants they belong to. Nothing brings them
          back.
        </p>
      </AskButton>
    </span>
  );
}

function asideColumns(clock: TimeText): readonly TableColumn<SetAsideItem>[] {
  return [
    {
      id: 'count',
      label: 'Count',
      value: ({ count }) => count,
      cell: ({ count, kind }) => `${formatCount(count)} ${kind}`,
    },
    { id: 'reason', label: 'Reason', align: 'left', value: ({ reason }) => reason },
    { id: 'service', label: 'Service', align: 'left', value: ({ service }) => service },
    { id: 'example', label: 'For example', align: 'left', wide: true, value: ({ example }) => example },
    { id: 'key_id', label: 'Key', align: 'left', wide: true, value: ({ key_id }) => key_id },
    {
      id: 'last_at',
      label: 'Last',
      value: ({ last_at }) => last_at,
      cell: ({ last_at }) => clock.dateMinute(Date.parse(last_at)),
    },
  ];
}

function Shown({ id }: { id: string }) {
  const live = useLive(`quarantined ${id}`, (signal) => showQuarantined(id, signal), null);
  return (
    <Dialog title="Request in quarantine" wide onClose={() => setFilter('quarantined', '')}>
      <Loaded live={live}>
        {(item) => (
          <>
            <p>{item.reason}</p>
            <p class="muted small">
              {item.signal}, {formatBytes(item.bytes)}, key {item.key_id ?? 'unknown'}
              {item.key_tenant === null ? '' : `, bound to ${item.key_tenant}`}. Readable in it:
            </p>
            <pre class="raw-texts">{item.texts.join('\n')}</pre>
          </>
        )}
      </Loaded>
      <p class="dialog-actions">
        <button type="button" class="button" onClick={() => setFilter('quarantined', '')}>
          Close
        </button>
      </p>
    </Dialog>
  );
}
