/** A whole Tenantry as users run it: the built command line, both processes, embedded stores, real ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TenantFigures, TenantList } from '../../src/api/contract.ts';
import { descendants, stillRunning } from './flow-processes.ts';
import { until } from './flow-waiting.ts';
import { copyStoreTemplate } from './store-templates.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-flow-tests';
export const INGEST_KEY = 'ingest-key-of-the-flow-tests';

/** Benches run as built files themselves, two folders below it. */
const BUILT = import.meta.url.endsWith('.ts') ? '../../dist/' : '../../';
const PROGRAM = fileURLToPath(new URL(`${BUILT}src/app/main.js`, import.meta.url));
const START_TIMEOUT_MS = 90_000;

/** Free ports, known secrets, segments that are loaded soon. */
const SETTINGS: Readonly<Record<string, string>> = {
  TENANTRY_API_PORT: '0',
  TENANTRY_OTLP_HTTP_PORT: '0',
  TENANTRY_OTLP_GRPC_PORT: '0',
  TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
  TENANTRY_INGEST_KEY: INGEST_KEY,
  TENANTRY_SEGMENT_AGE_MS: '200',
  // Its own spans would be among those that a test counts in the spool.
  TENANTRY_SELF_CHECK_SECONDS: '0',
  TENANTRY_LATE_TENANT_SECONDS: '0',
};

interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A run of the command line: what it printed, and how it ended. */
export interface CommandRun {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What went to stdout so far. */
  out(): string;
  /** What went to stderr so far: the logs of all processes. */
  log(): string;
  /** Exit status; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

export interface FlowTenantry extends CommandRun {
  readonly url: string;
  readonly otlpUrl: string;
  readonly dataDir: string;
  /** A request to the API; as admin unless another token, or none (''), is given. */
  ask<Body>(path: string, options?: { method?: string; body?: unknown; token?: string }): Promise<Answer<Body>>;
  /** Every tenant of the last hour by its id. */
  tenants(): Promise<ReadonlyMap<string, TenantFigures>>;
  /** Process id of a part. */
  part(name: 'ingest' | 'server'): number;
  /** Resolves when everything that ingest acknowledged is in ClickHouse. */
  loaded(): Promise<void>;
  /** SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>;
}

const commands = new Set<CommandRun>();
const folders = new Set<string>();

// A test file that is aborted must not leave servers behind.
process.once('exit', () => {
  for (const { child } of commands) child.kill('SIGKILL');
});

/** A folder that `endEverything` removes. */
export function flowFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-flow-'));
  folders.add(folder);
  return folder;
}

/** Ends what a test left running, and removes the folders; for `afterEach` or `afterAll`. */
export async function endEverything(): Promise<void> {
  for (const run of commands) {
    const below = descendants(run.pid).map(({ pid }) => pid);
    run.child.kill('SIGKILL');
    await run.exited;
    await until('the children to notice that their parent is gone', () => stillRunning(below).length === 0);
  }
  commands.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

/** `tenantry <args>` with these settings and no others of the environment. */
export function runCommand(args: readonly string[], settings: Readonly<Record<string, string>> = {}): CommandRun {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { PATH, HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let log = '';
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    log += String(chunk);
  });
  const exited = once(child, 'close').then(([code]: unknown[]) => code as number | null);
  const run = { child, pid: child.pid ?? 0, out: () => out, log: () => log, exited };
  commands.add(run);
  void exited.then(() => commands.delete(run));
  return run;
}

/**
 * Starts `tenantry serve` on a folder of its own, or on that of an earlier run. With another step of the detector there
 * is no template: its views would be changed at the start, long after they were made, and a change of the shape of the
 * data keeps automatic throttles away for an hour.
 */
export async function startTenantry(
  settings: Readonly<Record<string, string>> = {},
  dataDir = flowFolder(),
): Promise<FlowTenantry> {
  for (const store of ['postgres', 'clickhouse'] as const) {
    if (store === 'clickhouse' && 'TENANTRY_DETECT_RESOLUTION_SECONDS' in settings) continue;
    if (!existsSync(join(dataDir, store))) copyStoreTemplate(store, join(dataDir, store));
  }
  const run = runCommand(['serve'], { ...SETTINGS, TENANTRY_DATA_DIR: dataDir, ...settings });
  const announced = (pattern: RegExp) => pattern.exec(run.out())?.[1];
  await until(
    'the announcement',
    () => {
      if (run.child.exitCode !== null) return true;
      return announced(/OTLP\/HTTP\s+(http\S+)\/v1\/traces\n/) !== undefined;
    },
    START_TIMEOUT_MS,
  );
  const url = announced(/Dashboards\s+(http\S+)/);
  const otlpUrl = announced(/OTLP\/HTTP\s+(http\S+)\/v1\/traces/);
  if (url === undefined || otlpUrl === undefined) throw new Error(`tenantry did not start:\n${run.log()}`);

  const ask: FlowTenantry['ask'] = async <Body>(
    path: string,
    { method = 'GET', body, token = settings['TENANTRY_ADMIN_TOKEN'] ?? ADMIN_TOKEN }: Parameters<typeof ask>[1] = {},
  ) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body };
  };

  return {
    ...run,
    url,
    otlpUrl,
    dataDir,
    ask,
    tenants: async () => {
      const { status, body } = await ask<TenantList>('/v1/tenants?limit=1000');
      if (status !== 200) throw new Error(`GET /v1/tenants: ${status} ${JSON.stringify(body)}`);
      return new Map(body.items.map((item) => [item.tenant_id, item]));
    },
    part: (name) => {
      const file = name === 'ingest' ? 'ingest/main.js' : 'app/server-process.js';
      const found = descendants(run.pid).find(({ command }) => command.includes(file));
      if (found === undefined) throw new Error(`no ${name} runs`);
      return found.pid;
    },
    loaded: async () => {
      await until('the spool to be empty', () => spooledBytes(dataDir) === 0);
    },
    stop: async () => {
      run.child.kill('SIGTERM');
      return run.exited;
    },
  };
}

/** Bytes that were acknowledged and are not in ClickHouse yet: the loader deletes a segment once it is in. */
function spooledBytes(dataDir: string): number {
  return ['open', 'sealed']
    .map((name) => join(dataDir, 'spool', name))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .reduce((sum, file) => sum + statSync(file).size, 0);
}
