import type { TenantFigures, TenantSort } from '../../../src/api/contract.ts';

/** What decides whether a column is shown. */
export interface ColumnRule {
  readonly id: string;
  readonly sort?: TenantSort;
  /** Shown only when the reader asks for all columns. */
  readonly extra?: boolean;
  /** Shown only where a row has it: a column full of dashes says nothing. */
  readonly appliesTo?: (row: TenantFigures) => boolean;
}

/** The columns that a table of these rows has; one that it is sorted by stays, so that the order can be changed. */
export function chosenColumns<C extends ColumnRule>(
  columns: readonly C[],
  rows: readonly TenantFigures[],
  { all, sort }: { readonly all: boolean; readonly sort: TenantSort },
): readonly C[] {
  return columns.filter((column) => {
    if (column.extra === true && !all) return false;
    return column.appliesTo === undefined || column.sort === sort || rows.some(column.appliesTo);
  });
}
