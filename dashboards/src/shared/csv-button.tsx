import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount } from './format.ts';
import { saveFile } from './save-file.ts';

/** What a long way to a file is told, and tells. */
export interface CsvJob {
  /** Aborted when somebody cancels or leaves the page. */
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

interface Running {
  readonly stop: AbortController;
  readonly done: number;
  readonly total: number;
}

/** Saves a table as CSV; says how far it is, can be cancelled, and says why it failed. */
export function CsvButton(props: { id: string; text: (job: CsvJob) => Promise<string> }) {
  const { id } = props;
  const [running, setRunning] = useState<Running | undefined>();
  const [problem, setProblem] = useState('');
  const stopped = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => stopped.current?.abort(), []);

  const save = async () => {
    const stop = new AbortController();
    stopped.current = stop;
    setProblem('');
    setRunning({ stop, done: 0, total: 0 });
    const onProgress = (done: number, total: number) => !stop.signal.aborted && setRunning({ stop, done, total });
    try {
      const text = await props.text({ signal: stop.signal, onProgress });
      if (!stop.signal.aborted) saveFile(`tenantry-${id}.csv`, 'text/csv;charset=utf-8', text);
    } catch (thrown) {
      if (!stop.signal.aborted) setProblem(thrown instanceof Error ? thrown.message : 'It did not work.');
    } finally {
      if (stopped.current === stop) setRunning(undefined);
    }
  };
  const cancel = () => {
    running?.stop.abort();
    setRunning(undefined);
  };

  return (
    <span class="csv">
      <span role="status" data-testid={`csv-status-${id}`}>
        {problem !== '' && <span class="bad-text">No file was saved: {problem} </span>}
        {running !== undefined &&
          running.total > 0 &&
          `${formatCount(running.done)} of ${formatCount(running.total)} rows `}
      </span>
      {running !== undefined && running.total > 0 && (
        <progress value={running.done} max={running.total} aria-hidden="true" />
      )}
      <button
        type="button"
        class="button quiet small"
        data-testid={`csv-${id}`}
        onClick={running === undefined ? () => void save() : cancel}
      >
        {running === undefined ? 'Save as CSV' : 'Cancel'}
      </button>
    </span>
  );
}
