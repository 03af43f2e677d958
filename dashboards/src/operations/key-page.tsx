import { useState } from 'preact/hooks';
import type { CreatedKey, KeyItem, KeyList } from '../../../src/api/keys-contract.ts';
import { get, send } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Dialog, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { PreviousSecret, RotationDialog } from '../shared/key-rotation.tsx';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';

const DAY_S = 86_400;

/** Keys of apps and collectors: made, seen once, revoked. */
export function KeysPage(_props: PageProps) {
  const { zone } = usePreferences();
  const live = useLive('keys', (signal) => get<KeyList>('/v1/keys', {}, signal), 30_000);
  const [adding, setAdding] = useState(false);
  const [created, setCreated] = useState<CreatedKey | undefined>();
  const [rotating, setRotating] = useState<KeyItem | undefined>();
  return (
    <>
      <div class="page-head">
        <h1>Keys</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New key
          </button>
        </div>
      </div>
      <p class="intro">
        Apps and collectors send telemetry with ingest keys, and ask for flags with flag keys. Only a hash of each key
        is kept.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <DataTable
            id="keys"
            caption="Keys"
            columns={columnsOf(timeText(zone), live.refresh, setRotating)}
            rows={items}
            rowKey={({ id }) => id}
            defaultSort="-created_at"
            empty="No key yet. Make one for each app or collector, so that each can be revoked alone."
          />
        )}
      </Loaded>
      {adding && (
        <KeyForm
          onClose={() => setAdding(false)}
          onCreated={(key) => {
            setAdding(false);
            setCreated(key);
            live.refresh();
          }}
        />
      )}
      {rotating !== undefined && (
        <RotationDialog
          item={rotating}
          onClose={() => setRotating(undefined)}
          onRotated={(key) => {
            setRotating(undefined);
            setCreated(key);
            live.refresh();
          }}
        />
      )}
      {created !== undefined && <ShownOnce created={created} onClose={() => setCreated(undefined)} />}
    </>
  );
}

function columnsOf(
  clock: TimeText,
  onChanged: () => void,
  onRotate: (key: KeyItem) => void,
): readonly TableColumn<KeyItem>[] {
  const time = (text: string | null, none: string) => (text === null ? none : clock.dateMinute(Date.parse(text)));
  return [
    { id: 'name', label: 'Name', align: 'left', value: ({ name }) => name },
    { id: 'scopes', label: 'For', align: 'left', value: ({ scopes }) => scopes.join(', ') },
    { id: 'tenant', label: 'Tenant', align: 'left', value: ({ tenant_id }) => tenant_id ?? 'every tenant' },
    {
      id: 'status',
      label: 'State',
      align: 'left',
      value: ({ status }) => status,
      cell: (key) => (
        <>
          <span class={`badge${key.status === 'active' ? ' accent' : ''}`}>{key.status}</span>
          <PreviousSecret item={key} mayEnd onEnded={onChanged} />
        </>
      ),
    },
    {
      id: 'last_used_at',
      label: 'Last used',
      align: 'left',
      value: ({ last_used_at }) => last_used_at,
      cell: ({ last_used_at }) => time(last_used_at, 'never'),
    },
    {
      id: 'expires_at',
      label: 'Expires',
      align: 'left',
      wide: true,
      value: ({ expires_at }) => expires_at,
      cell: ({ expires_at }) => time(expires_at, 'when revoked'),
    },
    {
      id: 'created_at',
      label: 'Made',
      align: 'left',
      wide: true,
      value: ({ created_at }) => created_at,
      cell: ({ created_at, created_by }) => (
        <>
          {time(created_at, '')} <span class="muted">by {created_by}</span>
        </>
      ),
    },
    {
      id: 'revoke',
      label: '',
      sortable: false,
      value: () => null,
      cell: (key) =>
        key.status === 'active' && (
          <span class="key-actions">
            <button
              type="button"
              class="button small"
              aria-label={`Rotate … ${key.name}`}
              onClick={() => onRotate(key)}
            >
              Rotate …
            </button>
            <AskButton
              label="Revoke …"
              about={key.name}
              title={`Revoke ${key.name}?`}
              action="Revoke"
              danger
              class="button small danger-quiet"
              onConfirm={() => send('DELETE', `/v1/keys/${encodeURIComponent(key.id)}`)}
              onDone={onChanged}
            >
              <p>
                Whatever uses it is refused within seconds: telemetry is lost, and flags are no longer renewed. Last
                used {time(key.last_used_at, 'never')}. This cannot be taken back.
              </p>
            </AskButton>
          </span>
        ),
    },
  ];
}

function KeyForm(props: { onClose: () => void; onCreated: (key: CreatedKey) => void }) {
  const form = useForm({
    initial: { name: '', scopes: 'ingest', tenant_id: '', service: '', days: '' },
    check: ({ name }): Record<string, string> => (name.trim() === '' ? { name: 'Say what it is for.' } : {}),
    send: ({ name, scopes, tenant_id, service, days }) =>
      send<CreatedKey>('POST', '/v1/keys', {
        name: name.trim(),
        scopes: scopes.split(','),
        ...(tenant_id.trim() === '' ? {} : { tenant_id: tenant_id.trim() }),
        ...(service.trim() === '' ? {} : { service: service.trim() }),
        ...(days === '' ? {} : { expires_in_seconds: Number(days) * DAY_S }),
      }),
    onSent: props.onCreated,
  });
  return (
    <FormDialog form={form} title="New key" submitLabel="Make the key" testId="key-dialog" onCancel={props.onClose}>
      <div class="fields">
        <TextField field={form.field('name')} label="Name" placeholder="shop, production" maxLength={200} />
        <SelectField
          field={form.field('scopes')}
          label="For"
          options={[
            ['ingest', 'Sending telemetry'],
            ['flags', 'Asking for flags'],
            ['ingest,flags', 'Both'],
          ]}
        />
        <TenantField field={form.field('tenant_id')} label="Only for tenant" placeholder="every tenant" />
        <TextField field={form.field('service')} label="Only for service" placeholder="every service" maxLength={128} />
        <SelectField
          field={form.field('days')}
          label="Expires"
          options={[
            ['', 'When it is revoked'],
            ['30', 'After 30 days'],
            ['90', 'After 90 days'],
            ['365', 'After a year'],
          ]}
        />
      </div>
    </FormDialog>
  );
}

function ShownOnce(props: { created: CreatedKey; onClose: () => void }) {
  const { created } = props;
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(created.key).then(
      () => setCopied(true),
      () => undefined,
    );
  };
  return (
    <Dialog title={`The key of ${created.name}`} testId="key-shown" onClose={props.onClose}>
      <div class="form">
        <p>Copy it now: it is shown this once.</p>
        <pre class="secret">
          <code data-testid="key-text">{created.key}</code>
        </pre>
        <p class="dialog-actions">
          <button type="button" class="button" onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </button>
          <button type="button" class="button primary" onClick={props.onClose}>
            I have it
          </button>
        </p>
      </div>
    </Dialog>
  );
}
