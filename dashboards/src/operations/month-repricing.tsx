import { useState } from 'preact/hooks';
import type { MonthItem, RepricingPreview } from '../../../src/api/prices-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Form, TextField } from '../shared/form.tsx';
import { formatCount } from '../shared/format.ts';
import { exactAmount, signedAmount } from '../shared/money.ts';
import { useForm } from '../shared/use-form.ts';
import { Tile } from '../sre/tiles.tsx';
import { isMonth, monthAfter, monthName } from './month-text.ts';
import { applyRepricing, type MonthRange, previewRepricing } from './price-api.ts';
import { type TenantDifference, tenantDifferences } from './price-difference.ts';

interface Looked {
  readonly range: MonthRange;
  readonly preview: RepricingPreview;
}

/** What today's prices change in months that are over: per tenant before anything is written, then with a reason. */
export function Repricing(props: {
  closed: readonly MonthItem[];
  mayApply: boolean;
  lastMonth: string;
  onApplied: () => void;
}) {
  const [looked, setLooked] = useState<Looked | undefined>();
  const [done, setDone] = useState<string | undefined>();
  const form = useForm({
    initial: { from: props.lastMonth, last: props.lastMonth },
    check: ({ from, last }) => ({
      ...(isMonth(from) ? {} : { from: 'A month such as 2026-10.' }),
      ...(isMonth(last) && last >= from ? {} : { last: 'The same month, or a later one.' }),
    }),
    send: async ({ from, last }) => {
      const range = { from, to: monthAfter(last) };
      return { range, preview: await previewRepricing(range) };
    },
    onSent: (result) => {
      setDone(undefined);
      setLooked(result);
    },
  });
  return (
    <section class="card panel" aria-labelledby="repricing" data-testid="repricing">
      <h2 id="repricing">Repricing</h2>
      <p class="intro">
        Open months follow the book by themselves. For closed months, applying writes the differences as correction
        lines beside the closed figures; the figures themselves stay.
      </p>
      <Form form={form} submitLabel="Show the differences">
        <div class="fields">
          <TextField field={form.field('from')} kind="month" label="First month" />
          <TextField field={form.field('last')} kind="month" label="Last month" />
        </div>
      </Form>
      {done !== undefined && (
        <p role="status" class="good-text">
          {done}
        </p>
      )}
      {looked !== undefined && (
        <Differences
          looked={looked}
          closed={props.closed}
          mayApply={props.mayApply}
          onApplied={(text) => {
            setLooked(undefined);
            setDone(text);
            props.onApplied();
          }}
        />
      )}
    </section>
  );
}

const COLUMNS: readonly TableColumn<TenantDifference>[] = [
  { id: 'tenant_id', label: 'Tenant', align: 'left', value: ({ tenantId }) => tenantId },
  ...(['before', 'after', 'difference'] as const).map(
    (id): TableColumn<TenantDifference> => ({
      id,
      label: { before: 'Before', after: 'After', difference: 'Difference' }[id],
      value: (row) => row[id] / 1e6,
      cell: (row) => (
        <span title={exactAmount(row[id], 'USD')}>
          {id === 'difference' ? signedAmount(row[id], 'USD') : signedAmount(row[id], 'USD').replace('+', '')}
        </span>
      ),
    }),
  ),
  { id: 'models', label: 'Models', align: 'left', wide: true, value: ({ models }) => models.join(', ') },
  { id: 'calls', label: 'Calls', wide: true, value: ({ calls }) => calls },
];

function Differences(props: {
  looked: Looked;
  closed: readonly MonthItem[];
  mayApply: boolean;
  onApplied: (text: string) => void;
}) {
  const { preview, range } = props.looked;
  const touched = [...new Set(preview.items.filter(({ closed }) => closed).map(({ month }) => month))].toSorted();
  const rows = tenantDifferences(preview.items);
  const total = rows.reduce((sum, { difference }) => sum + difference, 0);
  return (
    <div class="stack" data-testid="repricing-preview">
      <dl class="tiles">
        <Tile label="Tenants concerned" value={formatCount(rows.length)} />
        <Tile label="Difference" value={signedAmount(total, 'USD')} title={exactAmount(total, 'USD')} />
        <Tile
          label="As correction lines"
          value={signedAmount(preview.correction_micro, 'USD')}
          sub={touched.length === 0 ? 'no closed month is concerned' : touched.map(monthName).join(', ')}
          title={exactAmount(preview.correction_micro, 'USD')}
          testId="correction"
        />
      </dl>
      <p class="muted small">
        Closed months are compared with their closed figures, open ones with version {preview.from_version} of the book;
        the book is at version {preview.version}.
        {preview.total > preview.items.length &&
          ` Only ${formatCount(preview.items.length)} of ${formatCount(preview.total)} lines are in this table.`}
      </p>
      <DataTable
        id="repricing"
        caption="Differences by tenant"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ tenantId }) => tenantId}
        defaultSort="-difference"
        empty="The prices of today change nothing in these months."
      />
      {props.mayApply && touched.length > 0 && (
        <Apply range={range} preview={preview} touched={touched} onApplied={props.onApplied} />
      )}
      {!props.mayApply && touched.length > 0 && <p class="muted">An admin can apply this.</p>}
    </div>
  );
}

function Apply(props: {
  range: MonthRange;
  preview: RepricingPreview;
  touched: readonly string[];
  onApplied: (text: string) => void;
}) {
  const form = useForm({
    initial: { reason: '' },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: it is kept with every correction line.' } : {}),
    send: ({ reason }) => applyRepricing(props.range, props.preview.version, reason.trim()),
    onSent: ({ lines, difference_micro }) =>
      props.onApplied(
        `${formatCount(lines)} correction lines were written, ${signedAmount(difference_micro, 'USD')} together.`,
      ),
  });
  return (
    <Form form={form} submitLabel="Write correction lines" danger>
      <TextField
        field={form.field('reason')}
        label="Reason"
        placeholder="The price of gpt-4o was entered too late"
        hint={`Adds correction lines to ${props.touched.map(monthName).join(', ')}. The closed figures stay as they are.`}
        maxLength={500}
      />
    </Form>
  );
}
