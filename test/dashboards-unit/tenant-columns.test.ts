import { describe, expect, it } from 'vitest';
import { columnsFor } from '../../dashboards/src/sre/tenant-columns.tsx';
import { figuresOf } from '../support/dashboards-data.ts';

const measured = { ...figuresOf('acme', 0), cpu_seconds: 2 };
const unmeasured = { ...figuresOf('bolt', 1), cpu_seconds: null, cpu_error_ratio: null };
const hasCpu = (rows: Parameters<typeof columnsFor>[0], sort: Parameters<typeof columnsFor>[2] = 'requests') =>
  columnsFor(rows, false, sort).some(({ id }) => id === 'cpu');

describe('the columns of the tenant table', () => {
  it('have CPU as soon as one tenant has it, and not for a column of dashes', () => {
    expect(hasCpu([unmeasured, measured])).toBe(true);
    expect(hasCpu([unmeasured])).toBe(false);
    expect(hasCpu([])).toBe(false);
  });

  it('have CPU when it is what the table is sorted by, so that the order can be seen and changed', () => {
    expect(hasCpu([unmeasured], 'cpu_seconds')).toBe(true);
  });

  it('have those for the curious only when asked', () => {
    const shown = (all: boolean) => columnsFor([measured], all, 'requests').map(({ id }) => id);
    expect(shown(false)).not.toContain('p50');
    expect(shown(true)).toContain('p50');
  });
});
