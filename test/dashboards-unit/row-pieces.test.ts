import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowAfter, rowPieces } from '../../dashboards/src/shared/row-pieces.ts';

const texts = (list: Parameters<typeof rowPieces>[0]) =>
  rowPieces(list).map((piece) => (piece.kind === 'row' ? `${piece.index}` : `${piece.id} ${piece.height}`));

describe('the pieces of a long table', () => {
  const list = { count: 100, from: 50, to: 52, pinned: undefined, height: 40 };

  it('are the rows near the view between two gaps', () => {
    expect(texts(list)).toEqual(['top 2000', '50', '51', 'bottom 1920']);
    expect(texts({ ...list, count: 2, from: 0, to: 2 })).toEqual(['0', '1']);
  });

  it('hold the row with the focus wherever it is', () => {
    expect(texts({ ...list, pinned: 3 })).toEqual(['top 120', '3', 'middle 1840', '50', '51', 'bottom 1920']);
    expect(texts({ ...list, pinned: 99 })).toEqual(['top 2000', '50', '51', 'middle 1880', '99']);
    expect(texts({ ...list, pinned: 50 })).toEqual(texts(list));
    expect(texts({ ...list, pinned: 49 })).toEqual(['top 1960', '49', '50', '51', 'bottom 1920']);
    expect(texts({ ...list, pinned: 400 })).toEqual(texts(list));
  });

  it('are as high as all rows together, each row once and in order', () => {
    const lists = fc
      .record({
        count: fc.nat(500),
        a: fc.nat(500),
        b: fc.nat(500),
        pinned: fc.option(fc.nat(600), { nil: undefined }),
      })
      .map(({ count, a, b, pinned }) => {
        const [from, to] = [Math.min(a, b, count), Math.min(Math.max(a, b), count)];
        return { count, from, to, pinned, height: 44 };
      });
    fc.assert(
      fc.property(lists, (each) => {
        const pieces = rowPieces(each);
        const heights = pieces.map((piece) => (piece.kind === 'row' ? 44 : piece.height));
        expect(heights.reduce((sum, height) => sum + height, 0)).toBe(each.count * 44);
        const indexes = pieces.flatMap((piece) => (piece.kind === 'row' ? [piece.index] : []));
        expect(indexes).toEqual([...new Set(indexes)].sort((x, y) => x - y));
      }),
    );
  });
});

describe('keys in a table', () => {
  it.each([
    ['ArrowDown', 3, 4],
    ['ArrowDown', 9, 9],
    ['ArrowUp', 0, 0],
    ['Home', 5, 0],
    ['End', 5, 9],
    ['a', 5, undefined],
  ])('%s leads from row %d of 10 to %s', (key, at, next) => expect(rowAfter(key, at, 10)).toBe(next));
});
