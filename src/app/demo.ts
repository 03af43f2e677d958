import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';
import { enterBusiness, enterCloudBill } from './demo-business.ts';
import { type Running, serve } from './serve.ts';

export interface DemoOptions {
  readonly tenants: number;
  /** Requests a second of all tenants together. */
  readonly rate: number;
  readonly noisyEverySeconds: number;
  readonly noisyForSeconds: number;
}

export const DEMO_DEFAULTS: DemoOptions = { tenants: 40, rate: 60, noisyEverySeconds: 180, noisyForSeconds: 75 };

const STOP_PATIENCE_MS = 8_000;
/** The first one finds some use to share it by. */
const BILL_EVERY_MS = 120_000;

/**
 * What the demo changes: its own data, embedded stores, and a detector that acts after two minutes of history instead
 * of an hour, with throttles that end while one still watches.
 */
export function demoConfig(config: Config): Config {
  const { CLICKHOUSE_URL: _clickhouse, DATABASE_URL: _database, CLICKHOUSE_CLUSTER: _cluster, ...rest } = config;
  return {
    ...rest,
    TENANTRY_DATA_DIR: join(config.TENANTRY_DATA_DIR, 'demo'),
    TENANTRY_AUTO_THROTTLE: 'enforce',
    TENANTRY_THROTTLE_SECONDS: 60,
    TENANTRY_THROTTLE_MAX_SECONDS: 120,
    // One process on one machine: its noisy tenant slows nobody measurably, and one instance reports.
    TENANTRY_THROTTLE_NEEDS_IMPACT: false,
    TENANTRY_THROTTLE_MIN_SOURCES: 1,
    TENANTRY_THROTTLE_MIN_HISTORY_SECONDS: 90,
    TENANTRY_THROTTLE_SETTLE_SECONDS: 60,
    TENANTRY_DETECT_MIN_HISTORY_SECONDS: 90,
    // Whoever watches sees the noisy tenant refused within seconds of its beginning.
    TENANTRY_DETECT_INTERVAL_SECONDS: 1,
    TENANTRY_DETECT_RESOLUTION_SECONDS: 2,
  };
}

/** What the simulated SaaS says of itself over IPC. */
type SaasMessage =
  | { readonly type: 'ready'; readonly tenants: readonly { readonly id: string; readonly plan: string }[] }
  | { readonly type: 'failed'; readonly reason: string };

/**
 * Tenantry itself on embedded stores, and a simulated SaaS that reports to it.
 * @param config what `demoConfig` made
 */
export async function demo(config: Config, log: Logger, options: DemoOptions): Promise<Running> {
  const running = await serve(config, log, { demoDatabase: true, ingest: true });
  let saas: ChildProcess | undefined;
  let replacing: Promise<void> = Promise.resolve();
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await replacing;
    if (saas !== undefined) await stopSaas(saas);
    await running.stop();
  };
  try {
    saas = startSaas(running, running.demoDatabaseUrl, options);
    // The server brings its PostgreSQL back on another port, with another password for the demo.
    running.server.onRestart(({ demoDatabaseUrl }) => {
      replacing = replacing.then(async () => {
        if (saas !== undefined) await stopSaas(saas);
        if (!stopping) saas = startSaas(running, demoDatabaseUrl, options);
      });
    });
    const message = await firstMessage(saas);
    if (message.type !== 'ready') {
      throw new TenantryError('STORE_START_FAILED', `The simulated SaaS did not start: ${message.reason}`);
    }
    const reachable = reachableConfig(config, running);
    await enterBusiness(reachable, message.tenants, Date.now());
    const bills = setInterval(() => {
      enterCloudBill(reachable, Date.now()).catch((error: unknown) =>
        log.warn(error, 'the demo could not send its bill'),
      );
    }, BILL_EVERY_MS);
    return {
      ...running,
      stop: async () => {
        clearInterval(bills);
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSaas(running: Running, databaseUrl: string | undefined, options: DemoOptions): ChildProcess {
  const args = [
    ['otlp', running.otlpUrl ?? ''],
    ['api', running.url],
    ['key', running.secrets.ingestKey],
    ['database-url', databaseUrl ?? ''],
    ['tenants', options.tenants],
    ['rate', options.rate],
    ['noisy-every', options.noisyEverySeconds],
    ['noisy-for', options.noisyForSeconds],
  ].flatMap(([name, value]) => [`--${name}`, String(value)]);
  return fork(fileURLToPath(new URL('../demo/main.js', import.meta.url)), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function firstMessage(saas: ChildProcess): Promise<SaasMessage> {
  const ended = once(saas, 'exit').then(([code]: unknown[]): SaasMessage => {
    return { type: 'failed', reason: `it ended with status ${String(code)}` };
  });
  return Promise.race([once(saas, 'message').then(([message]) => message as SaasMessage), ended]);
}

async function stopSaas(saas: ChildProcess): Promise<void> {
  if (saas.exitCode !== null || saas.signalCode !== null) return;
  const exited = once(saas, 'exit');
  saas.kill('SIGTERM');
  const patience = setTimeout(() => saas.kill('SIGKILL'), STOP_PATIENCE_MS);
  await exited;
  clearTimeout(patience);
}

/** For requests to the server that has just started. */
function reachableConfig(config: Config, { url, secrets }: Running): Config {
  return { ...config, TENANTRY_API_PORT: Number(new URL(url).port), TENANTRY_ADMIN_TOKEN: secrets.adminToken };
}
