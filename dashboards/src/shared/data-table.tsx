import type { ComponentChildren } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { type CsvValue, csvText } from './csv.ts';
import { CsvButton, type CsvJob } from './csv-button.tsx';
import { formatCount } from './format.ts';
import { navigate, useAddress } from './navigation.tsx';
import { withQuery } from './router.ts';
import { TableFrame, TableRows, walkRows } from './table-frame.tsx';
import { useTableRows } from './use-table-rows.ts';

export interface TableColumn<Row> {
  readonly id: string;
  readonly label: string;
  /** Said in the header's title where the label is short. */
  readonly about?: string;
  /** Text stands left, figures right. */
  readonly align?: 'left' | 'right';
  /** What the column holds: sorted by it, and written into the CSV file. null: not measured; always last. */
  readonly value: (row: Row) => CsvValue;
  /** How it looks; absent: the value as text. */
  readonly cell?: (row: Row) => ComponentChildren;
  readonly sortable?: false;
  /** Not on narrow screens. */
  readonly wide?: true;
}

export interface DataTableProps<Row> {
  /** Names the table in the URL (its sorting) and in the CSV file. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** Column id, with `-` in front for falling. Absent: rows stay as given. */
  readonly defaultSort?: string;
  /** What stands there when there is no row. */
  readonly empty: ComponentChildren;
  readonly pending?: boolean;
  /** Rows of the CSV file where they are more than those on the screen, such as all pages of a list. */
  readonly allRows?: (job: CsvJob) => Promise<readonly Row[]>;
}

function compareValues(a: CsvValue, b: CsvValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}

/** Rows in the order of `sort`; what was not measured is last in both directions. */
function sortRows<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[], sort: string): readonly Row[] {
  const falling = sort.startsWith('-');
  const column = columns.find(({ id }) => id === (falling ? sort.slice(1) : sort));
  if (column === undefined) return rows;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      return compareValues(a.value, b.value) * (falling ? -1 : 1);
    })
    .map(({ row }) => row);
}

/**
 * A table that sorts by its headers (the choice is in the URL), saves itself as CSV, is walked through with the arrow
 * keys, and holds 10,000 rows: only those near the view are in the page.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { columns, id } = props;
  const { path, query } = useAddress();
  const sortName = `${id}_sort`;
  const sort = query.get(sortName) ?? props.defaultSort ?? '';
  const rows = useMemo(() => sortRows(props.rows, columns, sort), [props.rows, columns, sort]);
  const frame = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const virtual = useTableRows(rows.length, frame, body, (key) => rows.findIndex((row) => props.rowKey(row) === key));

  if (rows.length === 0) return <div class="card table-empty">{props.empty}</div>;

  const sortBy = (column: string) => {
    const next = new URLSearchParams(query);
    const wanted =
      sort === `-${column}` ? column : sort === column ? `-${column}` : firstSort(props.rows, columns, column);
    if (wanted === props.defaultSort) next.delete(sortName);
    else next.set(sortName, wanted);
    navigate(withQuery(path, next), { replace: true });
  };
  const text = async (job: CsvJob) => {
    const all = props.allRows === undefined ? rows : sortRows(await props.allRows(job), columns, sort);
    const cells = all.map((row) => columns.map((column) => column.value(row)));
    return csvText(
      columns.map((column) => column.id),
      cells,
    );
  };
  const rowAt = (index: number) => {
    const row = rows[index];
    return row === undefined ? null : <Row key={props.rowKey(row)} {...props} row={row} index={index} />;
  };

  return (
    <div class={`data-table${props.pending ? ' pending' : ''}`}>
      <TableFrame label={props.caption} pending={false} frame={frame}>
        <table
          class="figures"
          data-testid={`table-${id}`}
          aria-busy={props.pending ?? false}
          aria-rowcount={rows.length + 1}
          onKeyDown={(event) => walkRows(event, rows.length, virtual.focusRow)}
        >
          <caption class="visually-hidden">{props.caption}</caption>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((column) => (
                <Header key={column.id} column={column} sort={sort} onSort={() => sortBy(column.id)} />
              ))}
            </tr>
          </thead>
          <tbody ref={body}>
            <TableRows pieces={virtual.pieces} columns={columns.length} row={rowAt} />
          </tbody>
        </table>
      </TableFrame>
      <p class="table-foot muted small">
        <span>
          {formatCount(rows.length)} {rows.length === 1 ? 'row' : 'rows'}
        </span>
        <CsvButton id={id} text={text} />
      </p>
    </div>
  );
}

function Row<Data>(props: {
  row: Data;
  index: number;
  columns: readonly TableColumn<Data>[];
  rowKey: (row: Data) => string;
}) {
  const { row, columns } = props;
  return (
    <tr data-key={props.rowKey(row)} aria-rowindex={props.index + 2}>
      {columns.map((column) => (
        <td key={column.id} class={cellClass(column)} data-column={column.id}>
          {column.cell === undefined ? column.value(row) : column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Text is read from A on, of figures the largest are looked for. */
function firstSort<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[], id: string): string {
  const column = columns.find((candidate) => candidate.id === id);
  const isText = rows.some((row) => typeof column?.value(row) === 'string');
  return isText ? id : `-${id}`;
}

function cellClass<Row>(column: TableColumn<Row>): string {
  return `${column.align === 'left' ? 'left' : ''}${column.wide ? ' wide-only' : ''}`;
}

function Header<Row>(props: { column: TableColumn<Row>; sort: string; onSort: () => void }) {
  const { column, sort } = props;
  if (column.sortable === false) {
    return (
      <th scope="col" class={cellClass(column)} title={column.about}>
        {column.label}
      </th>
    );
  }
  const rising = sort === column.id;
  const falling = sort === `-${column.id}`;
  return (
    <th scope="col" class={cellClass(column)} aria-sort={rising ? 'ascending' : falling ? 'descending' : 'none'}>
      <button type="button" class="sort" title={column.about} onClick={props.onSort}>
        {column.label}
        <span class="sort-mark" aria-hidden="true">
          {rising ? '↑' : falling ? '↓' : ''}
        </span>
      </button>
    </th>
  );
}
