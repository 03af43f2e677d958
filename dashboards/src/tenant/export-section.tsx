import { useState } from 'preact/hooks';
import type {
  TenantExportFormat,
  TenantExportItem,
  TenantExportList,
} from '../../../src/api/tenant-archives-contract.ts';
import { ApiError } from '../shared/api-client.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { formatBytes } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { askExport, cancelExport, listExports } from './account-api.ts';
import '../styles/account.css';

const FORMATS: readonly (readonly [TenantExportFormat, string])[] = [
  ['csv', 'CSV'],
  ['json', 'JSON'],
  ['parquet', 'Parquet'],
];
const RUNNING_MS = 1_000;
const IDLE_MS = 30_000;

/** Everything of one tenant as a file: asked for here, made in the background, fetched when it is there. */
export function ExportSection({ tenantId, isOperator }: { tenantId: string; isOperator: boolean }) {
  const [isBusy, setBusy] = useState(false);
  const live = useLive(
    `exports ${tenantId}`,
    async (signal) => {
      const list = await listExports(tenantId, signal);
      setBusy(list.items.some(isOpen));
      return list;
    },
    isBusy ? RUNNING_MS : IDLE_MS,
  );
  return (
    <section class="usage-section" aria-labelledby="export-title" data-testid="exports">
      <h2 id="export-title">Export everything</h2>
      <Loaded live={live}>
        {(list) => <Exports tenantId={tenantId} isOperator={isOperator} list={list} onChange={live.refresh} />}
      </Loaded>
    </section>
  );
}

function isOpen({ state }: TenantExportItem): boolean {
  return state === 'waiting' || state === 'running';
}

function Exports(props: { tenantId: string; isOperator: boolean; list: TenantExportList; onChange: () => void }) {
  const { tenantId, isOperator, list, onChange } = props;
  const clock = timeText(usePreferences().zone);
  const [problem, setProblem] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const formats = isOperator ? [...FORMATS, ['archive', 'Archive'] as const] : FORMATS;
  const waits = isAsking || list.items.some(isOpen);
  const ask = async (format: TenantExportFormat) => {
    setAsking(true);
    setProblem(undefined);
    try {
      await askExport({ tenant_id: tenantId, format });
      onChange();
    } catch (thrown) {
      setProblem(thrown instanceof ApiError ? thrown.message : 'The export could not be asked for.');
    } finally {
      setAsking(false);
    }
  };
  return (
    <div class="card deletion">
      <p>
        {isOperator
          ? `Everything of ${tenantId} that may be handed over, as CSV, JSON or Parquet; or an archive, from which it can be restored, with your own records.`
          : 'Everything of your account in one file: members, settings, usage and what your apps sent, as far back as it is kept.'}
      </p>
      <p class="download-row">
        {formats.map(([format, label]) => (
          <button
            key={format}
            type="button"
            class="button small"
            disabled={waits}
            aria-label={`Export as ${label}`}
            data-testid={`ask-export-${format}`}
            onClick={() => void ask(format)}
          >
            {label}
          </button>
        ))}
      </p>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {list.items.length > 0 && (
        <ul class="deletion-past" aria-live="polite">
          {list.items.slice(0, 5).map((item) => (
            <ExportRow key={item.id} item={item} clock={clock} onChange={onChange} />
          ))}
        </ul>
      )}
    </div>
  );
}

function ExportRow({ item, clock, onChange }: { item: TenantExportItem; clock: TimeText; onChange: () => void }) {
  const { progress, format, state } = item;
  const label = FORMATS.find(([name]) => name === format)?.[1] ?? 'Archive';
  return (
    <li class="download-row" data-testid="export" data-state={state}>
      <span>
        {label}, {clock.dateMinute(Date.parse(item.asked_at))}, asked for by {item.asked_by}: {words(item, clock)}
      </span>
      {isOpen(item) && (
        <progress max={Math.max(1, progress.tables)} value={progress.tables_done} aria-label="Tables exported" />
      )}
      {item.file !== null && (
        <a class="button small" href={item.file} download data-testid="download-export">
          Download
        </a>
      )}
      {(isOpen(item) || item.file !== null) && (
        <AskButton
          label={isOpen(item) ? 'Cancel …' : 'Delete …'}
          about={`${label} export of ${clock.dateMinute(Date.parse(item.asked_at))}`}
          title={isOpen(item) ? 'Cancel the export' : 'Delete the file'}
          action={isOpen(item) ? 'Cancel it' : 'Delete it'}
          testId="cancel-export"
          onConfirm={() => cancelExport(item.id)}
          onDone={onChange}
        >
          <p>{isOpen(item) ? 'What was written so far is thrown away.' : 'It can be made again at any time.'}</p>
        </AskButton>
      )}
    </li>
  );
}

function words({ state, progress, error, expires_at: expires }: TenantExportItem, clock: TimeText): string {
  const until = expires === null ? '' : `, until ${clock.dateMinute(Date.parse(expires))}`;
  switch (state) {
    case 'waiting':
      return 'waits for its turn.';
    case 'running':
      return `${progress.tables_done} of ${progress.tables} tables, ${progress.rows.toLocaleString('en-US')} rows.`;
    case 'done':
      return `${progress.rows.toLocaleString('en-US')} rows, ${formatBytes(progress.bytes)}${until}.`;
    case 'failed':
      return `failed. ${error ?? ''}`;
    case 'cancelled':
      return 'cancelled.';
    case 'expired':
      return 'its file is gone.';
  }
}
