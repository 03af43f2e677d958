import { describe, expect, it } from 'vitest';
import {
  cellValue,
  columnIds,
  forgetHistory,
  MAX_SQL_LENGTH,
  readHistory,
  remember,
  shortSql,
} from '../../dashboards/src/operations/sql-text.ts';

function memory(kept?: string) {
  const items = new Map(kept === undefined ? [] : [['tenantry.sql', kept]]);
  const store = {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, text: string) => void items.set(name, text),
    removeItem: (name: string) => void items.delete(name),
  };
  return () => store;
}

const switchedOff = () => {
  throw new Error('SecurityError');
};

describe('statements that were run before', () => {
  it('are kept newest first, each once, and twenty at most', () => {
    const store = memory();
    for (let number = 0; number < 25; number += 1) remember(store, `SELECT ${number}`);
    expect(remember(store, 'SELECT 20').slice(0, 3)).toEqual(['SELECT 20', 'SELECT 24', 'SELECT 23']);
    expect(readHistory(store)).toHaveLength(20);
    forgetHistory(store);
    expect(readHistory(store)).toEqual([]);
  });

  it.each(['{', '{}', 'null', '7', '[null, 7, {}, ""]', JSON.stringify(['x'.repeat(MAX_SQL_LENGTH + 1)])])(
    'are none where somebody else has written %s',
    (kept) => {
      expect(readHistory(memory(kept))).toEqual([]);
    },
  );

  it('last as long as the page where the browser keeps nothing', () => {
    expect(remember(switchedOff, 'SELECT 1')).toEqual(['SELECT 1']);
    expect(() => forgetHistory(switchedOff)).not.toThrow();
  });
});

describe('an answer', () => {
  it('has a name for every column, though two are called alike', () => {
    const columns = ['a', 'b', 'a', 'a'].map((name) => ({ name, type: 'String' }));
    expect(columnIds(columns)).toEqual(['a', 'b', 'a (2)', 'a (3)']);
  });

  it.each([
    ['UInt64', '12', 12],
    ['Int64', '-5', -5],
    ['Nullable(Int64)', null, null],
    // No digit is lost for the sake of sorting.
    ['UInt64', '18446744073709551615', '18446744073709551615'],
    ['Decimal(18, 4)', '1.5000', '1.5000'],
    ['Float64', 0.25, 0.25],
    ['String', '12', '12'],
    ['Float64', 'nan', 'nan'],
    ['Bool', true, true],
    ['Array(String)', ['a'], '["a"]'],
  ])('shows %s %j as %j', (type, value, shown) => {
    expect(cellValue(value, type)).toBe(shown);
  });

  it('names a statement in one short line', () => {
    expect(shortSql(' SELECT\n  1 ')).toBe('SELECT 1');
    expect(shortSql('x'.repeat(200))).toHaveLength(90);
  });
});
