import type { WhoAmI } from '../../../src/api/contract.ts';
import type { RetentionOverviewItem, TenantRetentionItem } from '../../../src/api/lifecycle-retention-contract.ts';
import { Dialog, FormDialog, TextField } from '../shared/form.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount } from '../shared/format.ts';
import { isFor } from '../shared/page.ts';
import type { TimeText } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { retentionOf, retentionOverview, runRetention, setRetention } from './lifecycle-api.ts';
import { wholeNumberOf } from './lifecycle-effects.ts';

const LEVELS = [
  ['spans', 'Spans'],
  ['points', 'Data points of metrics'],
  ['minutes', 'Figures by the minute'],
  ['hours', 'Figures by the hour'],
  ['days', 'Figures by the day'],
] as const;
const MOST_DAYS = 36_600;

/** How long what one customer sent is kept, against the plan and the installation. */
export function RetentionDialog(props: { tenantId: string; onClose: () => void; onDone: () => void }) {
  const live = useLive(`retention ${props.tenantId}`, (signal) => retentionOf(props.tenantId, signal), null);
  if (live.data === undefined) {
    return (
      <Dialog title={`Retention of ${props.tenantId}`} testId="retention-dialog" onClose={props.onClose}>
        <p class="muted">{live.error?.message ?? 'Looking …'}</p>
      </Dialog>
    );
  }
  return <RetentionForm {...props} standing={live.data} />;
}

function RetentionForm(props: {
  tenantId: string;
  standing: TenantRetentionItem;
  onClose: () => void;
  onDone: () => void;
}) {
  const { standing } = props;
  const own = (level: (typeof LEVELS)[number][0]) => standing.own[`${level}_days`];
  const initial = Object.fromEntries(LEVELS.map(([level]) => [`${level}_days`, own(level)?.toString() ?? '']));
  const form = useForm({
    initial: initial as Record<string, string>,
    check: (values) =>
      Object.fromEntries(
        Object.entries(values).flatMap(([name, text]) =>
          text.trim() === '' || wholeNumberOf(text, 1, MOST_DAYS) !== undefined ? [] : [[name, 'Days, or nothing.']],
        ),
      ),
    send: (values) =>
      setRetention(
        props.tenantId,
        Object.fromEntries(
          Object.entries(values).map(([name, text]) => [name, text.trim() === '' ? null : Number(text)]),
        ),
      ),
    onSent: props.onDone,
  });
  return (
    <FormDialog
      form={form}
      title={`Retention of ${props.tenantId}`}
      submitLabel="Set retention"
      danger
      testId="retention-dialog"
      onCancel={props.onClose}
    >
      {standing.legal_hold === true && (
        <p class="banner" role="status">
          A legal hold stands: nothing is removed earlier than for everybody, whatever is said here.
        </p>
      )}
      <div class="fields">
        {LEVELS.map(([level, label]) => {
          const { days, source } = standing.levels[level];
          return (
            <TextField
              key={level}
              field={form.field(`${level}_days`)}
              label={`${label}, days`}
              kind="numeric"
              hint={`Now ${days}${source === 'installation' ? ', as for everybody' : source === 'plan' ? ', by its plan' : ''}`}
            />
          );
        })}
      </div>
      <p class="preview">
        What is older is removed by the next nightly run, and nobody can bring it back. Empty: as its plan or the
        installation says.
      </p>
    </FormDialog>
  );
}

/** What the runs that remove telemetry did, and how far the one under way is. */
export function RetentionRuns({ who, clock }: { who: WhoAmI | undefined; clock: TimeText }) {
  const live = useLive('retention', (signal) => retentionOverview(signal), 5_000);
  if (live.data === undefined) return null;
  const { runs, tenants, next_run_at: next } = live.data;
  const [last] = runs;
  return (
    <section class="card life-retention" data-testid="retention" aria-label="Retention">
      <h2>Retention</h2>
      <p>
        {tenants.length === 0
          ? 'What everybody sent is kept equally long.'
          : `${formatCount(tenants.length)} ${tenants.length === 1 ? 'customer has' : 'customers have'} less kept than the rest.`}{' '}
        {runText(last, clock)} <span class="muted">Next run {clock.dateMinute(Date.parse(next))}.</span>
      </p>
      {isFor(who, ['admin']) && (
        <AskButton
          label="Run now …"
          title="Remove what was kept long enough now?"
          action="Run now"
          danger
          onConfirm={runRetention}
          onDone={live.refresh}
        >
          <p>
            Rows that {formatCount(tenants.length)} customers have kept for long enough are removed for good, table by
            table. It costs the store some load: at night it would disturb less.
          </p>
        </AskButton>
      )}
    </section>
  );
}

function runText(last: RetentionOverviewItem['runs'][number] | undefined, clock: TimeText): string {
  if (last === undefined) return 'No run has been made yet.';
  const began = clock.dateMinute(Date.parse(last.started_at));
  switch (last.state) {
    case 'asked':
      return 'A run was asked for and begins within seconds.';
    case 'running':
      return `A run is under way: ${last.tables_done} of ${last.tables_total} tables, ${formatCount(last.rows_removed)} rows removed.`;
    case 'done':
      return `The last run, ${began}, removed ${formatCount(last.rows_removed)} rows.`;
    case 'failed':
      return `The last run, ${began}, failed: ${last.problem ?? 'nobody knows why'}`;
  }
}
