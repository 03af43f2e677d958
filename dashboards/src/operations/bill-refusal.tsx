import type { ApiError } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { type BillLineProblem, refusedLines } from './bill-upload.ts';

const COLUMNS: readonly TableColumn<BillLineProblem>[] = [
  { id: 'line', label: 'Line', value: ({ line }) => line, cell: ({ line }) => formatCount(line) },
  { id: 'problem', label: 'What is wrong', align: 'left', value: ({ problem }) => problem },
];

/** Why a bill was not taken: by line where lines are at fault, and what to do. */
export function BillRefusal(props: { error: ApiError; fileName: string }) {
  const { error } = props;
  const { lines, total } = refusedLines(error);
  const title = lines.length === 0 ? error.message : `${formatCount(total)} lines of ${props.fileName} cannot be used`;
  return (
    <div class="stack" role="alert" data-testid="bill-refused">
      <p class="bad-text">
        <strong>{title}</strong>
      </p>
      <p>
        {error.problem?.hint ?? 'Try again.'}
        {lines.length > 0 &&
          ' The lines are counted as an editor does, the header being line 1; rows of Parquet files from 1.'}
      </p>
      {lines.length > 0 && (
        <DataTable
          id="refused-lines"
          caption="Lines that cannot be used"
          columns={COLUMNS}
          rows={lines}
          rowKey={({ line, problem }) => `${line} ${problem}`}
          defaultSort="line"
          empty=""
        />
      )}
      {total > lines.length && (
        <p class="muted small">
          The first {formatCount(lines.length)} of {formatCount(total)}.
        </p>
      )}
    </div>
  );
}
