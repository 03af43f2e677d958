/** A row of the list, or the height of rows that are not in the page, so that the scroll bar tells the truth. */
export type RowPiece =
  | { readonly kind: 'row'; readonly index: number }
  | { readonly kind: 'gap'; readonly id: 'top' | 'middle' | 'bottom'; readonly height: number };

/**
 * Rows [from, to) of `count` and, wherever it is, the pinned one; gaps in the place of all others.
 * @param height of one row in CSS pixels
 */
export function rowPieces(list: {
  readonly count: number;
  readonly from: number;
  readonly to: number;
  readonly pinned: number | undefined;
  readonly height: number;
}): readonly RowPiece[] {
  const { count, from, to, pinned, height } = list;
  const gap = (id: 'top' | 'middle' | 'bottom', rows: number): RowPiece[] =>
    rows <= 0 ? [] : [{ kind: 'gap', id, height: rows * height }];
  const row = (index: number): RowPiece => ({ kind: 'row', index });
  const near = Array.from({ length: to - from }, (_, offset) => row(from + offset));
  if (pinned !== undefined && pinned < from) {
    return [
      ...gap('top', pinned),
      row(pinned),
      ...gap('middle', from - pinned - 1),
      ...near,
      ...gap('bottom', count - to),
    ];
  }
  if (pinned !== undefined && pinned >= to && pinned < count) {
    const behind = [row(pinned), ...gap('bottom', count - pinned - 1)];
    return [...gap('top', from), ...near, ...gap('middle', pinned - to), ...behind];
  }
  return [...gap('top', from), ...near, ...gap('bottom', count - to)];
}

/** The row that a key leads to from the row at `at`; undefined where the key means nothing to a table. */
export function rowAfter(key: string, at: number, count: number): number | undefined {
  if (key === 'ArrowDown') return Math.min(count - 1, at + 1);
  if (key === 'ArrowUp') return Math.max(0, at - 1);
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  return undefined;
}
