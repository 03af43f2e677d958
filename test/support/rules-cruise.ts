import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface FolderRule {
  readonly imports: readonly string[];
  readonly typeImports?: readonly string[];
  readonly packages: readonly string[];
  readonly node: boolean;
}

/** `.config/import-table.mjs`, which has no types of its own. */
export async function importTable(): Promise<Readonly<Record<string, FolderRule>>> {
  const module = (await import(join(ROOT, '.config/import-table.mjs'))) as {
    IMPORT_TABLE: Readonly<Record<string, FolderRule>>;
  };
  return module.IMPORT_TABLE;
}

interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

export interface Cruise {
  /** Paths of our own modules that were read, relative to `root`. */
  readonly modules: readonly string[];
  readonly violations: readonly Violation[];
}

/** Runs dependency-cruiser with the project's rules on `folders` below `root`. */
export async function cruise(root: string, folders: readonly string[]): Promise<Cruise> {
  const command = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(ROOT, '.config/dependency-cruiser.mjs');
  const args = [command, '--config', config, '--output-type', 'json', ...folders];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, maxBuffer: 2 ** 28 });
  const { modules, summary } = JSON.parse(stdout) as {
    modules: { source: string }[];
    summary: { violations: { from: string; to: string; rule: { name: string } }[] };
  };
  return {
    modules: modules.map(({ source }) => source),
    violations: summary.violations.map(({ from, to, rule }) => ({ from, to, rule: rule.name })),
  };
}

/** A folder of its own with the given files, and with this project's packages and compiler settings. */
export function temporaryProject(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'tenantry-rules-')));
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const file of ['package.json', 'tsconfig.json']) cpSync(join(ROOT, file), join(root, file));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}
