import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { TenantryError } from '../domain/errors.ts';
import { type Running, serve } from './serve.ts';

export interface DemoOptions {
  readonly tenants: number;
  /** Requests a second of all tenants together. */
  readonly rate: number;
  readonly noisyEverySeconds: number;
  readonly noisyForSeconds: number;
}

export const DEMO_DEFAULTS: DemoOptions = { tenants: 40, rate: 60, noisyEverySeconds: 180, noisyForSeconds: 75 };

/**
 * What the demo changes: its own data, embedded stores, and a detector that acts after two minutes of history instead
 * of an hour, with throttles that end while one still watches.
 */
function demoConfig(config: Config): Config {
  const { CLICKHOUSE_URL: _clickhouse, DATABASE_URL: _database, CLICKHOUSE_CLUSTER: _cluster, ...rest } = config;
  return {
    ...rest,
    TENANTRY_DATA_DIR: join(config.TENANTRY_DATA_DIR, 'demo'),
    TENANTRY_AUTO_THROTTLE: 'enforce',
    TENANTRY_THROTTLE_SECONDS: 60,
    TENANTRY_DETECT_MIN_HISTORY_SECONDS: 90,
    TENANTRY_DETECT_INTERVAL_SECONDS: 5,
  };
}

/** Tenantry itself on embedded stores, and a simulated SaaS that reports to it. */
export async function demo(config: Config, log: Logger, options: DemoOptions): Promise<Running> {
  const running = await serve(demoConfig(config), log, { demoDatabase: true });
  try {
    const saas = fork(
      fileURLToPath(new URL('../demo/main.js', import.meta.url)),
      [
        ['otlp', running.otlpUrl],
        ['api', running.url],
        ['key', running.secrets.ingestKey],
        ['database-url', running.demoDatabaseUrl ?? ''],
        ['tenants', options.tenants],
        ['rate', options.rate],
        ['noisy-every', options.noisyEverySeconds],
        ['noisy-for', options.noisyForSeconds],
      ].flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    const [message] = (await Promise.race([
      once(saas, 'message'),
      once(saas, 'exit').then(([code]: unknown[]) => [
        { type: 'failed', reason: `it ended with status ${String(code)}` },
      ]),
    ])) as [{ type: string; reason?: string }];
    if (message.type !== 'ready') {
      throw new TenantryError(
        'STORE_START_FAILED',
        `The simulated SaaS did not start: ${message.reason ?? 'no reason given'}`,
      );
    }
    return {
      ...running,
      stop: async () => {
        if (saas.exitCode === null) {
          const exited = once(saas, 'exit');
          saas.kill('SIGTERM');
          await exited;
        }
        await running.stop();
      },
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}
