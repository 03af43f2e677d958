import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { SqlResult, SqlTableList } from '../../../src/api/sql-contract.ts';
import { ApiError } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatBytes, formatCount, formatDuration, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { useLive } from '../shared/use-live.ts';
import '../styles/form.css';
import '../styles/operations.css';
import '../styles/sql.css';
import { runSql, sqlTables } from './sql-api.ts';
import {
  cellValue,
  columnIds,
  forgetHistory,
  isNumeric,
  MAX_SQL_LENGTH,
  readHistory,
  remember,
  SQL_EXAMPLES,
  shortSql,
} from './sql-text.ts';

type Outcome =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly stop: AbortController }
  | { readonly state: 'stopped' }
  | { readonly state: 'failed'; readonly error: ApiError }
  | { readonly state: 'answered'; readonly result: SqlResult; readonly run: number };

const storage = () => localStorage;

/** Questions that no page asks: one statement that reads, within limits, and on the record. */
export function SqlPage() {
  const tables = useLive('sql-tables', sqlTables, null);
  const [sql, setSql] = useState(() => readHistory(storage)[0] ?? SQL_EXAMPLES[0]?.sql ?? '');
  const [history, setHistory] = useState(() => readHistory(storage));
  const { outcome, run, stop } = useStatement();
  const editor = useRef<HTMLTextAreaElement>(null);
  const start = () => {
    if (sql.trim() === '' || outcome.state === 'running') return;
    setHistory(remember(storage, sql));
    void run(sql);
  };
  const take = (text: string) => {
    setSql(text);
    editor.current?.focus();
  };
  return (
    <>
      <div class="page-head">
        <h1>SQL</h1>
        <span class="muted small">across all tenants; every statement is in the audit log</span>
      </div>
      <Loaded live={tables}>
        {(items) => (
          <div class="sql">
            <form
              class="sql-editor card"
              aria-label="Statement"
              onSubmit={(event) => {
                event.preventDefault();
                start();
              }}
            >
              <label class="field-label" for="sql-text">
                One SELECT in ClickHouse’s SQL
              </label>
              <textarea
                id="sql-text"
                ref={editor}
                rows={9}
                spellcheck={false}
                autocapitalize="off"
                maxLength={MAX_SQL_LENGTH}
                value={sql}
                onInput={(event) => setSql(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
                  event.preventDefault();
                  start();
                }}
              />
              <div class="sql-actions">
                <button type="submit" class="button primary" disabled={outcome.state === 'running'}>
                  Run
                </button>
                {outcome.state === 'running' && (
                  <button type="button" class="button" onClick={stop}>
                    Cancel
                  </button>
                )}
                <span class="muted small">Ctrl+Enter runs it; it reads only, for ten seconds at most.</span>
              </div>
            </form>
            <Beside
              tables={items}
              history={history}
              onTake={take}
              onForget={() => {
                forgetHistory(storage);
                setHistory([]);
              }}
            />
            <section class="sql-answer stack" aria-label="Answer">
              <Answer outcome={outcome} />
            </section>
          </div>
        )}
      </Loaded>
    </>
  );
}

/** One statement at a time; leaving the page stops it. */
function useStatement() {
  const [outcome, setOutcome] = useState<Outcome>({ state: 'none' });
  const running = useRef<AbortController | undefined>(undefined);
  const runs = useRef(0);
  useEffect(() => () => running.current?.abort(), []);

  const run = async (sql: string) => {
    const stop = new AbortController();
    running.current = stop;
    setOutcome({ state: 'running', stop });
    try {
      const result = await runSql({ sql }, stop.signal);
      runs.current += 1;
      if (!stop.signal.aborted) setOutcome({ state: 'answered', result, run: runs.current });
    } catch (thrown) {
      if (stop.signal.aborted) return;
      const error = thrown instanceof ApiError ? thrown : new ApiError(0, 'It did not work.');
      setOutcome({ state: 'failed', error });
    }
  };
  const stop = () => {
    running.current?.abort();
    setOutcome({ state: 'stopped' });
  };
  return { outcome, run, stop };
}

function Answer({ outcome }: { outcome: Outcome }) {
  switch (outcome.state) {
    case 'none':
      return <p class="card table-empty">The answer stands here.</p>;
    case 'running':
      return (
        <p class="card table-empty" role="status">
          Running …
        </p>
      );
    case 'stopped':
      return (
        <p class="card table-empty" role="status">
          Stopped. Nothing of it goes on in the database.
        </p>
      );
    case 'failed':
      return <Refusal error={outcome.error} />;
    case 'answered':
      return <Rows key={outcome.run} result={outcome.result} />;
  }
}

function Refusal({ error }: { error: ApiError }) {
  return (
    <div class="card sql-refusal" role="alert" data-testid="sql-refusal">
      <strong>{error.problem?.title ?? 'No answer'}</strong>
      <p>{error.message}</p>
      {error.problem?.hint !== undefined && <p class="muted">{error.problem.hint}</p>}
    </div>
  );
}

interface AnswerRow {
  readonly index: number;
  readonly cells: readonly unknown[];
}

function Rows({ result }: { result: SqlResult }) {
  const columns = useMemo(() => answerColumns(result), [result]);
  const rows = useMemo(() => result.rows.map((cells, index): AnswerRow => ({ index, cells })), [result]);
  const { row_count: count, truncated, elapsed_ms: elapsed, rows_read: read, bytes_read: bytes } = result;
  return (
    <>
      <p class="muted small" role="status" data-testid="sql-figures">
        {truncated ? `The first ${formatCount(count)} rows; there are more` : `${formatCount(count)} rows`} in{' '}
        {formatDuration(elapsed)}, from {formatCount(read)} rows ({formatBytes(bytes)}) read
      </p>
      <DataTable
        id="sql"
        caption="The answer"
        columns={columns}
        rows={rows}
        rowKey={({ index }) => String(index)}
        empty="No row fits."
      />
    </>
  );
}

function answerColumns({ columns }: SqlResult): readonly TableColumn<AnswerRow>[] {
  const ids = columnIds(columns);
  return columns.map(({ name, type }, place) => {
    const value = ({ cells }: AnswerRow) => cellValue(cells[place], type);
    return {
      ...{ id: ids[place] ?? name, label: name, about: type, align: isNumeric(type) ? 'right' : 'left', value },
      cell: (row: AnswerRow) => {
        const shown = value(row);
        return shown === null ? <span class="muted">{NO_VALUE}</span> : <span class="sql-cell">{String(shown)}</span>;
      },
    };
  });
}

function Beside(props: {
  tables: SqlTableList['items'];
  history: readonly string[];
  onTake: (sql: string) => void;
  onForget: () => void;
}) {
  const { tables, history, onTake } = props;
  return (
    <aside class="sql-beside card" aria-label="Tables, examples and statements of before">
      <details>
        <summary>Tables ({tables.length})</summary>
        <ul class="sql-list">
          {tables.map(({ name, columns }) => (
            <li key={name}>
              <details>
                <summary>
                  <code>{name}</code>
                </summary>
                <ul class="sql-list">
                  {columns.map((column) => (
                    <li key={column.name} class="small">
                      <code>{column.name}</code> <span class="muted">{column.type}</span>
                    </li>
                  ))}
                </ul>
              </details>
            </li>
          ))}
        </ul>
      </details>
      <details open>
        <summary>Examples</summary>
        <ul class="sql-list">
          {SQL_EXAMPLES.map(({ title, sql }) => (
            <li key={title}>
              <button type="button" class="button quiet small" onClick={() => onTake(sql)}>
                {title}
              </button>
            </li>
          ))}
        </ul>
      </details>
      {history.length > 0 && (
        <details open>
          <summary>Run before, in this browser</summary>
          <ul class="sql-list">
            {history.map((sql) => (
              <li key={sql}>
                <button type="button" class="button quiet small" title={sql} onClick={() => onTake(sql)}>
                  {shortSql(sql)}
                </button>
              </li>
            ))}
          </ul>
          <button type="button" class="button quiet small" onClick={props.onForget}>
            Forget them
          </button>
        </details>
      )}
    </aside>
  );
}
