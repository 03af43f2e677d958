// Child processes in the tests run what users run: the built files.
import { execFileSync } from 'node:child_process';

export function setup() {
  execFileSync(process.execPath, ['.config/build.mjs', '--if-stale'], {
    stdio: 'inherit',
    cwd: new URL('..', import.meta.url),
  });
}
