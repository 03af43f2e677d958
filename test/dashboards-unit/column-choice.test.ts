import { describe, expect, it } from 'vitest';
import { type ColumnRule, chosenColumns } from '../../dashboards/src/sre/column-choice.ts';
import { figuresOf } from '../support/dashboards-data.ts';

const COLUMNS: readonly ColumnRule[] = [
  { id: 'requests', sort: 'requests' },
  { id: 'p50', extra: true },
  { id: 'cpu', sort: 'cpu_seconds', appliesTo: (row) => row.cpu_seconds !== null },
];
const measured = { ...figuresOf('acme', 0), cpu_seconds: 2 };
const unmeasured = { ...figuresOf('bolt', 1), cpu_seconds: null, cpu_error_ratio: null };

const shown = (
  rows: Parameters<typeof chosenColumns>[1],
  { all = false, sort = 'requests' as const }: { all?: boolean; sort?: 'requests' | 'cpu_seconds' } = {},
) => chosenColumns(COLUMNS, rows, { all, sort }).map(({ id }) => id);

describe('the columns of the tenant table', () => {
  it('have CPU as soon as one tenant has it, and not for a column of dashes', () => {
    expect(shown([unmeasured, measured])).toEqual(['requests', 'cpu']);
    expect(shown([unmeasured])).toEqual(['requests']);
    expect(shown([])).toEqual(['requests']);
  });

  it('have CPU when it is what the table is sorted by, so that the order can be seen and changed', () => {
    expect(shown([unmeasured], { sort: 'cpu_seconds' })).toEqual(['requests', 'cpu']);
  });

  it('have those for the curious only when asked', () => {
    expect(shown([measured], { all: true })).toEqual(['requests', 'p50', 'cpu']);
  });
});
