import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef } from 'preact/hooks';
import { type RowPiece, rowPieces } from './row-pieces.ts';
import { useMedia } from './use-media.ts';

export interface TableView {
  /** What stands in the table's body from top to bottom. */
  readonly pieces: readonly RowPiece[];
  /** Half-open range of the rows near the view. */
  readonly from: number;
  readonly to: number;
  /** Puts the focus on a row's first control, bringing the row into the page first. Beyond the ends: the end. */
  readonly focusRow: (index: number) => void;
}

/** So many rows cost a browser nothing; below it, searching in the page finds every row. */
const ALWAYS_WHOLE = 150;
const OVERSCAN = 12;
/** As data-table.css has them. */
const ROW_HEIGHT = 40;
const NARROW_ROW_HEIGHT = 44;
const HEAD_HEIGHT = 36;
/** Until the frame has been measured. */
const FIRST_RECT = { width: 1_000, height: 900 };
const INTERRUPTIONS = ['wheel', 'touchmove', 'pointerdown'] as const;
const CONTROL = 'a[href], button:not(:disabled), input:not(:disabled), [tabindex="0"]';

/** Where the row that holds the focus is in the list now. */
function pinnedIndex(body: HTMLElement | null, indexOfKey: (key: string) => number): number | undefined {
  const row = document.activeElement?.closest('tr');
  const key = row && body?.contains(row) ? row.dataset['key'] : undefined;
  const index = key === undefined ? -1 : indexOfKey(key);
  return index < 0 ? undefined : index;
}

/** Focuses a row, or brings it into sight while its content is still on its way; whether it has the focus now. */
function focusIn(body: HTMLElement | null, index: number): boolean {
  const row = body?.querySelector<HTMLElement>(`:scope > tr[aria-rowindex="${index + 2}"]`);
  const control = row?.querySelector<HTMLElement>(CONTROL);
  if (control) control.focus();
  else row?.scrollIntoView({ block: 'nearest' });
  return Boolean(control);
}

/** Whoever scrolls or clicks while a row is on its way has changed their mind about it. */
function useChangeOfMind(frame: RefObject<HTMLElement | null>, forget: () => void): void {
  useLayoutEffect(() => {
    const element = frame.current;
    for (const name of INTERRUPTIONS) element?.addEventListener(name, forget, { passive: true });
    return () => {
      for (const name of INTERRUPTIONS) element?.removeEventListener(name, forget);
    };
  }, []);
}

/** A row that moves in the page, as live figures make it, loses the focus to the browser: this gives it back. */
function useKeptFocus(body: RefObject<HTMLElement | null>): void {
  const before = body.current?.contains(document.activeElement) ? document.activeElement : null;
  useLayoutEffect(() => {
    if (!(before instanceof HTMLElement) || document.activeElement === before) return;
    if (document.activeElement === document.body || document.activeElement === null)
      before.focus({ preventScroll: true });
  });
}

/**
 * Which of `count` rows of one height are near the view of `frame`, which scrolls them under a sticky head. The row that
 * holds the focus stays in the page wherever it is. Rows carry `aria-rowindex`, counted from 2 (the head is 1), and
 * `data-key`.
 * @param indexOfKey where the row of a key is now; -1: it is gone
 */
export function useTableRows(
  count: number,
  frame: RefObject<HTMLElement | null>,
  body: RefObject<HTMLElement | null>,
  indexOfKey: (key: string) => number,
): TableView {
  const [, render] = useReducer((step: number, _: undefined) => step + 1, 0);
  const height = useMedia('(max-width: 640px)') ? NARROW_ROW_HEIGHT : ROW_HEIGHT;
  const wanted = useRef<number | undefined>(undefined);
  useKeptFocus(body);
  useChangeOfMind(frame, () => {
    wanted.current = undefined;
  });
  const isWhole = count <= ALWAYS_WHOLE;
  const pinned = isWhole ? undefined : (wanted.current ?? pinnedIndex(body.current, indexOfKey));
  const options = {
    count,
    enabled: !isWhole,
    getScrollElement: () => frame.current,
    estimateSize: () => height,
    overscan: OVERSCAN,
    scrollMargin: HEAD_HEIGHT,
    initialRect: FIRST_RECT,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => render(undefined),
  };
  const virtualizer = useRef<Virtualizer<HTMLElement, Element> | null>(null);
  virtualizer.current ??= new Virtualizer<HTMLElement, Element>(options);
  const current = virtualizer.current;
  current.setOptions(options);
  useLayoutEffect(() => current._didMount(), []);
  useLayoutEffect(() => {
    current._willUpdate();
    if (wanted.current !== undefined && focusIn(body.current, wanted.current)) wanted.current = undefined;
  });

  const focusRow = (index: number) => {
    const target = Math.min(count - 1, Math.max(0, index));
    if (target < 0 || focusIn(body.current, target)) return;
    wanted.current = target;
    render(undefined);
  };
  const items = current.getVirtualItems();
  const from = isWhole ? 0 : (items[0]?.index ?? 0);
  const to = isWhole ? count : Math.min(count, (items.at(-1)?.index ?? 40) + 1);
  return { pieces: rowPieces({ count, from, to, pinned, height }), from, to, focusRow };
}
