import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cruise, cruise, importTable, ROOT, temporaryProject } from '../support/rules-cruise.ts';

const TABLE = await importTable();
const FOLDERS = Object.keys(TABLE);
const CODE = ['src', 'ingest', 'dashboards', 'test'];

/** Import of a file or package for its side effect: counts as an import and needs no names. */
const importing = (targets: readonly string[]) => targets.map((target) => `import '${target}';\n`).join('');
const target = (folder: string) => `${folder}/target.ts`;
const pathTo = (folder: string, file: string) => {
  const path = relative(folder, file);
  return path.startsWith('.') ? path : `./${path}`;
};

/** Packages that somebody may import, and so somebody else may not. `tenantry` is the project itself. */
const PACKAGES = [...new Set(FOLDERS.flatMap((folder) => TABLE[folder]?.packages ?? []))].filter(
  (name) => name !== 'tenantry' && existsSync(join(ROOT, 'node_modules', name)),
);

describe('the code of this project', () => {
  it('keeps to the import table, and the checker really looked at all of it', async () => {
    const { modules, violations } = await cruise(
      ROOT,
      CODE.filter((folder) => existsSync(join(ROOT, folder))),
    );
    expect(violations).toEqual([]);
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(20);
    expect(modules.length).toBeGreaterThan(files.length);
    // With a TypeScript that it cannot use, dependency-cruiser passes over every file and finds all in order.
    expect(modules).toEqual(expect.arrayContaining(files.map((file) => `src/${file}`)));
  }, 60_000);
});

describe('seeded violations', () => {
  let found: Cruise;
  let root: string;

  beforeAll(async () => {
    const files: Record<string, string> = {
      'test/support/target.ts': 'export {};\n',
      'src/api/contract.ts': 'export interface Wire { a: string }\nexport const wire = 1;\n',
      'src/detect/to-test.ts': importing(['../../test/support/target.ts']),
      'src/detect/to-vitest.ts': importing(['vitest']),
      'src/detect/round.ts': importing(['./about.ts']),
      'src/detect/about.ts': importing(['./round.ts']),
      'src/detect/nowhere.ts': importing(['./no-such-file.ts']),
      'dashboards/src/as-value.ts': "import { wire } from '../../src/api/contract.ts';\nexport const copy = wire;\n",
      'dashboards/src/as-type.ts': "import type { Wire } from '../../src/api/contract.ts';\nexport type Copy = Wire;\n",
    };
    for (const [folder, { imports, packages, node }] of Object.entries(TABLE)) {
      const others = FOLDERS.filter((other) => other !== folder && !imports.includes(other));
      const foreign = PACKAGES.filter((name) => !packages.includes(name));
      files[target(folder)] = 'export {};\n';
      files[`${folder}/forbidden.ts`] = importing([
        ...others.map((other) => pathTo(folder, target(other))),
        ...foreign,
        ...(node ? [] : ['node:fs']),
      ]);
      files[`${folder}/allowed.ts`] = importing([
        ...imports.map((other) => pathTo(folder, target(other))),
        ...packages.filter((name) => PACKAGES.includes(name)),
        ...(node ? ['node:fs'] : []),
      ]);
    }
    root = temporaryProject(files);
    found = await cruise(root, CODE);
  }, 60_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const rulesOf = (from: string) => found.violations.filter((violation) => violation.from === from);
  const reported = (from: string, rule: string) =>
    rulesOf(from)
      .filter((violation) => violation.rule === rule)
      .map(({ to }) => to);

  it.each(FOLDERS)('%s may import the folders of its row and no other', (folder) => {
    const others = FOLDERS.filter((other) => other !== folder && !TABLE[folder]?.imports.includes(other));
    expect(others.length).toBeGreaterThan(0);
    expect(reported(`${folder}/forbidden.ts`, `${folder}-imports`).sort()).toEqual(others.map(target).sort());
  });

  it.each(FOLDERS)('%s may import the packages of its row and no other', (folder) => {
    const foreign = PACKAGES.filter((name) => !TABLE[folder]?.packages.includes(name));
    expect(foreign.length).toBeGreaterThan(0);
    const caught = reported(`${folder}/forbidden.ts`, `${folder}-packages`);
    const missed = foreign.filter((name) => !caught.some((to) => to === name || to.includes(`node_modules/${name}/`)));
    expect(missed).toEqual([]);
  });

  it.each(FOLDERS)('%s is not accused of what it may do', (folder) => {
    expect(found.modules).toContain(`${folder}/allowed.ts`);
    expect(rulesOf(`${folder}/allowed.ts`)).toEqual([]);
  });

  it.each(FOLDERS.filter((folder) => TABLE[folder]?.node === false))('%s does no I/O', (folder) => {
    expect(reported(`${folder}/forbidden.ts`, `${folder}-no-io`)).toEqual(['fs']);
  });

  it('tests and their tools in production code', () => {
    expect(reported('src/detect/to-test.ts', 'no-test-in-production')).toEqual(['test/support/target.ts']);
    expect(reported('src/detect/to-vitest.ts', 'no-test-in-production')).toHaveLength(1);
  });

  it('wire types imported as values, but not as types', () => {
    expect(reported('dashboards/src/as-value.ts', 'dashboards-src/api/contract.ts-as-type')).toHaveLength(1);
    expect(rulesOf('dashboards/src/as-type.ts')).toEqual([]);
  });

  it('cycles, and imports of what is not there', () => {
    expect([
      ...reported('src/detect/round.ts', 'no-cycle'),
      ...reported('src/detect/about.ts', 'no-cycle'),
    ]).not.toEqual([]);
    expect(reported('src/detect/nowhere.ts', 'resolvable')).toEqual(['./no-such-file.ts']);
  });
});
