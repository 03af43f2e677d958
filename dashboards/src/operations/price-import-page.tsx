import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { PlannedPriceItem, PriceImportPreview } from '../../../src/api/prices-contract.ts';
import { AreaField, CheckField, Form, SelectField, TextField } from '../shared/form.tsx';
import { FileField } from '../shared/form-file.tsx';
import { formatCount } from '../shared/format.ts';
import type { PageProps } from '../shared/page.ts';
import { Tabs } from '../shared/tabs.tsx';
import { useForm } from '../shared/use-form.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/operations.css';
import '../styles/money.css';
import { applyImport, type PriceImportFile, previewImport } from './price-api.ts';
import { dateText, PRICE_TABS, subjectText, termsText, utcOf } from './price-text.ts';

const FORMATS = [
  ['litellm', 'LiteLLM, model_prices_and_context_window.json'],
  ['csv', 'CSV: provider, model, kind, price_usd, …'],
  ['genai-prices', 'The catalogue that comes with Tenantry'],
] as const;

interface Looked {
  readonly file: PriceImportFile;
  readonly preview: PriceImportPreview;
}

/** A price list is looked at first, then taken as a whole or not at all. */
export function PriceImportPage({ query }: PageProps) {
  const [file, setFile] = useState<File | undefined>();
  const [looked, setLooked] = useState<Looked | undefined>();
  const [applied, setApplied] = useState<string | undefined>();
  const form = useForm({
    initial: { format: 'litellm', text: '', effective_from: '', remove: false as boolean },
    check: ({ format, text }) =>
      format !== 'genai-prices' && file === undefined && text.trim() === ''
        ? { text: 'Choose a file above, or paste its text here.' }
        : {},
    send: async ({ format, text, effective_from, remove }) => {
      const from = utcOf(effective_from);
      const content = format === 'genai-prices' ? '' : file === undefined ? text : await file.text();
      const list: PriceImportFile = {
        ...{ format, text: content, file_name: file?.name ?? '', remove },
        ...(from === undefined ? {} : { effective_from: from }),
      };
      return { file: list, preview: await previewImport(list) };
    },
    onSent: setLooked,
  });
  const startAgain = () => {
    setLooked(undefined);
    setApplied(undefined);
  };
  return (
    <>
      <div class="page-head">
        <h1>Import prices</h1>
      </div>
      <Tabs label="Prices" pages={PRICE_TABS} current="/prices/import" query={query} />
      {applied !== undefined && (
        <p class="card table-empty" role="status" data-testid="import-done">
          {applied}{' '}
          <button type="button" class="button small" onClick={startAgain}>
            Import another list
          </button>
        </p>
      )}
      {applied === undefined && looked === undefined && (
        <div class="card panel narrow">
          <Form form={form} submitLabel="Show what would change">
            <SelectField field={form.field('format')} label="Format" options={FORMATS} />
            {form.values.format !== 'genai-prices' && (
              <>
                <FileField
                  label="Drop the price list here"
                  hint="Up to 6 MB"
                  accept=".json,.csv,application/json,text/csv"
                  file={file}
                  onFile={(chosen) => {
                    setFile(chosen);
                    if (chosen.name.endsWith('.csv')) form.change({ format: 'csv' });
                  }}
                />
                {file === undefined && <AreaField field={form.field('text')} label="Or paste it" rows={4} mono />}
              </>
            )}
            <TextField
              field={form.field('effective_from')}
              kind="datetime-local"
              label="Changed prices hold from, UTC"
              hint="A whole hour. Empty: the next one. Lists with dates of their own keep them."
            />
            <CheckField
              field={form.field('remove')}
              label="End prices of the same source that the list no longer has"
            />
          </Form>
        </div>
      )}
      {applied === undefined && looked !== undefined && (
        <Preview looked={looked} onBack={startAgain} onApplied={setApplied} />
      )}
    </>
  );
}

function Preview(props: { looked: Looked; onBack: () => void; onApplied: (text: string) => void }) {
  const { file, preview } = props.looked;
  const { counts } = preview;
  const changes = counts.added + counts.changed + counts.removed;
  return (
    <section class="stack" aria-label="What would change" data-testid="import-preview">
      <dl class="tiles">
        <Tile label="New" value={formatCount(counts.added)} testId="count-added" />
        <Tile label="Changed" value={formatCount(counts.changed)} testId="count-changed" />
        <Tile label="Ended" value={formatCount(counts.removed)} />
        <Tile label="As they were" value={formatCount(counts.unchanged)} />
        <Tile label="Not held by the book" value={formatCount(counts.skipped)} />
        <Tile label="Wrong lines" value={formatCount(counts.errors)} {...(counts.errors > 0 ? { tone: 'bad' } : {})} />
      </dl>
      {counts.errors > 0 && (
        <div class="banner bad" role="alert" data-testid="import-refused">
          Nothing can be applied while lines are wrong. Mend them in the file and choose it again.
        </div>
      )}
      <Problems title="Wrong lines" items={preview.errors} total={counts.errors} open />
      <Changed items={preview.changed} total={counts.changed} />
      <Planned title="New prices" items={preview.added} total={counts.added} />
      <Planned title="Ended prices" items={preview.removed} total={counts.removed} />
      <Problems title="What the book cannot hold" items={preview.skipped} total={counts.skipped} />
      {counts.errors === 0 && changes > 0 && <Apply file={file} preview={preview} onApplied={props.onApplied} />}
      {counts.errors === 0 && changes === 0 && <p class="card table-empty">The book says all of this already.</p>}
      <p>
        <button type="button" class="button" onClick={props.onBack}>
          Choose another file
        </button>
      </p>
    </section>
  );
}

function Apply(props: { file: PriceImportFile; preview: PriceImportPreview; onApplied: (text: string) => void }) {
  const form = useForm({
    initial: { reason: '' },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: it is kept with the version.' } : {}),
    send: ({ reason }) => applyImport(props.file, props.preview.version, reason.trim()),
    onSent: ({ version, added, ended }) =>
      props.onApplied(
        `Version ${version} of the book: ${formatCount(added)} prices added, ${formatCount(ended)} ended.`,
      ),
  });
  return (
    <div class="card panel narrow">
      <Form form={form} submitLabel="Apply">
        <TextField field={form.field('reason')} label="Reason" placeholder="List of November" maxLength={500} />
        <p class="muted small">
          All of it or nothing; refused if somebody changes the book meanwhile. Closed months keep their figures.
        </p>
      </Form>
    </div>
  );
}

const period = (price: PlannedPriceItem) =>
  `${dateText(price.effective_from, 'since ever')} to ${dateText(price.effective_to, 'further notice')}`;

function Section(props: { title: string; total: number; shown: number; open?: boolean; children: ComponentChildren }) {
  if (props.total === 0) return null;
  return (
    <details class="card rows" open={props.open}>
      <summary>
        <h2 class="inline">{props.title}</h2> <span class="muted">{formatCount(props.total)}</span>
      </summary>
      <ul>{props.children}</ul>
      {props.total > props.shown && <p class="muted small">The first {formatCount(props.shown)} are shown.</p>}
    </details>
  );
}

function Planned(props: { title: string; items: readonly PlannedPriceItem[]; total: number }) {
  return (
    <Section title={props.title} total={props.total} shown={props.items.length}>
      {props.items.map((price, index) => (
        <li key={String(index)} class="row">
          <span class="row-main">
            <strong>{price.model}</strong> <span class="muted">by {price.provider}</span>, {subjectText(price)}:{' '}
            {termsText(price)} <span class="muted small">{period(price)}</span>
          </span>
        </li>
      ))}
    </Section>
  );
}

function Changed(props: { items: PriceImportPreview['changed']; total: number }) {
  return (
    <Section title="Changed prices" total={props.total} shown={props.items.length} open>
      {props.items.map(({ before, after }, index) => (
        <li key={String(index)} class="row" data-testid="changed-price">
          <span class="row-main">
            <strong>{after.model}</strong> <span class="muted">by {after.provider}</span>, {subjectText(after)}:{' '}
            <span class="changed-from">{before.map(termsText).join(' / ')}</span> {termsText(after)}{' '}
            <span class="muted small">{period(after)}</span>
          </span>
        </li>
      ))}
    </Section>
  );
}

function Problems(props: { title: string; items: PriceImportPreview['errors']; total: number; open?: boolean }) {
  return (
    <Section title={props.title} total={props.total} shown={props.items.length} open={props.open ?? false}>
      {props.items.map(({ where, reason }, index) => (
        <li key={String(index)} class="row">
          <span class="row-main">
            <strong>{where}</strong> {reason}
          </span>
        </li>
      ))}
    </Section>
  );
}
