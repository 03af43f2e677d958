import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importTable, ROOT } from '../support/rules-cruise.ts';

const TABLE = Object.keys(await importTable());
/** The owner fixed these; the optional ones may stand beside them, and so may hidden files. */
const TOP = ['package.json', 'tsconfig.json', 'src', 'dashboards', 'ingest', 'test', 'README.md'];
const OPTIONAL = ['package-lock.json', 'LICENSE', 'CHANGELOG.md'];
/** Made by tools and ignored by git. */
const MADE = ['node_modules', 'dist'];

function foldersOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${folder}/${entry.name}`);
}

/** Folders of src without a row, and rows without a folder. */
function withoutRow(folders: readonly string[], table: readonly string[]) {
  const rows = table.filter((row) => row.startsWith('src/'));
  return {
    folders: folders.filter((folder) => !rows.includes(folder)),
    rows: rows.filter((row) => !folders.includes(row)),
  };
}

function topLevelProblems(names: readonly string[]) {
  const visible = names.filter((name) => !name.startsWith('.') && !MADE.includes(name));
  return {
    missing: TOP.filter((name) => !visible.includes(name)),
    foreign: visible.filter((name) => !TOP.includes(name) && !OPTIONAL.includes(name)),
  };
}

describe('folders', () => {
  it('of src are those of the import table', () => {
    expect(withoutRow(foldersOf('src'), TABLE)).toEqual({ folders: [], rows: [] });
  });

  it('and files at the top are those that were agreed', () => {
    expect(topLevelProblems(readdirSync(ROOT))).toEqual({ missing: [], foreign: [] });
  });
});

describe('the check', () => {
  it('notices a folder without a row, and a row without a folder', () => {
    const folders = TABLE.filter((row) => row.startsWith('src/'));
    expect(withoutRow([...folders, 'src/utils'], TABLE)).toEqual({ folders: ['src/utils'], rows: [] });
    expect(withoutRow(folders.slice(1), TABLE)).toEqual({ folders: [], rows: [folders[0]] });
  });

  it('notices what does not belong at the top, and what is missing there', () => {
    const agreed = [...TOP, ...OPTIONAL, ...MADE, '.config'];
    expect(topLevelProblems(agreed)).toEqual({ missing: [], foreign: [] });
    expect(topLevelProblems([...agreed, 'scripts'])).toEqual({ missing: [], foreign: ['scripts'] });
    expect(topLevelProblems(agreed.filter((name) => name !== 'ingest'))).toEqual({ missing: ['ingest'], foreign: [] });
  });
});
