// Child processes in the tests run what users run: the built files.
import { execFileSync } from 'node:child_process';

export function setup() {
  const options = { stdio: 'inherit', cwd: new URL('..', import.meta.url) };
  execFileSync(process.execPath, ['.config/build.mjs', '--if-stale'], options);
  execFileSync(process.execPath, ['dist/test/support/children/make-store-templates.js'], options);
}
