import { observeWindowOffset, observeWindowRect, Virtualizer, windowScroll } from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useLayoutEffect, useReducer, useRef } from 'preact/hooks';

export interface VirtualRows {
  /** Half-open range of the rows that are in the page. */
  readonly from: number;
  readonly to: number;
  /** Height in CSS pixels that stands for the rows before and behind. */
  readonly before: number;
  readonly after: number;
  readonly scrollTo: (index: number) => void;
}

/** So many rows cost a browser nothing; below it, searching in the page finds every row. */
const ALWAYS_WHOLE = 150;
const OVERSCAN = 12;

/** Which of `count` rows of one height are near the window's view. The window scrolls, not the table. */
export function useVirtualRows(count: number, rowHeight: number, body: RefObject<HTMLElement | null>): VirtualRows {
  const [, render] = useReducer((step: number, _: undefined) => step + 1, 0);
  const top = body.current === null ? 0 : body.current.getBoundingClientRect().top + window.scrollY;
  const options = {
    count,
    enabled: count > ALWAYS_WHOLE,
    getScrollElement: () => window,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollMargin: top,
    initialOffset: () => window.scrollY,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    onChange: () => render(undefined),
  };
  const virtualizer = useRef<Virtualizer<Window, Element> | null>(null);
  virtualizer.current ??= new Virtualizer<Window, Element>(options);
  const current = virtualizer.current;
  current.setOptions(options);
  useLayoutEffect(() => current._didMount(), []);
  useLayoutEffect(() => current._willUpdate());

  const scrollTo = (index: number) => current.scrollToIndex(index, { align: 'auto' });
  if (count <= ALWAYS_WHOLE) return { from: 0, to: count, before: 0, after: 0, scrollTo: () => undefined };
  const items = current.getVirtualItems();
  const from = items[0]?.index ?? 0;
  const to = Math.min(count, (items.at(-1)?.index ?? 40) + 1);
  return { from, to, before: from * rowHeight, after: (count - to) * rowHeight, scrollTo };
}
