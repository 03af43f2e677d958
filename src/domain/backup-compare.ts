/** Whether restored stores say of a tenant what the running ones said at the cut. Pure. */
import type { BackupFigures, ClickHouseFigures, PostgresFigures } from './backup-figures.ts';

interface BackupDifference {
  readonly where: string;
  readonly what: string;
}

export interface BackupComparison {
  /** Tables and questions that were compared. */
  readonly compared: number;
  readonly rows: number;
  /** Rows of PostgreSQL that have been changed or deleted since the cut: nothing can be said of them. */
  readonly changedSince: number;
  readonly differences: readonly BackupDifference[];
}

export function compareFigures(live: BackupFigures, restored: BackupFigures): BackupComparison {
  const analytics = pairs(live.clickhouse, restored.clickhouse, ({ table }) => table);
  const control = pairs(live.postgres, restored.postgres, ({ table }) => table);
  const readers = pairs(live.readers, restored.readers, ({ question }) => question);
  const sumOf = (figures: readonly { readonly rows: number }[]) => figures.reduce((sum, { rows }) => sum + rows, 0);
  return {
    compared: analytics.length + control.length + readers.length,
    rows: sumOf(restored.clickhouse) + sumOf(live.postgres),
    changedSince: Math.max(0, sumOf(restored.postgres) - sumOf(live.postgres)),
    differences: [
      ...analytics.flatMap(([name, left, right]) => differ('ClickHouse', name, left, right, differenceOfTable)),
      ...control.flatMap(([name, left, right]) => differ('PostgreSQL', name, left, right, differenceOfRows)),
      ...readers.flatMap(([name, left, right]) =>
        differ('API', name, left, right, (one, other) => (one.answer === other.answer ? undefined : 'other answer')),
      ),
    ],
  };
}

type Pair<T> = readonly [name: string, live: T | undefined, restored: T | undefined];

function pairs<T>(live: readonly T[], restored: readonly T[], nameOf: (item: T) => string): readonly Pair<T>[] {
  const left = new Map(live.map((item) => [nameOf(item), item]));
  const right = new Map(restored.map((item) => [nameOf(item), item]));
  const names = [...new Set([...left.keys(), ...right.keys()])].toSorted();
  return names.map((name) => [name, left.get(name), right.get(name)]);
}

function differ<T>(
  store: string,
  name: string,
  live: T | undefined,
  restored: T | undefined,
  compare: (live: T, restored: T) => string | undefined,
): readonly BackupDifference[] {
  const where = `${store} ${name}`;
  if (live === undefined) return [{ where, what: 'is in the backup alone' }];
  if (restored === undefined) return [{ where, what: 'is not in the backup' }];
  const what = compare(live, restored);
  return what === undefined ? [] : [{ where, what }];
}

function differenceOfTable(live: ClickHouseFigures, restored: ClickHouseFigures): string | undefined {
  if (live.rows !== restored.rows) return `${restored.rows} rows, running: ${live.rows}`;
  const sums = Object.keys(live.sums).filter((column) => live.sums[column] !== restored.sums[column]);
  if (sums.length > 0) {
    return sums
      .map((column) => `${column} adds up to ${restored.sums[column]}, running: ${live.sums[column]}`)
      .join('; ');
  }
  return live.digest === restored.digest ? undefined : `${live.rows} rows, and not all of them the same`;
}

/** Of the running side those rows alone that are as they were: each must be in the restored one. */
function differenceOfRows(live: PostgresFigures, restored: PostgresFigures): string | undefined {
  const left = new Map<string, number>();
  for (const hash of restored.hashes) left.set(hash, (left.get(hash) ?? 0) + 1);
  let missing = 0;
  for (const hash of live.hashes) {
    const count = left.get(hash) ?? 0;
    if (count === 0) missing += 1;
    else left.set(hash, count - 1);
  }
  if (missing > 0) return `${missing} rows are not in the backup, or other than they were`;
  return live.rows > restored.rows ? `${restored.rows} rows, running: ${live.rows}` : undefined;
}
