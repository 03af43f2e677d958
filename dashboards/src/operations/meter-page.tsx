import { useState } from 'preact/hooks';
import type { MeterItem, MeterList, RejectedEventList } from '../../../src/api/meters-contract.ts';
import { get, send } from '../shared/api-client.ts';
import { AreaField, FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';

const AGGREGATIONS = [
  ['sum', 'Sum of a value'],
  ['count', 'Number of events'],
  ['unique_count', 'Number of different values'],
  ['avg', 'Average of a value'],
  ['min', 'Smallest value'],
  ['max', 'Largest value'],
  ['latest', 'Latest value'],
] as const;

/** What else tenants are measured by: own events, counted as meters say. */
export function MetersPage({ who }: PageProps) {
  const live = useLive('meters', (signal) => get<MeterList>('/v1/meters', {}, signal), null);
  const [adding, setAdding] = useState(false);
  const mayEdit = isFor(who, SALES_ROLES);
  return (
    <>
      <div class="page-head">
        <h1>Meters</h1>
        {mayEdit && (
          <div class="page-actions">
            <button type="button" class="button primary" onClick={() => setAdding(true)}>
              New meter
            </button>
          </div>
        )}
      </div>
      <p class="intro">
        Apps send CloudEvents to <code>POST /v1/events</code>; a meter says which of them count and how. Meters can be
        used in quotas and in allocation rules as <code>meter:name</code>.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <section class="stack" aria-label="Meters">
            {items.length === 0 && <p class="card table-empty">No meter yet. Make one for what spans cannot tell.</p>}
            {items.map((meter) => (
              <Meter key={meter.slug} meter={meter} mayEdit={mayEdit} onChanged={live.refresh} />
            ))}
          </section>
        )}
      </Loaded>
      {adding && (
        <MeterForm
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

function Meter(props: { meter: MeterItem; mayEdit: boolean; onChanged: () => void }) {
  const { meter } = props;
  const how = AGGREGATIONS.find(([name]) => name === meter.aggregation)?.[1] ?? meter.aggregation;
  const groups = Object.entries(meter.group_by).map(([name, path]) => `${name} (${path})`);
  return (
    <article class="item card" data-testid="meter" data-meter={meter.slug}>
      <div class="item-main">
        <p class="item-head">
          <strong>{meter.slug}</strong>
          {meter.unit !== '' && <span class="badge">{meter.unit}</span>}
        </p>
        <p>
          {how}
          {meter.value_property !== null && <code> {meter.value_property}</code>} of events of type{' '}
          <code>{meter.event_type}</code>
        </p>
        {meter.description !== '' && <p>{meter.description}</p>}
        {groups.length > 0 && <p class="muted small">Can be grouped by {groups.join(', ')}</p>}
        <Rejected slug={meter.slug} />
      </div>
      {props.mayEdit && (
        <AskButton
          label="Delete …"
          about={meter.slug}
          title={`Delete the meter ${meter.slug}?`}
          action="Delete"
          danger
          class="button small danger-quiet"
          onConfirm={() => send('DELETE', `/v1/meters/${encodeURIComponent(meter.slug)}`)}
          onDone={props.onChanged}
        >
          <p>Its events stay; quotas and rules that name it measure nothing from then on.</p>
        </AskButton>
      )}
    </article>
  );
}

/** Events of the type that could not be counted: a sender's mistake that would otherwise look like no usage. */
function Rejected({ slug }: { slug: string }) {
  const live = useLive(
    `rejected ${slug}`,
    (signal) => get<RejectedEventList>(`/v1/meters/${encodeURIComponent(slug)}/rejected`, {}, signal),
    null,
  );
  const items = live.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <details class="small warn-text">
      <summary>{formatCount(items.length)} events of the last hour had no usable value</summary>
      <ul>
        {items.slice(0, 20).map(({ tenant_id: tenant, source, id, time }) => (
          <li key={`${source} ${id}`}>
            {tenant}: {source} {id} at {time}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** "name = $.path" a line. */
function groupsOf(text: string): Record<string, string> {
  const pairs = text.split('\n').flatMap((line) => {
    const [, name = '', path = ''] = /^\s*([^=\s]+)\s*=\s*(.+?)\s*$/.exec(line) ?? [];
    return name === '' ? [] : [[name, path] as const];
  });
  return Object.fromEntries(pairs);
}

function MeterForm(props: { onClose: () => void; onCreated: () => void }) {
  const form = useForm({
    initial: {
      slug: '',
      event_type: '',
      aggregation: 'sum',
      value_property: '$.value',
      unit: '',
      description: '',
      group_by: '',
    },
    check: ({ slug, event_type }) => ({
      ...(/^[a-z0-9]+(?:_[a-z0-9]+)*$/.test(slug.trim())
        ? {}
        : { slug: 'Lower-case words joined by _, such as pdf_pages.' }),
      ...(event_type.trim() === '' ? { event_type: 'The type of the events that it counts.' } : {}),
    }),
    send: ({ slug, event_type, aggregation, value_property, unit, description, group_by }) => {
      const groups = groupsOf(group_by);
      return send('POST', '/v1/meters', {
        ...{ slug: slug.trim(), event_type: event_type.trim(), aggregation, description: description.trim() },
        ...(aggregation === 'count' ? {} : { value_property: value_property.trim() }),
        ...(unit.trim() === '' ? {} : { unit: unit.trim() }),
        ...(Object.keys(groups).length === 0 ? {} : { group_by: groups }),
      });
    },
    onSent: props.onCreated,
  });
  return (
    <FormDialog form={form} title="New meter" submitLabel="Create meter" testId="meter-dialog" onCancel={props.onClose}>
      <div class="fields">
        <TextField field={form.field('slug')} label="Name" placeholder="pdf_pages" maxLength={63} />
        <TextField field={form.field('event_type')} label="Event type" placeholder="com.example.pdf" maxLength={256} />
        <SelectField field={form.field('aggregation')} label="Counts" options={AGGREGATIONS} />
        {form.values.aggregation !== 'count' && (
          <TextField field={form.field('value_property')} label="Value in data" hint="JSON path, such as $.pages" />
        )}
        <TextField field={form.field('unit')} label="Unit" placeholder="pages" maxLength={50} />
        <TextField field={form.field('description')} label="Description" maxLength={500} />
        <AreaField
          field={form.field('group_by')}
          label="Can be grouped by"
          rows={2}
          mono
          placeholder="format = $.format"
          hint="One a line: name = JSON path"
        />
      </div>
    </FormDialog>
  );
}
