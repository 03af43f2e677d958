import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { TenantFigures, TenantList, TenantSort } from '../../../src/api/contract.ts';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { useNow } from '../shared/use-now.ts';
import { chosenColumns } from './column-choice.ts';
import { keepOrder, type TableState } from './table-state.ts';
import { COLUMNS, type Column } from './tenant-columns.tsx';
import { ThrottleBadge } from './throttle-badge.tsx';

export interface TenantsTableProps {
  readonly list: TenantList;
  readonly state: TableState;
  readonly query: URLSearchParams;
  readonly allColumns: boolean;
  /** The answer to the present question is on its way; what is shown answers the previous one. */
  readonly pending: boolean;
  readonly onSort: (sort: TenantSort) => void;
  readonly onEscape: () => void;
  readonly tableRef: RefObject<HTMLTableElement | null>;
}

/** Moves the focus by one row; stays where it is at the ends. */
function moveFocus(table: HTMLTableElement, step: 1 | -1): void {
  const links = [...table.querySelectorAll<HTMLAnchorElement>('tbody a')];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  links[Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
}

export function TenantsTable(props: TenantsTableProps) {
  const { list, state } = props;
  const now = useNow();
  const columns = chosenColumns(COLUMNS, list.items, { all: props.allColumns, sort: state.sort });
  const held = useRef(false);
  const shown = useRef<readonly string[]>([]);
  const sortedBy = useRef('');

  // A reader's own new sort or page always takes effect; only live updates hold their order.
  const asked = JSON.stringify([state, props.query.toString()]);
  const holds = held.current && sortedBy.current === asked && !props.pending;
  const rows = holds ? keepOrder(list.items, shown.current) : list.items;
  shown.current = rows.map((row) => row.tenant_id);
  if (!props.pending) sortedBy.current = asked;

  const onKeyDown = (event: KeyboardEvent) => {
    const table = event.currentTarget as HTMLTableElement;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      moveFocus(table, event.key === 'ArrowDown' ? 1 : -1);
    } else if (event.key === 'Escape') {
      props.onEscape();
    }
  };
  const hold = (value: boolean) => () => {
    held.current = value;
  };

  return (
    <div class={`table-frame card${props.pending ? ' pending' : ''}`}>
      <table
        ref={props.tableRef}
        class="figures"
        data-testid="tenants-table"
        aria-busy={props.pending}
        onKeyDown={onKeyDown}
        onMouseEnter={hold(true)}
        onMouseLeave={hold(false)}
        onFocusIn={hold(true)}
        onFocusOut={hold(false)}
      >
        <caption class="visually-hidden">Tenants and their figures in the chosen window</caption>
        <thead>
          <tr>
            <SortHeader label="Tenant" about="Tenant id" sort="tenant_id" state={state} onSort={props.onSort} first />
            {columns.map((column) => (
              <SortHeader key={column.id} {...headerOf(column)} state={state} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={row.tenant_id} row={row} columns={columns} now={now} {...rowContext(props)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function headerOf(column: Column) {
  const { label, about, id } = column;
  return { label, about, className: `col-${id}`, ...(column.sort === undefined ? {} : { sort: column.sort }) };
}

function rowContext(props: TenantsTableProps) {
  return { query: props.query, sparkStepSeconds: props.list.spark_step_seconds };
}

function Row(props: {
  row: TenantFigures;
  columns: readonly Column[];
  now: number;
  query: URLSearchParams;
  sparkStepSeconds: number;
}) {
  const { row } = props;
  return (
    <tr data-testid="tenant-row" data-tenant={row.tenant_id}>
      <th scope="row" class="tenant-cell">
        <Link href={tenantHref(row.tenant_id, props.query)} class="tenant-link" title={row.tenant_id}>
          {row.tenant_id}
        </Link>
        {row.throttles.map((throttle) => (
          <ThrottleBadge key={throttle.id} mode={throttle.mode} expiresAt={throttle.expires_at} now={props.now} />
        ))}
      </th>
      {props.columns.map((column) => (
        <td key={column.id} class={`col-${column.id}`} data-column={column.id}>
          {column.render(row, props)}
        </td>
      ))}
    </tr>
  );
}

function SortHeader(props: {
  label: string;
  about: string;
  sort?: TenantSort;
  className?: string;
  first?: boolean;
  state: TableState;
  onSort: (sort: TenantSort) => void;
}) {
  const { sort, state } = props;
  const className = props.first ? 'tenant-cell' : props.className;
  if (sort === undefined) {
    return (
      <th scope="col" class={className} title={props.about}>
        {props.label}
      </th>
    );
  }
  const active = state.sort === sort;
  const direction = state.order === 'asc' ? 'ascending' : 'descending';
  return (
    <th scope="col" class={className} aria-sort={active ? direction : 'none'}>
      <button type="button" class="sort" title={props.about} onClick={() => props.onSort(sort)}>
        {props.label}
        <span class="sort-mark" aria-hidden="true">
          {active ? (state.order === 'asc' ? '↑' : '↓') : ''}
        </span>
      </button>
    </th>
  );
}
