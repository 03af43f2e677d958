import { useMemo } from 'preact/hooks';
import type { CostTrend } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { NO_VALUE } from '../shared/format.ts';
import type { Micro } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import { Amount } from './cost-checked.tsx';
import { PartsBar } from './cost-parts-bar.tsx';
import { type CostRow, gapText, trendOf } from './cost-rows.ts';
import { MonthBars } from './cost-trend.tsx';
import { percentText } from './money-sum.ts';

export interface CostTableProps {
  readonly rows: readonly CostRow[];
  readonly currency: string;
  readonly colours: ReadonlyMap<string, number>;
  readonly trend: CostTrend | undefined;
  /** Revenue and margin are shown to sales only. */
  readonly withRevenue: boolean;
  readonly query: URLSearchParams;
  readonly pending: boolean;
}

/** Names of the page's own that the page of one tenant understands too. */
const KEPT = ['month', 'from', 'to', 'currency'];

function costHref(tenantId: string, query: URLSearchParams): string {
  const kept = new URLSearchParams([...query].filter(([name]) => KEPT.includes(name)));
  return withQuery(`/costs/${encodeURIComponent(tenantId)}`, kept);
}

const figure = (micro: Micro | null) => (micro === null ? null : Number(micro));

export function CostTable(props: CostTableProps) {
  const { rows, currency, colours, trend, withRevenue, query } = props;
  const columns = useMemo(() => {
    const longest = Math.max(0, ...rows.map((row) => figure(row.costMicro) ?? 0));
    const months = trendOf(trend);
    return [
      ...whoColumns(query),
      ...costColumns({ currency, longest, colours }),
      ...(withRevenue ? revenueColumns(currency) : []),
      {
        id: 'trend',
        label: 'Months',
        about: `Cost of each of the last ${trend?.months.length ?? 6} months, each row on its own scale`,
        align: 'right',
        sortable: false,
        wide: true,
        value: (row) => (months.get(row.tenantId) ?? []).map((value) => value ?? '').join(' '),
        cell: (row) => {
          const values = months.get(row.tenantId);
          if (trend === undefined || values === undefined) return <span class="muted">{NO_VALUE}</span>;
          return <MonthBars months={trend.months} values={values} currency={currency} />;
        },
      },
    ] satisfies TableColumn<CostRow>[];
  }, [rows, currency, colours, trend, withRevenue, query.toString()]);
  return (
    <div class="cost-table">
      <DataTable
        id="costs"
        caption="What every tenant cost, paid and left"
        columns={columns}
        rows={rows}
        rowKey={(row) => row.tenantId}
        defaultSort="-cost"
        pending={props.pending}
        empty="No tenant fits these filters."
      />
    </div>
  );
}

function whoColumns(query: URLSearchParams): TableColumn<CostRow>[] {
  const text = (id: 'plan' | 'segment' | 'owner', label: string): TableColumn<CostRow> => ({
    id,
    label,
    align: 'left',
    wide: true,
    value: (row) => row[id],
    cell: (row) => row[id] ?? <span class="muted">{NO_VALUE}</span>,
  });
  return [
    {
      id: 'tenant',
      label: 'Tenant',
      align: 'left',
      value: (row) => row.tenantId,
      cell: (row) => (
        <>
          <Link href={costHref(row.tenantId, query)} class="tenant-link" title={row.tenantId}>
            {row.tenantId}
          </Link>
          {row.name !== null && <span class="muted tenant-name"> {row.name}</span>}
        </>
      ),
    },
    ...[text('plan', 'Plan'), text('segment', 'Segment'), text('owner', 'Owner')],
  ];
}

function costColumns(look: {
  currency: string;
  longest: number;
  colours: ReadonlyMap<string, number>;
}): TableColumn<CostRow>[] {
  const { currency } = look;
  return [
    {
      id: 'cost',
      label: `Cost, ${currency}`,
      about: 'What bills and the price book say that the tenant cost',
      value: (row) => (row.costMicro === null ? null : Number(row.costMicro) / 1e6),
      cell: (row) => (
        <>
          {row.unpricedCalls > 0 && row.costMicro !== null && (
            <span class="badge enforce" title={`${row.unpricedCalls} AI calls without a known price are not in it`}>
              + unpriced
            </span>
          )}{' '}
          <Amount micro={row.costMicro} currency={currency} why="All of it is AI usage without a known price" />
        </>
      ),
    },
    {
      id: 'parts',
      label: 'Parts',
      align: 'left',
      sortable: false,
      wide: true,
      value: (row) =>
        Object.entries(row.parts)
          .map(([part, micro]) => `${part} ${micro / 1e6}`)
          .join('; '),
      cell: (row) => <PartsBar parts={row.parts} {...look} />,
    },
  ];
}

function revenueColumns(currency: string): TableColumn<CostRow>[] {
  const why = (row: CostRow) => (row.gap ? gapText(row.gap) : undefined);
  // Not asked for, or not answered yet: nothing can be said about what is known.
  const money = (row: CostRow, micro: Micro | null) =>
    row.gap === undefined ? NO_VALUE : <Amount micro={micro} currency={currency} why={why(row)} />;
  return [
    {
      id: 'revenue',
      label: 'Revenue',
      about: 'Recognised in these days',
      wide: true,
      value: (row) => (row.revenueMicro === null ? null : Number(row.revenueMicro) / 1e6),
      cell: (row) => money(row, row.revenueMicro),
    },
    {
      id: 'margin',
      label: 'Margin',
      about: 'Revenue less cost',
      value: (row) => (row.marginMicro === null ? null : Number(row.marginMicro) / 1e6),
      cell: (row) => money(row, row.marginMicro),
    },
    {
      id: 'margin_percent',
      label: 'Margin, %',
      about: 'Of the revenue',
      wide: true,
      value: (row) => row.marginPercent,
      cell: (row) =>
        row.marginPercent === null ? (
          <span class="muted" title={why(row)}>
            {NO_VALUE}
          </span>
        ) : (
          <span class={row.marginPercent < 0 ? 'bad-text' : undefined}>{percentText(row.marginPercent)}</span>
        ),
    },
  ];
}
