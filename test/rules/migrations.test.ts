import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/rules-cruise.ts';

const NAME = /^(\d{4})_[a-z0-9]+(?:_[a-z0-9]+)*\.sql$/;

/** What is wrong with the files of one migrations folder (paths relative to it): what a migrator would pass over or mix up. */
function problemsOf(files: readonly string[]): string[] {
  if (files.length === 0) return ['no migrations'];
  const misnamed = files
    .filter((file) => !NAME.test(file))
    .map((file) => `${file}: is not NNNN_name.sql in the folder itself`);
  const numbers = files.flatMap((file) => NAME.exec(file)?.[1] ?? []).sort();
  const gaps = numbers.flatMap((number, index) => {
    const expected = String(index + 1).padStart(4, '0');
    return number === expected ? [] : [`${number}: ${expected} was expected`];
  });
  return [...misnamed, ...gaps];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

describe('migrations', () => {
  it.each(['clickhouse', 'postgres'])('of %s are all seen by the migrator and have contiguous numbers', (store) => {
    expect(problemsOf(filesBelow(join(ROOT, 'src/store', store, 'migrations')))).toEqual([]);
  });

  it('are the only home of table definitions', () => {
    const elsewhere = filesBelow(join(ROOT, 'src'))
      .filter((file) => file.endsWith('.sql'))
      .filter((file) => !/^store\/(clickhouse|postgres)\/migrations\/|^aggregate\/views\//.test(file));
    expect(elsewhere).toEqual([]);
  });
});

describe('the check', () => {
  it('accepts contiguous numbers in any order of listing', () => {
    expect(problemsOf(['0002_more.sql', '0001_first.sql', '0003_and_more_2.sql'])).toEqual([]);
  });

  it.each([
    ['a gap', ['0001_a.sql', '0003_c.sql'], '0003: 0002 was expected'],
    ['a number used twice', ['0001_a.sql', '0002_b.sql', '0002_c.sql'], '0002: 0003 was expected'],
    ['a wrong beginning', ['0000_a.sql'], '0000: 0001 was expected'],
    ['a nested file', ['0001_a.sql', 'more/0002_b.sql'], 'more/0002_b.sql: is not NNNN_name.sql in the folder itself'],
    ['another name', ['0001_a.sql', '2_b.sql'], '2_b.sql: is not NNNN_name.sql in the folder itself'],
    ['another kind of file', ['0001_a.sql', '0002_b.ts'], '0002_b.ts: is not NNNN_name.sql in the folder itself'],
    ['nothing at all', [], 'no migrations'],
  ])('notices %s', (_what, files, problem) => {
    expect(problemsOf(files)).toEqual([problem]);
  });
});
