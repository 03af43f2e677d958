import type { ComponentChildren, RefObject } from 'preact';
import type { RowPiece } from './row-pieces.ts';
import { rowAfter } from './row-pieces.ts';

/**
 * The place in which a table scrolls, in both directions, so that its head stays in sight and a bar to scroll it
 * sideways is never 10,000 rows away. It can be focused, because a table without a control in it could not be scrolled
 * by keyboard otherwise.
 */
export function TableFrame(props: {
  label: string;
  pending: boolean;
  frame: RefObject<HTMLDivElement | null>;
  children: ComponentChildren;
}) {
  return (
    <section
      ref={props.frame}
      class={`table-frame card${props.pending ? ' pending' : ''}`}
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      {props.children}
    </section>
  );
}

/** The rows and gaps of a table's body. */
export function TableRows(props: {
  pieces: readonly RowPiece[];
  columns: number;
  row: (index: number) => ComponentChildren;
}) {
  return (
    <>
      {props.pieces.map((piece) =>
        piece.kind === 'row' ? (
          props.row(piece.index)
        ) : (
          <tr key={`gap ${piece.id}`} class="table-gap">
            <td colSpan={props.columns} style={{ height: `${piece.height}px` }} />
          </tr>
        ),
      )}
    </>
  );
}

/** Walks through a table's rows with the arrow keys, Home and End. Keys within fields are theirs. */
export function walkRows(event: KeyboardEvent, count: number, focusRow: (index: number) => void): void {
  const { target } = event;
  if (!(target instanceof HTMLElement) || target.closest('input, select, textarea') !== null) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const row = target.closest('tbody tr');
  if (row === null) return;
  const next = rowAfter(event.key, Number(row.getAttribute('aria-rowindex')) - 2, count);
  if (next === undefined) return;
  event.preventDefault();
  focusRow(next);
}
