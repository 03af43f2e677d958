import { useEffect, useRef, useState } from 'preact/hooks';
import type { BillImportReport } from '../../../src/api/bills-contract.ts';
import { CheckField, Form, SelectField, TextField } from '../shared/form.tsx';
import { FileField } from '../shared/form-file.tsx';
import { formatBytes, formatCount } from '../shared/format.ts';
import { exactAmount, formatAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { type FormState, useForm } from '../shared/use-form.ts';
import { useNow } from '../shared/use-now.ts';
import { AllocationTiles, UnallocatedReasons } from './bill-change.tsx';
import { BillRefusal } from './bill-refusal.tsx';
import { daysText } from './bill-text.ts';
import { type BillUpload, type UploadProgress, uploadBill } from './bill-upload.ts';

const TERMS = {
  dry_run: true as boolean,
  measure: 'billed',
  encoding: 'auto',
  issuer: '',
  account: '',
  invoice: '',
  rates: '',
  into: 'USD',
  split: false as boolean,
  allow_identical: false as boolean,
  replace: false as boolean,
};
type Terms = typeof TERMS;

/** Only what differs from what the server takes for granted. */
function queryOf(terms: Terms) {
  const { into, rates, dry_run, split, allow_identical, replace, ...texts } = terms;
  const given = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, value.trim() || undefined]));
  const withRates = rates.trim() === '' ? {} : { rates: rates.replaceAll(' ', ''), into: into.trim() };
  return { ...given, ...withRates, dry_run, split, allow_identical, replace };
}

/** Brings a bill in: looked at first, unless the reader is sure; a refusal is said line by line. */
export function BillImport(props: { onImported: () => void; hrefOf: (id: string) => string }) {
  const [file, setFile] = useState<File | undefined>();
  const [progress, setProgress] = useState<UploadProgress | undefined>();
  const [report, setReport] = useState<BillImportReport | undefined>();
  const upload = useRef<BillUpload | undefined>(undefined);
  useEffect(() => () => upload.current?.abort(), []);
  const form = useForm({
    initial: TERMS,
    send: async (terms) => {
      if (file === undefined) throw new Error('no file was chosen');
      setReport(undefined);
      setProgress({ sent: 0, total: file.size });
      upload.current = uploadBill(file, queryOf(terms), setProgress);
      try {
        return await upload.current.result;
      } finally {
        setProgress(undefined);
      }
    },
    onSent: (answer) => {
      setReport(answer);
      if (!answer.dry_run) props.onImported();
    },
  });
  const take = (chosen: File) => {
    setFile(chosen);
    setReport(undefined);
    form.clear();
  };
  const importNow = () => {
    form.submit({ dry_run: false });
  };
  return (
    <section class="card panel" aria-label="Import a bill" data-testid="bill-import">
      <FileField
        label="Drop a bill here"
        hint="FOCUS (CSV or Parquet), AWS cost and usage report, or a simple CSV; gzip is fine"
        accept=".csv,.tsv,.gz,.parquet"
        file={file}
        disabled={form.sending}
        onFile={take}
      />
      {file !== undefined && (
        <Form
          form={form}
          submitLabel={form.values.dry_run ? 'Look at it' : 'Import'}
          disabled={form.sending}
          quietProblem
        >
          <CheckField field={form.field('dry_run')} label="Only look at it: read, check and share out, keep nothing" />
          <BillTerms form={form} />
        </Form>
      )}
      {progress !== undefined && <Progress progress={progress} onStop={() => upload.current?.abort()} />}
      {form.error !== undefined && !form.sending && <BillRefusal error={form.error} fileName={file?.name ?? ''} />}
      {report !== undefined && (
        <Report report={report} hrefOf={props.hrefOf} onImport={importNow} importing={form.sending} />
      )}
    </section>
  );
}

function BillTerms({ form }: { form: FormState<Terms> }) {
  return (
    <details>
      <summary>What the file does not say</summary>
      <div class="fields details-body">
        <TextField field={form.field('issuer')} label="Issuer" hint="For files that do not say who bills" />
        <TextField field={form.field('account')} label="Account" />
        <TextField field={form.field('invoice')} label="Invoice" hint="Tells two bills of one period apart" />
        <SelectField
          field={form.field('measure')}
          label="What counts"
          options={[
            ['billed', 'What the invoice says'],
            ['effective', 'Prepayments spread over their time (FOCUS)'],
          ]}
        />
        <TextField field={form.field('rates')} label="Exchange rates" placeholder="EUR=1.0832,GBP=1.27" />
        <TextField field={form.field('into')} label="Into currency" maxLength={3} />
        <SelectField
          field={form.field('encoding')}
          label="Encoding"
          options={['auto', 'utf-8', 'utf-16le', 'utf-16be', 'latin1']}
        />
        <div class="full">
          <CheckField field={form.field('split')} label="Lines in several currencies become as many bills" />
          <CheckField
            field={form.field('allow_identical')}
            label="Lines that are alike in every cell and have no id are wanted"
          />
          <CheckField
            field={form.field('replace')}
            label="Take the place of bills with the same issuer, account, period and invoice"
          />
        </div>
      </div>
    </details>
  );
}

/** First the sending, of which the browser knows how far it is; then the server's work, of which it knows how long it takes. */
function Progress(props: { progress: UploadProgress; onStop: () => void }) {
  const { sent, total } = props.progress;
  const [since] = useState(Date.now);
  useNow();
  const isSent = sent >= total;
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  return (
    <div class="progress" role="status" data-testid="upload-progress">
      <span>
        {isSent
          ? `Sent. The server reads, checks and shares out; ${seconds} s so far.`
          : `${formatBytes(sent)} of ${formatBytes(total)} sent`}
      </span>
      <progress max={total} value={isSent ? undefined : sent} aria-label="Sending the bill" />
      <button type="button" class="button small" onClick={props.onStop}>
        Stop
      </button>
    </div>
  );
}

function Report(props: {
  report: BillImportReport;
  hrefOf: (id: string) => string;
  onImport: () => void;
  importing: boolean;
}) {
  const { report } = props;
  return (
    <div class="stack" data-testid="import-report">
      {report.bills.map((bill) => (
        <div key={bill.id} class="stack" data-bill={bill.id}>
          <p>
            <strong title={exactAmount(bill.bill_micro, bill.currency)}>
              {formatAmount(bill.bill_micro, bill.currency)}
            </strong>{' '}
            in {formatCount(bill.lines)} lines, {daysText(bill.from, bill.to)}, by version {report.rules_version} of the
            rules.
            {bill.rounded_lines > 0 &&
              ` ${formatCount(bill.rounded_lines)} lines have more than 18 decimals, which do not count.`}
            {bill.correction && ' Charges of closed months count in the first open one.'}
            {bill.replaced.length > 0 && ` It takes the place of ${bill.replaced.length} earlier.`}
          </p>
          <AllocationTiles shares={bill} currency={bill.currency} />
          <UnallocatedReasons shares={bill} currency={bill.currency} />
          {!report.dry_run && <Link href={props.hrefOf(bill.id)}>Open the bill</Link>}
        </div>
      ))}
      {report.dry_run ? (
        <p class="item-actions">
          <span class="muted">Nothing was kept.</span>
          <button type="button" class="button primary" disabled={props.importing} onClick={props.onImport}>
            Import it
          </button>
        </p>
      ) : (
        <p role="status" class="good-text" data-testid="imported">
          Imported. It counts from now on.
        </p>
      )}
    </div>
  );
}
