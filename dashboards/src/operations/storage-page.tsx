import { useMemo, useState } from 'preact/hooks';
import type {
  StorageItem,
  StorageList,
  StorageTargetItem,
  StorageTargetList,
} from '../../../src/api/storage-contract.ts';
import { get, send } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatBytes, formatCount, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { formatSpan, type TimeText, timeText } from '../shared/time-format.ts';
import { asApiError, useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import { progressText, settingsOf, TARGET_FIELDS, TARGET_KINDS, type TargetKind } from './storage-targets.ts';

const REFRESH_MS = 5_000;
const SHOWN = 1_000;

/** Where tenants' data is measured, and what the last run found. */
export function StoragePage(_props: PageProps) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const live = useLive('targets', (signal) => get<StorageTargetList>('/v1/storage/targets', {}, signal), REFRESH_MS);
  const stored = useLive('storage', (signal) => get<StorageList>('/v1/storage', { limit: SHOWN }, signal), 60_000);
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div class="page-head">
        <h1>Storage</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New target
          </button>
        </div>
      </div>
      <p class="intro">
        Collectors measure what each tenant stores, by sampling, with a stated error. Apps can also push figures to{' '}
        <code>POST /v1/storage</code>.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <section class="stack" aria-label="Targets">
            {items.length === 0 && (
              <p class="card table-empty">No target yet. Add the database, bucket or vector store of your product.</p>
            )}
            {items.map((target) => (
              <Target key={target.id} target={target} clock={clock} onChanged={live.refresh} />
            ))}
          </section>
        )}
      </Loaded>
      <h2>What was measured</h2>
      <Loaded live={stored}>{(list) => <Stored list={list} clock={clock} />}</Loaded>
      {adding && (
        <TargetForm
          onClose={() => setAdding(false)}
          onCreated={() => {
            setAdding(false);
            live.refresh();
          }}
        />
      )}
    </>
  );
}

function Target(props: { target: StorageTargetItem; clock: TimeText; onChanged: () => void }) {
  const { target } = props;
  const [problem, setProblem] = useState<string | undefined>();
  const path = `/v1/storage/targets/${encodeURIComponent(target.id)}`;
  const collect = async () => {
    setProblem(undefined);
    try {
      await send('POST', `${path}/collect`);
    } catch (thrown) {
      const error = asApiError(thrown);
      setProblem([error.message, error.problem?.hint].filter(Boolean).join(' '));
    }
    props.onChanged();
  };
  return (
    <article class="item card" data-testid="target" data-target={target.name}>
      <div class="item-main">
        <p class="item-head">
          <strong>{target.name}</strong>
          <span class="badge">{TARGET_KINDS.find(([kind]) => kind === target.kind)?.[1] ?? target.kind}</span>
          <span class="muted small">every {formatSpan(target.interval_seconds * 1000)}</span>
        </p>
        <Run target={target} clock={props.clock} />
        {problem !== undefined && (
          <p class="bad-text" role="alert">
            {problem}
          </p>
        )}
      </div>
      <div class="item-actions">
        <AskButton
          label="Delete …"
          about={target.name}
          title={`Delete the target ${target.name}?`}
          action="Delete"
          danger
          class="button small danger-quiet"
          onConfirm={() => send('DELETE', path)}
          onDone={props.onChanged}
        >
          <p>What it measured stays; nothing new is measured there.</p>
        </AskButton>
        <button
          type="button"
          class="button small"
          aria-label={`Collect ${target.name} now`}
          disabled={target.run?.state === 'running'}
          onClick={() => void collect()}
        >
          Collect now
        </button>
      </div>
    </article>
  );
}

function Run({ target: { run }, clock }: { target: StorageTargetItem; clock: TimeText }) {
  if (run === null) return <p class="muted small">Not run yet.</p>;
  const at = (text: string) => clock.dateMinute(Date.parse(text));
  const words = {
    running: `Running since ${at(run.started_at)}`,
    done: `Done at ${at(run.ended_at ?? run.started_at)}`,
    failed: `Failed at ${at(run.ended_at ?? run.started_at)}`,
  }[run.state];
  const tone = { running: 'wait', done: 'ok', failed: 'bad' }[run.state];
  return (
    <ul class="story small">
      <li class={`tone-${tone}`}>
        {words}
        {run.progress !== null && `; ${progressText(run.progress)}`}
        {run.attempts > 1 && `; ${run.attempts} attempts`}
      </li>
      {run.error !== null && (
        <li class="tone-bad" data-testid="run-error">
          {run.error}
          {run.retry_at !== null && `; next try at ${at(run.retry_at)}`}
        </li>
      )}
      {run.skipped.map(({ name, reason }) => (
        <li key={name} class="tone-wait">
          Not measured: {name}, {reason}
        </li>
      ))}
    </ul>
  );
}

function Stored({ list, clock }: { list: StorageList; clock: TimeText }) {
  const columns = useMemo(
    (): readonly TableColumn<StorageItem>[] => [
      { id: 'tenant_id', label: 'Tenant', align: 'left', value: ({ tenant_id }) => tenant_id },
      { id: 'store', label: 'Store', align: 'left', value: ({ store }) => store },
      { id: 'bytes', label: 'Size', value: ({ bytes }) => bytes, cell: ({ bytes }) => formatBytes(bytes) },
      {
        id: 'error_bytes',
        label: 'Error',
        about: 'Standard error of the size; 0: counted',
        value: ({ error_bytes }) => error_bytes,
        cell: ({ error_bytes }) =>
          error_bytes === null ? (
            <span class="muted">unknown</span>
          ) : error_bytes === 0 ? (
            'none'
          ) : (
            `±${formatBytes(error_bytes)}`
          ),
      },
      {
        id: 'objects',
        label: 'Objects',
        wide: true,
        value: ({ objects }) => objects,
        cell: ({ objects }) => formatCount(objects),
      },
      { id: 'method', label: 'Method', align: 'left', wide: true, value: ({ method }) => method },
      {
        id: 'measured_at',
        label: 'Measured',
        align: 'left',
        wide: true,
        value: ({ measured_at }) => measured_at,
        cell: ({ measured_at }) => (measured_at === null ? NO_VALUE : clock.dateMinute(Date.parse(measured_at))),
      },
    ],
    [clock],
  );
  return (
    <>
      {list.total > list.items.length && (
        <p class="muted small">
          The first {formatCount(list.items.length)} of {formatCount(list.total)}.
        </p>
      )}
      <DataTable
        id="storage"
        caption="Storage by tenant and store"
        columns={columns}
        rows={list.items}
        rowKey={({ tenant_id, store }) => `${tenant_id} ${store}`}
        defaultSort="-bytes"
        empty="Nothing is known yet: the first run of a target fills this."
      />
    </>
  );
}

const FIELD_NAMES = [...new Set(Object.values(TARGET_FIELDS).flatMap((fields) => fields.map(({ name }) => name)))];

const TARGET_DRAFT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FIELD_NAMES.map((name) => [name, ''])),
  ...{ name: '', kind: 'postgres', interval_seconds: '21600' },
};

function TargetForm(props: { onClose: () => void; onCreated: () => void }) {
  const form = useForm({
    initial: TARGET_DRAFT,
    check: ({ name = '' }): Record<string, string> =>
      /^[A-Za-z0-9._-]{1,64}$/.test(name.trim()) ? {} : { name: '1 to 64 letters, digits and . _ -' },
    send: ({ name = '', kind = '', interval_seconds, ...typed }) =>
      send('POST', '/v1/storage/targets', {
        ...{ name: name.trim(), kind, interval_seconds: Number(interval_seconds) },
        settings: settingsOf(kind as TargetKind, typed),
      }),
    onSent: props.onCreated,
  });
  return (
    <FormDialog
      form={form}
      title="New storage target"
      submitLabel="Create target"
      testId="target-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField field={form.field('name')} label="Name" placeholder="shop-db" maxLength={64} />
        <SelectField field={form.field('kind')} label="Kind" options={TARGET_KINDS} />
        {TARGET_FIELDS[form.values['kind'] as TargetKind].map(({ name, label, placeholder = '', hint }) => (
          <TextField
            key={name}
            field={form.field(name)}
            label={label}
            placeholder={placeholder}
            {...(hint === undefined ? {} : { hint })}
          />
        ))}
        <SelectField
          field={form.field('interval_seconds')}
          label="Measured"
          options={[
            ['3600', 'Every hour'],
            ['21600', 'Every 6 hours'],
            ['86400', 'Every day'],
          ]}
        />
      </div>
    </FormDialog>
  );
}
