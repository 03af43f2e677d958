import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/rules-cruise.ts';

/** The map writes a folder as `name/`, from src or from the top: `detect/`, `store/postgres/`, `ingest/`. */
function namedFolders(map: string): string[] {
  return [...new Set([...map.matchAll(/`((?:[\w.-]+\/)+)`/g)].map(([, name = '']) => name.replace(/\/$/, '')))];
}

function problemsOf(map: string, folders: readonly string[], exists: (path: string) => boolean) {
  const named = namedFolders(map);
  return {
    missingFromMap: folders.filter((folder) => !named.includes(folder) && !named.includes(`src/${folder}`)),
    notThere: named.filter((name) => !exists(name) && !exists(`src/${name}`)),
  };
}

const FOLDERS = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const isThere = (path: string) => existsSync(join(ROOT, path));

describe('src/README.md', () => {
  it('names every folder of src, and none that is not there', () => {
    const map = readFileSync(join(ROOT, 'src/README.md'), 'utf8');
    expect(problemsOf(map, FOLDERS, isThere)).toEqual({ missingFromMap: [], notThere: [] });
  });
});

describe('the check', () => {
  const good = ['`ingest/`', ...FOLDERS.map((folder) => `\`${folder}/\``), '`store/postgres/`', '`src/store/`'].join(
    ' ',
  );

  it('accepts a map that names all, from src or from the top', () => {
    expect(problemsOf(good, FOLDERS, isThere)).toEqual({ missingFromMap: [], notThere: [] });
  });

  it('notices a folder that the map forgot, and one that was renamed', () => {
    expect(problemsOf(good.replace('`cost/`', '`costs/`'), FOLDERS, isThere)).toEqual({
      missingFromMap: ['cost'],
      notThere: ['costs'],
    });
  });
});
