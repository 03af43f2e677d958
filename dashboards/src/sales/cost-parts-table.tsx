import { useMemo } from 'preact/hooks';
import type { CostList } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatPercent, NO_VALUE } from '../shared/format.ts';
import { signedAmount } from '../shared/money.ts';
import { navigate } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { Amount, Checked } from './cost-checked.tsx';
import { ExplainPart } from './cost-explain.tsx';
import { type PartTotal, partTotals } from './cost-rows.ts';
import { shareOf } from './money-sum.ts';

type Item = CostList['items'][number];

interface PartRow extends PartTotal {
  /** Of the month before; null: nothing is known of it. */
  readonly before: number | null;
}

/** What the cost is made of; a part unfolds below the table to its shares, rules and lines. */
export function PartsTable(props: {
  tenantId: string;
  item: Item;
  before: Item | null;
  beforeLabel: string | undefined;
  window: RangeWindow;
  currency: string;
  colours: ReadonlyMap<string, number>;
  query: URLSearchParams;
}) {
  const { item, before, currency, colours, query } = props;
  const open = query.get('part');
  const rows = useMemo(() => partRows(item, before), [item, before]);
  const toggle = (part: string) => {
    const next = new URLSearchParams(query);
    next.delete('share');
    if (open === part) next.delete('part');
    else next.set('part', part);
    navigate(withQuery(location.pathname, next), { replace: true });
  };
  const columns = partColumns({ ...props, open, toggle });
  const chosen = rows.find(({ part }) => part === open);
  return (
    <>
      <DataTable
        id="parts"
        caption="Parts of the cost"
        columns={columns}
        rows={rows}
        rowKey={(row) => row.part}
        defaultSort="-cost"
        empty="No part of any bill went to this tenant in these days."
      />
      <Checked parts={Object.values(item.parts)} total={item.cost_micro} currency={currency} testId="parts-checked" />
      {chosen !== undefined && (
        <section
          class={`unfolded card part-${colours.get(chosen.part) ?? 8}`}
          aria-label={`The part ${chosen.part}`}
          data-testid="part-detail"
        >
          <h3>{chosen.part}: which bills, by which rule</h3>
          <ExplainPart
            tenantId={props.tenantId}
            part={chosen.part}
            window={props.window}
            currency={currency}
            partMicro={chosen.micro}
            estimatedMicro={chosen.part === 'ai' ? item.estimated_micro : 0}
            query={query}
          />
        </section>
      )}
    </>
  );
}

function partRows(item: Item, before: Item | null): readonly PartRow[] {
  const names = new Set([...Object.keys(item.parts), ...Object.keys(before?.parts ?? {})]);
  const parts = Object.fromEntries([...names].map((name) => [name, item.parts[name] ?? 0]));
  return partTotals([{ parts }]).map((total) => ({
    ...total,
    before: before === null ? null : (before.parts[total.part] ?? 0),
  }));
}

function partColumns(look: {
  item: Item;
  currency: string;
  colours: ReadonlyMap<string, number>;
  beforeLabel: string | undefined;
  open: string | null;
  toggle: (part: string) => void;
}): TableColumn<PartRow>[] {
  const { item, currency, colours, beforeLabel } = look;
  const columns: TableColumn<PartRow>[] = [
    {
      id: 'part',
      label: 'Part',
      align: 'left',
      value: (row) => row.part,
      cell: (row) => (
        <button
          type="button"
          class="part-name"
          aria-expanded={row.part === look.open}
          onClick={() => look.toggle(row.part)}
        >
          <span class={`swatch part-${colours.get(row.part) ?? 8}`} aria-hidden="true" />
          {row.part}
        </button>
      ),
    },
    {
      id: 'cost',
      label: `Cost, ${currency}`,
      value: (row) => row.micro / 1e6,
      cell: (row) => <Amount micro={row.micro} currency={currency} />,
    },
    {
      id: 'share',
      label: 'Share',
      value: (row) => shareOf(row.micro, item.cost_micro),
      cell: (row) => formatPercent(shareOf(row.micro, item.cost_micro)),
    },
  ];
  if (beforeLabel === undefined) return columns;
  return [
    ...columns,
    {
      id: 'before',
      label: beforeLabel,
      wide: true,
      value: (row) => (row.before === null ? null : row.before / 1e6),
      cell: (row) => (row.before === null ? NO_VALUE : <Amount micro={row.before} currency={currency} />),
    },
    {
      id: 'change',
      label: 'Change',
      wide: true,
      value: (row) => (row.before === null ? null : (row.micro - row.before) / 1e6),
      cell: (row) => (row.before === null ? NO_VALUE : signedAmount(row.micro - row.before, currency)),
    },
  ];
}
