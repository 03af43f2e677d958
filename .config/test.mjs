// The one test command: every check and every test, fast ones first. `npm test -- --only-checks` stops before vitest.
import { spawn } from 'node:child_process';

const ROOT = new URL('..', import.meta.url);
const TESTS = ['tests', ['npx', 'vitest', 'run', '--config', '.config/vitest.config.ts', ...process.argv.slice(2)]];
// Two lanes, as none of these uses more than one core for long: the linter with types takes as long as the rest together.
const LANES = [
  [
    ['build', ['node', '.config/build.mjs', '--if-stale']],
    ['format and lint', ['npx', 'biome', 'check', '--error-on-warnings', '.']],
    ['types', ['npm', 'run', '--silent', 'types']],
    ['import table', ['npm', 'run', '--silent', 'layers']],
    ['unused code', ['npm', 'run', '--silent', 'unused']],
  ],
  [['promises and exhaustive switches', ['npx', 'eslint', '-c', '.config/eslint.config.mjs', '.']]],
];

/** Resolves with whether it passed; a check's output is shown in one piece once it has ended. */
function run([name, [command, ...args]], stdio) {
  const started = Date.now();
  const chunks = [];
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio, cwd: ROOT });
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.once('error', (error) => chunks.push(`${error.message}\n`));
    child.once('close', (status) => {
      const output = chunks.length === 0 ? '' : `${Buffer.concat(chunks.map((chunk) => Buffer.from(chunk)))}`;
      const verdict = status === 0 ? 'ok' : 'FAILED';
      console.log(`${output}== ${name}: ${verdict} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
      resolve(status === 0);
    });
  });
}

async function runLane(steps) {
  for (const step of steps) if (!(await run(step, ['ignore', 'pipe', 'pipe']))) return false;
  return true;
}

console.log(`== checks: ${LANES.flatMap((steps) => steps.map(([name]) => name)).join(', ')}`);
const passed = await Promise.all(LANES.map(runLane));
if (passed.includes(false)) process.exit(1);
if (!process.argv.includes('--only-checks')) {
  console.log(`\n== ${TESTS[0]}`);
  if (!(await run(TESTS, 'inherit'))) process.exit(1);
}
