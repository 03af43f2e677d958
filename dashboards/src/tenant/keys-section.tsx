import { useState } from 'preact/hooks';
import type { CreatedKey, KeyItem } from '../../../src/api/keys-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Dialog, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { NO_VALUE } from '../shared/format.ts';
import { PreviousSecret, RotationDialog } from '../shared/key-rotation.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { createKey, listKeys, revokeKey } from './account-api.ts';
import { KEY_LIVES } from './account-text.ts';
import { SectionTitle } from './section-title.tsx';
import '../styles/account.css';

/** Keys that speak for the tenant: never the secret, but for once when one is made. */
export function KeysSection(props: { tenantId: string; isOperator: boolean; ofPage?: true }) {
  const { tenantId, isOperator, ofPage } = props;
  const live = useLive(`keys ${tenantId}`, (signal) => listKeys(tenantId, signal), 30_000);
  const [open, setOpen] = useState(false);
  const [made, setMade] = useState<CreatedKey | undefined>();
  const [rotating, setRotating] = useState<KeyItem | undefined>();
  return (
    <section class="usage-section" aria-labelledby="keys-title" data-testid="keys">
      <header class="section-head">
        <SectionTitle id="keys-title" text="Keys" ofPage={ofPage === true} />
        <button type="button" class="button primary small" data-testid="add-key" onClick={() => setOpen(true)}>
          Make a key
        </button>
      </header>
      <p class="muted section-about">
        A key sends telemetry and usage events of {isOperator ? 'this tenant' : 'your own account'}, and reads nothing.
        Keep it out of browsers and repositories.
      </p>
      <Loaded live={live}>
        {(keys) => (
          <KeyTable keys={keys} isOperator={isOperator} onChange={live.refresh} onRotate={(key) => setRotating(key)} />
        )}
      </Loaded>
      {open && (
        <MakeKey
          tenantId={tenantId}
          onClose={() => setOpen(false)}
          onMade={(key) => {
            setOpen(false);
            setMade(key);
            live.refresh();
          }}
        />
      )}
      {rotating && (
        <RotationDialog
          item={rotating}
          onClose={() => setRotating(undefined)}
          onRotated={(key) => {
            setRotating(undefined);
            setMade(key);
            live.refresh();
          }}
        />
      )}
      {made && <KeyOnce made={made} onClose={() => setMade(undefined)} />}
    </section>
  );
}

const STATUS_WORDS: Readonly<Record<KeyItem['status'], string>> = {
  active: 'Active',
  expired: 'Expired',
  revoked: 'Revoked',
};

function KeyTable(props: {
  keys: readonly KeyItem[];
  isOperator: boolean;
  onChange: () => void;
  onRotate: (key: KeyItem) => void;
}) {
  const mayChange = (key: KeyItem) => props.isOperator || key.created_by !== 'operator';
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const time = (text: string | null, none: string) => (text === null ? none : clock.dateMinute(Date.parse(text)));
  const columns: readonly TableColumn<KeyItem>[] = [
    { id: 'name', label: 'Name', align: 'left', value: ({ name }) => name },
    {
      id: 'status',
      label: 'State',
      align: 'left',
      value: ({ status }) => STATUS_WORDS[status],
      cell: (key) => (
        <>
          <span class={`badge state-${key.status}`}>{STATUS_WORDS[key.status]}</span>
          <PreviousSecret item={key} mayEnd={mayChange(key)} onEnded={props.onChange} />
        </>
      ),
    },
    { id: 'created_by', label: 'Made by', align: 'left', wide: true, value: (key) => key.created_by },
    {
      id: 'created_at',
      label: 'Made',
      wide: true,
      value: (key) => key.created_at,
      cell: (key) => time(key.created_at, ''),
    },
    {
      id: 'expires_at',
      label: 'Expires',
      wide: true,
      value: (key) => key.expires_at,
      cell: (key) => time(key.expires_at, 'never'),
    },
    {
      id: 'last_used_at',
      label: 'Last used',
      about: 'Noted about once a minute',
      value: (key) => key.last_used_at,
      cell: (key) => time(key.last_used_at, NO_VALUE),
    },
    {
      id: 'actions',
      label: '',
      sortable: false,
      value: () => '',
      cell: (key) =>
        key.status === 'active' &&
        mayChange(key) && (
          <span class="row-actions">
            <button
              type="button"
              class="button small"
              aria-label={`Rotate ${key.name}`}
              onClick={() => props.onRotate(key)}
            >
              Rotate
            </button>
            <AskButton
              label="Revoke"
              about={key.name}
              title={`Revoke ${key.name}`}
              action="Revoke"
              danger
              onConfirm={() => revokeKey(key.id)}
              onDone={props.onChange}
            >
              <p>
                Within seconds nothing takes this key any more. What still sends with it is refused; it cannot be
                undone.
              </p>
            </AskButton>
          </span>
        ),
    },
  ];
  return (
    <DataTable
      id="keys"
      caption="Keys"
      columns={columns}
      rows={props.keys}
      rowKey={({ id }) => id}
      empty="No key yet. Make one to send telemetry of your own."
    />
  );
}

function MakeKey(props: { tenantId: string; onClose: () => void; onMade: (key: CreatedKey) => void }) {
  const form = useForm({
    initial: { name: '', life: '7776000' },
    check: ({ name }) => (name.trim() === '' ? { name: 'Say what it is for.' } : {}),
    send: ({ name, life }) =>
      createKey({
        ...{ name: name.trim(), scopes: ['ingest'], tenant_id: props.tenantId },
        ...(life === '' ? {} : { expires_in_seconds: Number(life) }),
      }),
    onSent: props.onMade,
  });
  return (
    <FormDialog form={form} title="Make a key" submitLabel="Make the key" onCancel={props.onClose} testId="key-dialog">
      <TextField field={form.field('name')} label="What it is for" placeholder="Nightly import" maxLength={200} />
      <SelectField field={form.field('life')} label="Valid for" options={KEY_LIVES} />
    </FormDialog>
  );
}

/** The secret, once. Closing is the only way on, so that nobody loses it by a stray click. */
export function KeyOnce({ made, onClose }: { made: CreatedKey; onClose: () => void }) {
  const [copied, setCopied] = useState<string | undefined>();
  const copy = () => {
    navigator.clipboard.writeText(made.key).then(
      () => setCopied('Copied'),
      () => setCopied('Select the text and copy it by hand'),
    );
  };
  return (
    <Dialog title={`The key ${made.name}`} testId="key-shown" onClose={onClose}>
      <p>Copy it now: only its hash is kept, so nobody can show it again.</p>
      <p class="secret" data-testid="key-secret">
        {made.key}
      </p>
      <p class="dialog-actions">
        <span class="muted small" role="status">
          {copied}
        </span>
        <button type="button" class="button" onClick={copy}>
          Copy
        </button>
        <button type="button" class="button primary" data-testid="key-kept" onClick={onClose}>
          I have kept it
        </button>
      </p>
    </Dialog>
  );
}
