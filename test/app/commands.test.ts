import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { endEverything, flowFolder, runCommand } from '../support/flow-tenantry.ts';

afterAll(endEverything);

const PRINT_HELP = fileURLToPath(new URL('../../dist/test/support/children/print-help.js', import.meta.url));

interface Listed {
  readonly name: string;
  readonly description: string;
}

/** The commands that a `--help` lists, without `help` itself. Usage, then wide space, then what it does. */
function listed(help: string): readonly Listed[] {
  const [, commands = ''] = help.split(/^Commands:$/m);
  return [...commands.matchAll(/^ {2}([a-z-]+)[^\n]*?(?: {2,}|\n {10,})(\S[^\n]*)$/gm)]
    .map(([, name = '', description = '']) => ({ name, description }))
    .filter(({ name }) => name !== 'help');
}

describe('--help', () => {
  it('is there for every command and every command below it, with a description', async () => {
    // Loading them costs more than printing: one process prints all, the following tests ask as users do.
    const { stdout } = await promisify(execFile)(process.execPath, [PRINT_HELP]);
    const helps = JSON.parse(stdout) as Record<string, string>;
    const seen: string[] = [];
    for (const [command, help] of Object.entries(helps)) {
      expect(help).toContain(`Usage: ${`tenantry ${command}`.trim()}`);
      expect(help.split('\n')[2]?.length, `description of ${command}`).toBeGreaterThan(10);
      for (const { name, description } of listed(help)) {
        const path = `${command} ${name}`.trim();
        seen.push(path);
        expect(description.length, `description of ${path}`).toBeGreaterThan(10);
      }
    }
    expect(seen.toSorted()).toEqual(
      Object.keys(helps)
        .filter((command) => command !== '')
        .toSorted(),
    );
    for (const command of ['serve', 'ingest', 'demo', 'migrate', 'doctor', 'key', 'throttle set', 'export usage']) {
      expect(seen).toContain(command);
    }
  });

  it.each(['tenantry', 'tenantry key', 'tenantry throttle set'])('is printed by %s --help', async (words) => {
    const run = runCommand([...words.split(' ').slice(1), '--help']);
    expect([await run.exited, run.log()]).toEqual([0, '']);
    expect(run.out()).toContain(`Usage: ${words}`);
  });

  it('of serve tells every setting with its default', async () => {
    const run = runCommand(['serve', '--help']);
    expect(await run.exited).toBe(0);
    expect(run.out()).toMatch(/TENANTRY_API_PORT .*\[7070\]/);
    expect(run.out()).toMatch(/DATABASE_URL /);
  });

  it('is pointed to when a command does not exist', async () => {
    const run = runCommand(['fly']);
    expect(await run.exited).toBe(1);
    expect(run.log()).toContain("unknown command 'fly'");
    expect(run.log()).toContain('--help');
  });
});

describe('wrong settings', () => {
  it.each([
    ['serve', { TENANTRY_API_PORT: '99999' }, 'TENANTRY_API_PORT'],
    ['serve', { TENANTRY_ADMIN_TOKEN: 'short' }, 'TENANTRY_ADMIN_TOKEN: must have at least 16 characters'],
    ['serve', { TENANTRY_AUTO_THROTLE: 'off' }, 'unknown setting TENANTRY_AUTO_THROTLE'],
    ['ingest', { TENANTRY_SEGMENT_BYTES: 'many' }, 'TENANTRY_SEGMENT_BYTES'],
    ['demo', { TENANTRY_DETECT_RATIO: '1' }, 'TENANTRY_DETECT_RATIO'],
    ['migrate', { DATABASE_URL: 'not a url' }, 'DATABASE_URL'],
    ['doctor', { TENANTRY_LOG_LEVEL: 'loud' }, 'TENANTRY_LOG_LEVEL'],
  ])('end %s before it does anything, with a message that names the setting', async (command, settings, message) => {
    const run = runCommand([command], { TENANTRY_DATA_DIR: join(flowFolder(), 'never-made'), ...settings });
    expect(await run.exited).toBe(1);
    expect(run.log()).toMatch(/^error: The configuration is not valid\n/);
    expect(run.log()).toContain(message);
    expect(run.log()).not.toContain('node_modules');
    expect(run.out()).toBe('');
  });

  it('are all named at once', async () => {
    const run = runCommand(['serve'], { TENANTRY_API_PORT: 'x', TENANTRY_OTLP_HTTP_PORT: 'y' });
    expect(await run.exited).toBe(1);
    expect(run.log()).toMatch(/TENANTRY_API_PORT.*TENANTRY_OTLP_HTTP_PORT/);
  });
});

describe('migrate', () => {
  it('makes both databases, and has nothing to do the second time', async () => {
    const settings = { TENANTRY_DATA_DIR: flowFolder() };
    const first = runCommand(['migrate'], settings);
    expect(await first.exited, first.log()).toBe(0);
    expect(first.out()).toMatch(/^ClickHouse: 0001_spans.sql, /m);
    expect(first.out()).toMatch(/^PostgreSQL: 0001_/m);
    const second = runCommand(['migrate'], settings);
    expect(await second.exited, second.log()).toBe(0);
    expect(second.out()).toBe('ClickHouse: up to date\nPostgreSQL: up to date\n');
  });
});

describe('commands that ask a server', () => {
  const settings = () => ({
    TENANTRY_DATA_DIR: flowFolder(),
    TENANTRY_API_PORT: '1',
    TENANTRY_OTLP_HTTP_PORT: '1',
    TENANTRY_ADMIN_TOKEN: 'admin-token-of-nobody',
  });

  it('say that none runs, and how to start it', async () => {
    const run = runCommand(['throttle', 'list'], settings());
    expect(await run.exited).toBe(1);
    expect(run.log()).toContain('http://127.0.0.1:1');
    expect(run.log()).toContain('npm start');
  });

  it('doctor names what does not answer, and ends with 1', async () => {
    const run = runCommand(['doctor'], settings());
    expect(await run.exited).toBe(1);
    expect(run.out()).toMatch(/^FAIL +ingest .*port 1/m);
    expect(run.out()).toMatch(/^FAIL +server .*port 1/m);
  });
});

it('a damaged secrets file is named, and not overwritten', async () => {
  const dataDir = flowFolder();
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, 'secrets.json'), '{"adminTok');
  const run = runCommand(['serve'], {
    TENANTRY_DATA_DIR: dataDir,
    TENANTRY_API_PORT: '0',
    TENANTRY_OTLP_HTTP_PORT: '0',
    TENANTRY_OTLP_GRPC_PORT: '0',
  });
  expect(await run.exited).toBe(1);
  expect(run.log()).toContain('secrets.json in the data directory is damaged');
});

describe('backtest', () => {
  it('on a data directory that no server ever used says so, and leaves it as it is', async () => {
    const folder = join(flowFolder(), 'never-served');
    const run = runCommand(['backtest'], { TENANTRY_DATA_DIR: folder });
    expect(await run.exited).toBe(1);
    expect(run.log()).toContain(`There are no stored minutes in ${folder}: no server has run on it yet.`);
    expect(run.log()).toContain('TENANTRY_DATA_DIR');
    expect(existsSync(folder)).toBe(false);
    mkdirSync(join(folder, 'clickhouse'), { recursive: true });
    const again = runCommand(['backtest'], { TENANTRY_DATA_DIR: folder });
    expect(await again.exited).toBe(1);
    expect(again.log()).toContain('There are no stored minutes');
  });
});
