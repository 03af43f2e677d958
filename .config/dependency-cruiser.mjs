// Rules made from import-table.mjs. dependency-cruiser 17 reads TypeScript < 7 only and says "0 modules" with a
// newer one, so test/rules/layers.test.ts also checks that it really looked.
import { IMPORT_TABLE } from './import-table.mjs';

const quote = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
const folders = Object.keys(IMPORT_TABLE);
const own = (folder) => `^${quote(folder)}/`;

const folderRules = folders.flatMap((folder) => {
  const { imports, typeImports = [], packages, node } = IMPORT_TABLE[folder];
  const allowed = [folder, ...imports].map(own).concat(typeImports.map((file) => `^${quote(file)}$`));
  const rules = [
    {
      name: `${folder}-imports`,
      comment: `${folder} may import only: ${[...imports, ...typeImports].join(', ') || 'itself'}. Declare the narrow port you need and let src/app join the two (.config/import-table.mjs).`,
      severity: 'error',
      from: { path: own(folder) },
      to: { path: folders.map(own), pathNot: allowed },
    },
    {
      name: `${folder}-packages`,
      comment: `${folder} may import only the packages listed for it in .config/import-table.mjs.`,
      severity: 'error',
      from: { path: own(folder) },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
        pathNot: [
          ...packages.map((name) => `(^|node_modules/)(@types/)?${quote(name)}(/|$)`),
          'node_modules/@types/node/',
        ],
      },
    },
  ];
  for (const file of typeImports) {
    rules.push({
      name: `${folder}-${file}-as-type`,
      comment: `${file} holds wire types; import it with "import type" so that no server code reaches the browser.`,
      severity: 'error',
      from: { path: own(folder) },
      to: { path: `^${quote(file)}$`, dependencyTypesNot: ['type-only'] },
    });
  }
  if (!node) {
    rules.push({
      name: `${folder}-no-io`,
      comment: `${folder} is pure: no Node built-ins, the clock is passed in.`,
      severity: 'error',
      from: { path: own(folder), pathNot: 'vite\\.config\\.ts$' },
      to: { dependencyTypes: ['core'] },
    });
  }
  return rules;
});

export default {
  forbidden: [
    ...folderRules,
    {
      name: 'no-test-in-production',
      comment: 'Production code never imports tests or their helpers.',
      severity: 'error',
      from: { path: '^(src|ingest|dashboards)/' },
      to: { path: ['^test/', 'node_modules/vitest/'] },
    },
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: ['^tenantry(/|$)'] } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.d.ts'],
    },
  },
};
