import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { TenantFigures, TenantSort } from '../../../src/api/contract.ts';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { TableFrame, TableRows, walkRows } from '../shared/table-frame.tsx';
import { useNow } from '../shared/use-now.ts';
import { useTableRows } from '../shared/use-table-rows.ts';
import { chosenColumns } from './column-choice.ts';
import type { TableState } from './table-state.ts';
import { COLUMNS, type Column } from './tenant-columns.tsx';
import { ThrottleBadge } from './throttle-badge.tsx';
import type { ListAnswer, TenantRowsView } from './use-tenant-rows.ts';

/** What a reader does with the table that fresh figures must not disturb. */
export interface Reading {
  pointed: boolean;
  scrolled: boolean;
}

export interface TenantsTableProps {
  readonly answer: ListAnswer;
  readonly rows: TenantRowsView;
  readonly state: TableState;
  readonly query: URLSearchParams;
  readonly allColumns: boolean;
  /** The answer to the present question is on its way; what is shown answers the previous one. */
  readonly pending: boolean;
  readonly reading: Reading;
  readonly onSort: (sort: TenantSort) => void;
  readonly onEscape: () => void;
  /** Set to what puts the focus on a row. */
  readonly focusRow: RefObject<(index: number) => void>;
}

/** Another question begins at its first row. */
function useTopOfQuestion(frame: RefObject<HTMLElement | null>, question: string): void {
  const shown = useRef(question);
  useLayoutEffect(() => {
    if (shown.current === question) return;
    shown.current = question;
    frame.current?.scrollTo({ top: 0 });
  }, [question]);
}

export function TenantsTable(props: TenantsTableProps) {
  const { answer, rows, state, reading } = props;
  const now = useNow();
  const columns = chosenColumns(COLUMNS, answer.list.items, { all: props.allColumns, sort: state.sort });
  const frame = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const virtual = useTableRows(rows.count, frame, body, rows.indexOf);
  props.focusRow.current = virtual.focusRow;
  useTopOfQuestion(frame, JSON.stringify(state));
  useEffect(() => rows.need(virtual.to));

  useEffect(() => {
    const element = frame.current;
    const onScroll = () => {
      reading.scrolled = (element?.scrollTop ?? 0) > 0;
    };
    element?.addEventListener('scroll', onScroll, { passive: true });
    return () => element?.removeEventListener('scroll', onScroll);
  }, [reading]);
  const point = (pointed: boolean) => () => {
    reading.pointed = pointed;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') props.onEscape();
    else walkRows(event, rows.count, virtual.focusRow);
  };
  const rowAt = (index: number) => {
    const row = rows.at(index);
    if (row === undefined) return <NotLoaded key={`row ${index}`} index={index} columns={columns.length + 1} />;
    const step = answer.list.spark_step_seconds;
    return <Row key={row.tenant_id} {...{ row, index, columns, now }} query={props.query} sparkStepSeconds={step} />;
  };

  return (
    <TableFrame label="Tenants" pending={props.pending} frame={frame}>
      <table
        class="figures"
        data-testid="tenants-table"
        aria-busy={props.pending}
        aria-rowcount={rows.count + 1}
        onKeyDown={onKeyDown}
        onMouseEnter={point(true)}
        onMouseLeave={point(false)}
        onFocusIn={point(true)}
        onFocusOut={point(false)}
      >
        <caption class="visually-hidden">Tenants and their figures in the chosen window</caption>
        <thead>
          <tr aria-rowindex={1}>
            <SortHeader label="Tenant" about="Tenant id" sort="tenant_id" state={state} onSort={props.onSort} first />
            {columns.map((column) => (
              <SortHeader key={column.id} {...headerOf(column)} state={state} onSort={props.onSort} />
            ))}
          </tr>
        </thead>
        <tbody ref={body}>
          <TableRows pieces={virtual.pieces} columns={columns.length + 1} row={rowAt} />
        </tbody>
      </table>
    </TableFrame>
  );
}

/** A row that is on its way. */
function NotLoaded(props: { index: number; columns: number }) {
  return (
    <tr class="not-loaded" aria-rowindex={props.index + 2}>
      <td class="tenant-cell">…</td>
      <td colSpan={props.columns - 1} />
    </tr>
  );
}

function headerOf(column: Column) {
  const { label, about, id } = column;
  return { label, about, className: `col-${id}`, ...(column.sort === undefined ? {} : { sort: column.sort }) };
}

function Row(props: {
  row: TenantFigures;
  index: number;
  columns: readonly Column[];
  now: number;
  query: URLSearchParams;
  sparkStepSeconds: number;
}) {
  const { row } = props;
  return (
    <tr data-testid="tenant-row" data-tenant={row.tenant_id} data-key={row.tenant_id} aria-rowindex={props.index + 2}>
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
