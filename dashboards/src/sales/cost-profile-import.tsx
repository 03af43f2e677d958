import { useState } from 'preact/hooks';
import type { TenantProfileImport } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Dialog, FormProblem } from '../shared/form.tsx';
import { FileField } from '../shared/form-file.tsx';
import { formatCount } from '../shared/format.ts';
import { asApiError } from '../shared/use-form.ts';
import { importProfiles } from './cost-api.ts';

interface Preview {
  readonly content: string;
  readonly answer: TenantProfileImport;
}

/** Segments, owners, names and tags from a file: looked at first, then taken whole or not at all. */
export function ProfileImportDialog(props: { onClose: () => void; onImported: () => void }) {
  const [file, setFile] = useState<File | undefined>();
  const [preview, setPreview] = useState<Preview | undefined>();
  const [problem, setProblem] = useState<string | undefined>();
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (thrown) {
      const error = asApiError(thrown);
      setProblem([error.message, error.problem?.hint].filter(Boolean).join(' '));
    } finally {
      setBusy(false);
    }
  };
  const look = (chosen: File) => {
    setFile(chosen);
    setPreview(undefined);
    void run(async () => {
      const content = await chosen.text();
      setPreview({ content, answer: await importProfiles({ content, dry_run: true }) });
    });
  };
  const apply = ({ content, answer }: Preview) =>
    void run(async () => {
      await importProfiles({ content, fingerprint: answer.fingerprint });
      props.onImported();
    });
  const canApply = preview !== undefined && preview.answer.problems.length === 0 && preview.answer.changed > 0;
  return (
    <Dialog title="Import segments and owners" testId="profile-import" wide onClose={props.onClose}>
      <FileField
        label="A CSV file with the column tenant_id"
        hint="and any of segment, owner, display_name and tags (between semicolons). An empty cell takes away what was said; a column that is not there changes nothing."
        accept=".csv,text/csv"
        file={file}
        disabled={busy}
        onFile={look}
      />
      {preview !== undefined && <PreviewOf answer={preview.answer} />}
      <FormProblem text={problem} />
      <p class="dialog-actions">
        <button type="button" class="button" onClick={props.onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="button primary"
          disabled={!canApply || busy}
          aria-busy={busy}
          onClick={() => preview !== undefined && apply(preview)}
        >
          {busy ? 'One moment …' : preview === undefined ? 'Apply' : `Change ${formatCount(preview.answer.changed)}`}
        </button>
      </p>
    </Dialog>
  );
}

type Problem = TenantProfileImport['problems'][number];
type Change = TenantProfileImport['changes'][number];

const PROBLEM_COLUMNS: readonly TableColumn<Problem>[] = [
  { id: 'line', label: 'Line', value: (row) => row.line },
  { id: 'problem', label: 'What is wrong', align: 'left', value: (row) => row.problem },
];

const FIELDS = ['segment', 'owner', 'display_name', 'tags'] as const;

function changeText({ before, after }: Change): string {
  const text = (value: string | readonly string[] | null) =>
    value === null || value.length === 0 ? 'none' : typeof value === 'string' ? value : value.join(', ');
  return FIELDS.filter((name) => text(before[name]) !== text(after[name]))
    .map((name) => `${name}: ${text(before[name])} → ${text(after[name])}`)
    .join('; ');
}

const CHANGE_COLUMNS: readonly TableColumn<Change>[] = [
  { id: 'tenant', label: 'Tenant', align: 'left', value: (row) => row.tenant_id },
  { id: 'change', label: 'Change', align: 'left', value: changeText },
  { id: 'new', label: 'New', align: 'left', value: (row) => (row.is_new_tenant ? 'new tenant' : '') },
];

function PreviewOf(props: { answer: TenantProfileImport }) {
  const { answer } = props;
  if (answer.problems.length > 0) {
    return (
      <>
        <p class="bad-text" role="alert">
          {formatCount(answer.problems.length)} problems: nothing can be taken from this file as it is.
        </p>
        <DataTable
          id="profile-problems"
          caption="Problems by line"
          columns={PROBLEM_COLUMNS}
          rows={answer.problems}
          rowKey={({ line, problem }) => `${line} ${problem}`}
          empty=""
        />
      </>
    );
  }
  return (
    <>
      <p data-testid="profile-preview">
        {formatCount(answer.changed)} of {formatCount(answer.lines)} lines change something
        {answer.new_tenants > 0 && `, ${formatCount(answer.new_tenants)} name tenants that are not known yet`}.
      </p>
      <DataTable
        id="profile-changes"
        caption="What would change"
        columns={CHANGE_COLUMNS}
        rows={answer.changes}
        rowKey={({ tenant_id }) => tenant_id}
        empty="Everything is as the file says already."
      />
    </>
  );
}
