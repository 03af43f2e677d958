// Child processes in the tests run what users run: the built files.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { makeFolderInMemory } from './test-folder.mjs';

/** Workers and their children take over this process's environment. @returns what undoes it */
export function setup() {
  const options = { stdio: 'inherit', cwd: new URL('..', import.meta.url) };
  execFileSync(process.execPath, ['.config/build.mjs', '--if-stale'], options);
  execFileSync(process.execPath, ['dist/test/support/children/make-store-templates.js'], options);
  const folder = makeFolderInMemory();
  if (folder === undefined) return undefined;
  // Templates stay where they are over many runs.
  process.env.TEST_TEMPLATES_FOLDER = tmpdir();
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
