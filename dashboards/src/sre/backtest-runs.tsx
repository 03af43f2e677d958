import type { BacktestItem } from '../../../src/api/control-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, formatPercent } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { timeText, type Zone } from '../shared/time-format.ts';
import { draftText } from './backtest-draft.ts';

function columnsOf(zone: Zone, chosen: string | undefined): TableColumn<BacktestItem>[] {
  const clock = timeText(zone);
  return [
    {
      id: 'asked_at',
      label: 'Asked',
      align: 'left',
      value: (row) => row.asked_at,
      cell: (row) => (
        <Link href={`/backtests?id=${row.id}`} current={row.id === chosen}>
          {clock.dateMinute(Date.parse(row.asked_at))}
        </Link>
      ),
    },
    { id: 'rule', label: 'Rule', align: 'left', value: (row) => row.rule },
    { id: 'draft', label: 'Draft', align: 'left', value: (row) => draftText(row.draft) },
    { id: 'state', label: 'State', align: 'left', value: (row) => row.state },
    {
      id: 'findings',
      label: 'Findings',
      value: (row) => row.result?.findings ?? null,
      cell: (row) => formatCount(row.result?.findings ?? null),
    },
    {
      id: 'throttles',
      label: 'Throttles',
      value: (row) => row.result?.throttles ?? null,
      cell: (row) => formatCount(row.result?.throttles ?? null),
    },
    {
      id: 'precision',
      label: 'Precision',
      value: (row) => row.result?.precision ?? null,
      cell: (row) => formatPercent(row.result?.precision ?? null),
    },
    { id: 'asked_by', label: 'By', align: 'left', wide: true, value: (row) => row.asked_by },
  ];
}

/** What was replayed before, from here or from the command line. */
export function BacktestRuns(props: { items: readonly BacktestItem[]; zone: Zone; chosen: string | undefined }) {
  return (
    <section aria-label="Earlier runs">
      <h2 class="backtest-title">Earlier runs</h2>
      <DataTable
        id="backtests"
        caption="Replays, newest first"
        columns={columnsOf(props.zone, props.chosen)}
        rows={props.items}
        rowKey={(row) => row.id}
        empty="None yet."
      />
    </section>
  );
}
