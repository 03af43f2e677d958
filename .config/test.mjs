// The one test command: every check and every test, fast ones first. `npm test -- --only-checks` stops before vitest.
import { spawnSync } from 'node:child_process';

const STEPS = [
  ['build', ['node', '.config/build.mjs', '--if-stale']],
  ['format and lint', ['npx', 'biome', 'check', '--error-on-warnings', '.']],
  ['types', ['npm', 'run', '--silent', 'types']],
  ['promises and exhaustive switches', ['npx', 'eslint', '-c', '.config/eslint.config.mjs', '.']],
  ['import table', ['npm', 'run', '--silent', 'layers']],
  ['unused code', ['npm', 'run', '--silent', 'unused']],
  ['tests', ['npx', 'vitest', 'run', '--config', '.config/vitest.config.ts', ...process.argv.slice(2)]],
];

const onlyChecks = process.argv.includes('--only-checks');
for (const [name, [command, ...args]] of STEPS) {
  if (name === 'tests' && onlyChecks) break;
  const started = Date.now();
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: new URL('..', import.meta.url) });
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  if (status !== 0) process.exit(1);
}
