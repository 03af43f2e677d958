import { useState } from 'preact/hooks';
import type { ReportScheduleItem, ReportScheduleList } from '../../../src/api/reports-contract.ts';
import { get, send } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { SigningSecretField } from '../shared/form-secret.tsx';
import { TenantField } from '../shared/form-tenant.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';

const DATASETS = [
  ['usage', 'Usage'],
  ['quotas', 'Quotas'],
  ['ai-costs', 'AI costs'],
  ['costs', 'Costs'],
  ['margins', 'Margins'],
] as const;

/** Files that are sent to a webhook when a day, week or month has ended. */
export function ReportsPage(_props: PageProps) {
  const live = useLive('reports', (signal) => get<ReportScheduleList>('/v1/report-schedules', {}, signal), 30_000);
  const { zone } = usePreferences();
  const [adding, setAdding] = useState(false);
  return (
    <>
      <div class="page-head">
        <h1>Reports</h1>
        <div class="page-actions">
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            New schedule
          </button>
        </div>
      </div>
      <p class="intro">
        A report goes to a webhook once its day, week or month has ended, signed as Standard Webhooks says.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <section class="stack" aria-label="Schedules">
            {items.length === 0 && <p class="card table-empty">Nothing is sent yet. Make a schedule.</p>}
            {items.map((item) => (
              <Schedule key={item.id} item={item} clock={timeText(zone)} onChanged={live.refresh} />
            ))}
          </section>
        )}
      </Loaded>
      {adding && (
        <ScheduleForm
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

function Schedule(props: { item: ReportScheduleItem; clock: TimeText; onChanged: () => void }) {
  const { item, clock } = props;
  const at = (text: string) => clock.dateMinute(Date.parse(text));
  return (
    <article class="item card" data-testid="schedule" data-schedule={item.name}>
      <div class="item-main">
        <p class="item-head">
          <strong>{item.name}</strong>
          <span class="badge">{item.format}</span>
        </p>
        <p>
          {DATASETS.find(([id]) => id === item.dataset)?.[1] ?? item.dataset} of {item.tenant_id ?? 'every tenant'},
          every {item.period} ({item.time_zone}), to {item.host}
        </p>
        <p class="muted small">
          Next at {at(item.next_at)}; by {item.created_by}
        </p>
        <Delivery delivery={item.last_delivery} at={at} />
      </div>
      <AskButton
        label="Delete …"
        about={item.name}
        title={`Delete ${item.name}?`}
        action="Delete"
        danger
        class="button small danger-quiet"
        onConfirm={() => send('DELETE', `/v1/report-schedules/${encodeURIComponent(item.id)}`)}
        onDone={props.onChanged}
      >
        <p>{item.host} gets it no more.</p>
      </AskButton>
    </article>
  );
}

function Delivery(props: { delivery: ReportScheduleItem['last_delivery']; at: (text: string) => string }) {
  const { delivery, at } = props;
  if (delivery === null) return <p class="muted small">Not sent yet.</p>;
  const tone = { sent: 'ok', failed: 'bad', waiting: 'wait' }[delivery.state];
  const rows = delivery.rows === null ? '' : `, ${formatCount(delivery.rows)} rows`;
  const words = {
    sent: `Arrived at ${at(delivery.at)}${rows}`,
    failed: `Given up at ${at(delivery.at)} after ${delivery.attempts} attempts`,
    waiting: `On its way, ${delivery.attempts} attempts so far`,
  }[delivery.state];
  return (
    <ul class="story small">
      <li class={`tone-${tone}`}>
        {words}
        {delivery.detail !== null && `: ${delivery.detail}`}
      </li>
    </ul>
  );
}

function ScheduleForm(props: { onClose: () => void; onCreated: () => void }) {
  const form = useForm({
    initial: {
      name: '',
      dataset: 'usage',
      format: 'csv',
      step: 'total',
      period: 'month',
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      tenant_id: '',
      url: '',
      signing_secret: '',
    },
    check: ({ name, url, signing_secret: secret }) => ({
      ...(name.trim() === '' ? { name: 'Give it a name.' } : {}),
      ...(URL.canParse(url.trim()) ? {} : { url: 'An address such as https://example.com/reports.' }),
      ...(secret.startsWith('whsec_') ? {} : { signing_secret: 'whsec_ and 24 to 64 bytes in base64.' }),
    }),
    send: ({ tenant_id, ...rest }) =>
      send('POST', '/v1/report-schedules', {
        ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value.trim()])),
        ...(tenant_id.trim() === '' ? {} : { tenant_id: tenant_id.trim() }),
      }),
    onSent: props.onCreated,
  });
  return (
    <FormDialog
      form={form}
      title="New schedule"
      submitLabel="Create schedule"
      testId="schedule-dialog"
      wide
      onCancel={props.onClose}
    >
      <div class="fields">
        <TextField field={form.field('name')} label="Name" placeholder="Monthly costs" maxLength={100} />
        <SelectField field={form.field('dataset')} label="What" options={DATASETS} />
        <SelectField field={form.field('format')} label="Format" options={['csv', 'json', 'parquet']} />
        <SelectField
          field={form.field('period')}
          label="Every"
          options={[
            ['day', 'Day'],
            ['week', 'Week, from Monday'],
            ['month', 'Month'],
          ]}
        />
        {form.values.dataset === 'usage' && (
          <SelectField
            field={form.field('step')}
            label="Rows"
            options={[
              ['total', 'One a tenant'],
              ['day', 'One a tenant and day'],
              ['month', 'One a tenant and month'],
            ]}
          />
        )}
        <TextField field={form.field('time_zone')} label="Time zone" />
        <TenantField field={form.field('tenant_id')} label="Of tenant" placeholder="every tenant" />
        <TextField
          field={form.field('url')}
          kind="url"
          label="Send to"
          placeholder="https://example.com/reports"
          full
        />
        <SigningSecretField field={form.field('signing_secret')} />
      </div>
    </FormDialog>
  );
}
