import { useState } from 'preact/hooks';
import type { NewRevenueImport, RevenueImportItem, RevenueImportList } from '../../../src/api/revenue-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Form, TextField } from '../shared/form.tsx';
import { FileField } from '../shared/form-file.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { importRevenue, listRevenueImports } from './revenue-api.ts';

/** Files of subscriptions and invoices: looked at, then taken as a whole. */
export function RevenueImports(props: { onImported: () => void }) {
  const live = useLive('revenue imports', listRevenueImports, null);
  const { zone } = usePreferences();
  return (
    <section class="stack" aria-labelledby="imports">
      <h2 id="imports">Imports</h2>
      <RevenueImport
        onImported={() => {
          live.refresh();
          props.onImported();
        }}
      />
      <Loaded live={live}>
        {({ items }) => (
          <DataTable
            id="revenue-imports"
            caption="Files that were imported"
            columns={importColumns(timeText(zone))}
            rows={items}
            rowKey={({ id }) => id}
            empty="No file was imported yet."
          />
        )}
      </Loaded>
    </section>
  );
}

type Imported = RevenueImportList['items'][number];

function importColumns(clock: TimeText): readonly TableColumn<Imported>[] {
  const counted = (id: 'added' | 'changed' | 'unchanged', label: string): TableColumn<Imported> => ({
    id,
    label,
    value: (row) => row[id],
    cell: (row) => formatCount(row[id]),
  });
  return [
    { id: 'file_name', label: 'File', align: 'left', value: ({ file_name }) => file_name },
    { id: 'format', label: 'Format', align: 'left', wide: true, value: ({ format }) => format },
    {
      id: 'as_of',
      label: 'As of',
      align: 'left',
      value: ({ as_of }) => as_of,
      cell: ({ as_of }) => clock.dateMinute(Date.parse(as_of)),
    },
    counted('added', 'New'),
    counted('changed', 'Changed'),
    counted('unchanged', 'As they were'),
    { id: 'created_by', label: 'By', align: 'left', wide: true, value: ({ created_by }) => created_by },
  ];
}

interface Looked {
  readonly file: NewRevenueImport;
  readonly report: RevenueImportItem;
}

function RevenueImport(props: { onImported: () => void }) {
  const [file, setFile] = useState<File | undefined>();
  const [looked, setLooked] = useState<Looked | undefined>();
  const [done, setDone] = useState<RevenueImportItem | undefined>();
  const form = useForm({
    initial: { as_of: '' },
    send: async ({ as_of }) => {
      if (file === undefined) throw new Error('no file was chosen');
      const content = await file.text();
      const wanted = { file_name: file.name, content, ...(as_of === '' ? {} : { as_of: `${as_of}:00Z` }) };
      return { file: wanted, report: await importRevenue({ ...wanted, dry_run: true }) };
    },
    onSent: setLooked,
  });
  const apply = useForm({
    initial: {},
    send: () => {
      if (looked === undefined) throw new Error('nothing was looked at');
      return importRevenue(looked.file);
    },
    onSent: (report) => {
      setLooked(undefined);
      setDone(report);
      props.onImported();
    },
  });
  return (
    <div class="card panel" data-testid="revenue-import">
      <FileField
        label="Drop subscriptions or invoices here"
        hint="CSV of Stripe’s dashboard, JSON of its API, or a plain CSV; up to 24 MB"
        accept=".csv,.json,.jsonl,text/csv,application/json"
        file={file}
        onFile={(chosen) => {
          setFile(chosen);
          setLooked(undefined);
          setDone(undefined);
          form.clear();
        }}
      />
      {file !== undefined && looked === undefined && done === undefined && (
        <Form form={form} submitLabel="Show what it brings">
          <TextField
            field={form.field('as_of')}
            kind="datetime-local"
            label="The moment that it tells of, UTC"
            hint="Empty: now. Changes count from then on."
          />
        </Form>
      )}
      {looked !== undefined && (
        <div data-testid="revenue-preview">
          <Form
            form={apply}
            submitLabel="Import it"
            disabled={!looked.report.is_new}
            onCancel={() => setLooked(undefined)}
          >
            <Report report={looked.report} />
            {!looked.report.is_new && (
              <p class="warn-text">This very file was imported before: there is nothing to do.</p>
            )}
          </Form>
        </div>
      )}
      {done !== undefined && (
        <div role="status" class="good-text" data-testid="revenue-imported">
          <Report report={done} />
        </div>
      )}
    </div>
  );
}

function Report({ report }: { report: RevenueImportItem }) {
  return (
    <p>
      {formatCount(report.subscriptions)} subscriptions and {formatCount(report.invoices)} invoices:{' '}
      {formatCount(report.added)} new, {formatCount(report.changed)} changed, {formatCount(report.unchanged)} as they
      were. {formatCount(report.unmapped_customers)} customers of all imports are no tenant.
    </p>
  );
}
