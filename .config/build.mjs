/**
 * Builds everything that runs: dist/src and dist/ingest (tsc), SQL files beside them, dist/dashboards (vite) and
 * dist/npm, the package that apps install. `--if-stale` does nothing when no source is newer than the last build.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packMiddleware } from './pack-middleware.mjs';

process.chdir(new URL('..', import.meta.url).pathname);
const STAMP = 'dist/.built';
const SOURCES = [
  'src',
  'ingest',
  'dashboards',
  'test/bench',
  'test/defences',
  'test/soak',
  'test/support',
  '.config',
  'package.json',
  'tsconfig.json',
];

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function isStale() {
  if (!existsSync(STAMP)) return true;
  const builtAt = statSync(STAMP).mtimeMs;
  return SOURCES.flatMap(filesUnder).some((file) => statSync(file).mtimeMs > builtAt);
}

function run(...command) {
  execFileSync('npx', ['--no-install', ...command], { stdio: ['ignore', 'inherit', 'inherit'] });
}

if (!process.argv.includes('--if-stale') || isStale()) {
  const startedAt = new Date();
  console.log('building …');
  if (!process.argv.includes('--if-stale')) rmSync('dist', { recursive: true, force: true });
  run('tsc', '-p', '.config/tsconfig.build.json');
  for (const file of filesUnder('src').filter((name) => name.endsWith('.sql'))) {
    mkdirSync(dirname(join('dist', file)), { recursive: true });
    cpSync(file, join('dist', file));
  }
  if (existsSync('dashboards/vite.config.ts')) run('vite', 'build', 'dashboards', '--logLevel', 'warn');
  packMiddleware();
  // The stamp carries the time at which the build began: a file saved while it ran counts as newer.
  writeFileSync(STAMP, `${startedAt.toISOString()}\n`);
  utimesSync(STAMP, startedAt, startedAt);
}
