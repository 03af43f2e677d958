/**
 * `npm run defences [-- name …]`: takes each defence of ingest out of a copy of the project and runs the tests that have
 * to notice. A defence whose absence no test notices counts for nothing: then this ends with 1.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Defence } from './defence.ts';
import { DEFENCES, without } from './list.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Tests of a broken program may hang; they count as red. */
const MOST_MS = 240_000;

interface Run {
  /** Names of failed tests; undefined: it did not end, or no test ran. */
  readonly failed: readonly string[] | undefined;
  readonly passed: number;
  readonly hung: boolean;
}

/** The project as it is in the work tree, with the installed packages and what is built, in a folder of its own. */
function copyOfProject(): string {
  const copy = mkdtempSync(join(tmpdir(), 'tenantry-defences-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  const files = listed
    .toString()
    .split('\0')
    // One that was deleted and not committed is still listed.
    .filter((file) => file !== '' && !file.startsWith('dist/') && existsSync(join(ROOT, file)));
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(ROOT, file), join(copy, file));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  // Copied: somebody may build anew meanwhile.
  cpSync(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  writeFileSync(
    join(copy, 'vitest.defences.mjs'),
    `export default { root: ${JSON.stringify(copy)}, test: { pool: 'forks', maxWorkers: 1, testTimeout: 60000, hookTimeout: 60000, expect: { poll: { timeout: 15000 } } } };\n`,
  );
  return copy;
}

async function runTests(copy: string, tests: readonly string[], only: string | undefined): Promise<Run> {
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const args = ['run', '--config', 'vitest.defences.mjs', '--reporter=json', `--outputFile=${report}`, ...tests];
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [vitest, ...args, ...(only === undefined ? [] : ['-t', only])], {
    cwd: copy,
    stdio: 'ignore',
    detached: true,
  });
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    // Its workers as well: they are what hangs.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, MOST_MS);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  if (hung) return { failed: undefined, passed: 0, hung };
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
      testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
    };
    const all = testResults.flatMap(({ assertionResults }) => assertionResults);
    const hooks = testResults.filter(({ status, assertionResults }) => {
      return status === 'failed' && !assertionResults.some((result) => result.status === 'failed');
    });
    const failed = all.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
    return {
      failed: [...failed, ...hooks.map(({ name }) => `${name.slice(copy.length + 1)} (its set-up)`)],
      passed: all.filter(({ status }) => status === 'passed').length,
      hung,
    };
  } catch {
    return { failed: undefined, passed: 0, hung };
  }
}

/** Whether the tests noticed, and in which words. */
async function takeOut(copy: string, defence: Defence): Promise<{ readonly noticed: boolean; readonly words: string }> {
  const path = join(copy, defence.file);
  const source = readFileSync(path, 'utf8');
  writeFileSync(path, without(defence, source));
  try {
    const { failed, hung } = await runTests(copy, defence.tests, defence.only);
    if (hung) return { noticed: true, words: `red: ${defence.tests.join(', ')} did not end` };
    if (failed === undefined) return { noticed: false, words: 'the tests could not be run' };
    const [first] = failed;
    if (first === undefined) return { noticed: false, words: 'NO TEST NOTICED' };
    return { noticed: true, words: `red: ${first}${failed.length > 1 ? ` and ${failed.length - 1} more` : ''}` };
  } finally {
    writeFileSync(path, source);
  }
}

async function main(names: readonly string[]): Promise<number> {
  const wanted =
    names.length === 0 ? DEFENCES : DEFENCES.filter(({ name }) => names.some((part) => name.includes(part)));
  if (wanted.length === 0) {
    process.stderr.write(`There is no such defence. There are:\n${DEFENCES.map(({ name }) => `  ${name}\n`).join('')}`);
    return 2;
  }
  const copy = copyOfProject();
  try {
    const survivors: string[] = [];
    // Red says something only where all is green with the defence in place.
    const green = new Map<string, boolean>();
    for (const defence of wanted) {
      const which = JSON.stringify([defence.tests, defence.only]);
      if (!green.has(which)) {
        const { failed, passed } = await runTests(copy, defence.tests, defence.only);
        green.set(which, failed?.length === 0 && passed > 0);
      }
      const isSound = green.get(which) === true;
      const { noticed, words } = isSound
        ? await takeOut(copy, defence)
        : { noticed: false, words: 'its tests are red, or none runs, with the defence in place' };
      process.stdout.write(`${noticed ? 'ok  ' : 'FAIL'}  ${defence.name} (${defence.file}) — taken out — ${words}\n`);
      if (!noticed) survivors.push(defence.name);
    }
    process.stdout.write(
      `${wanted.length - survivors.length} of ${wanted.length} defences are noticed when they are gone.\n`,
    );
    return survivors.length === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

process.exitCode = await main(process.argv.slice(2));
