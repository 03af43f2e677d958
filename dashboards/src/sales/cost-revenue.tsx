import type { RevenueAnswer } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Loaded } from '../shared/loaded.tsx';
import type { RangeWindow } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { getRevenue } from './cost-api.ts';
import { Amount } from './cost-checked.tsx';

type Row = RevenueAnswer['items'][number];

const units = (micro: number | string | null) => (micro === null ? null : Number(micro) / 1e6);

const COLUMNS: readonly TableColumn<Row>[] = [
  {
    id: 'plan',
    label: 'Pays for',
    align: 'left',
    value: (row) => row.plan,
    cell: (row) => row.plan ?? 'no plan at the end',
  },
  { id: 'currency', label: 'Currency', align: 'left', wide: true, value: (row) => row.currency },
  {
    id: 'mrr',
    label: 'A month, at the end',
    about: 'Monthly recurring revenue at the end of these days',
    value: (row) => units(row.mrr_micro),
    cell: (row) => (
      <Amount micro={row.mrr_micro} currency={row.currency} why="No subscription is known, or not what it costs" />
    ),
  },
  {
    id: 'revenue',
    label: 'Recognised',
    about: 'Earned in these days, of invoices',
    value: (row) => units(row.revenue_micro),
    cell: (row) => <Amount micro={row.revenue_micro} currency={row.currency} />,
  },
];

/** What a tenant pays, a line for each currency. */
export function RevenueLines(props: { tenantId: string; window: RangeWindow }) {
  const { tenantId, window } = props;
  const question = `revenue ${tenantId} ${JSON.stringify(window)}`;
  const live = useLive(question, (signal) => getRevenue({ window, tenantId }, signal), null);
  return (
    <Loaded live={live}>
      {(answer) => (
        <DataTable
          id="revenue"
          caption="What this tenant pays"
          columns={COLUMNS}
          rows={answer.items}
          rowKey={(row) => row.currency}
          empty="No subscription or invoice of this tenant is known: its revenue is unknown, not 0."
        />
      )}
    </Loaded>
  );
}
