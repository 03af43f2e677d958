import { Command, InvalidArgumentError } from 'commander';
import { destination, type Logger, pino } from 'pino';
import { portsInWords, startIngest } from '../../../ingest/main.ts';
import { type Config, loadConfig, settingDefault } from '../../config/config.ts';
import { DEMO_DEFAULTS, demo, demoConfig } from '../demo.ts';
import { type Running, serve } from '../serve.ts';
import { settingsHelp } from '../settings-help.ts';
import { print } from '../terminal.ts';

function logger(config: Config): Logger {
  return pino({ level: config.TENANTRY_LOG_LEVEL, name: 'tenantry' }, destination({ fd: 2, sync: true }));
}

/** Resolves at the first SIGINT or SIGTERM. */
async function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
  });
}

/** The sign-in command as it has to be typed: with the data directory, where it is not the one that every command takes. */
function signInCommand({ TENANTRY_DATA_DIR: dataDir }: Config): string {
  const where = dataDir === settingDefault('TENANTRY_DATA_DIR') ? '' : `TENANTRY_DATA_DIR=${dataDir} `;
  return `${where}npx tenantry key sign-in --role sre`;
}

function announce(running: Running, config: Config): void {
  const { secrets } = running;
  print('');
  print(`  Dashboards   ${running.url}`);
  for (const { role, link } of running.signIn) print(`  Sign in      ${role.padEnd(6)} ${link}`);
  if (running.signIn.length > 0)
    print(`               (each link works once, within 15 minutes; \`${signInCommand(config)}\` makes another)`);
  if (running.otlpUrl !== undefined) print(`  OTLP/HTTP    ${running.otlpUrl}/v1/traces`);
  if (running.otlpGrpcUrl !== undefined) print(`  OTLP/gRPC    ${running.otlpGrpcUrl}`);
  if (secrets.generated.includes('TENANTRY_INGEST_KEY')) print(`  Ingest key   ${secrets.ingestKey}`);
  if (secrets.generated.includes('TENANTRY_ADMIN_TOKEN')) print(`  Admin token  ${secrets.adminToken}`);
  if (secrets.generated.length > 0) {
    print(
      `               (made now and printed this once; kept in ${config.TENANTRY_DATA_DIR}, or set ${secrets.generated.join(' and ')})`,
    );
  }
  print('');
}

async function runUntilStopped(
  config: Config,
  start: (log: Logger) => Promise<Running>,
  hints: readonly string[],
): Promise<void> {
  const log = logger(config);
  const stopped = untilStopped();
  const running = await start(log);
  announce(running, config);
  for (const hint of hints) print(hint);
  log.info({ cause: await stopped }, 'stopping');
  await running.stop();
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('run everything: ingest, stores, detector, API and dashboards')
    .option('--no-ingest', 'leave OTLP to a `tenantry ingest` on the same data directory, and load what it takes')
    .addHelpText('after', `\nSettings are environment variables:\n\n${settingsHelp()}`)
    .action(async ({ ingest }: { ingest: boolean }) => {
      const config = loadConfig();
      await runUntilStopped(config, (log) => serve(config, log, { demoDatabase: false, ingest }), [
        'Point an OpenTelemetry exporter at the OTLP address with the header `authorization: Bearer <ingest key>`. Ctrl-C stops.',
      ]);
    });
}

export function ingestCommand(): Command {
  return new Command('ingest')
    .description(
      'run only the OTLP receiver and its spool; `serve --no-ingest` on the same data directory loads what it takes',
    )
    .action(async () => {
      const config = loadConfig();
      const stopped = untilStopped();
      const ingest = await startIngest({ config, log: logger(config) });
      print(`${portsInWords(ingest)}. Ctrl-C stops.`);
      await stopped;
      await ingest.stop();
    });
}

const positive = (text: string) => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Give a number above 0.');
  return value;
};

export function demoCommand(): Command {
  const { tenants, rate, noisyEverySeconds, noisyForSeconds } = DEMO_DEFAULTS;
  return new Command('demo')
    .description(
      'run everything on embedded stores with a simulated SaaS, one of whose tenants turns noisy every few minutes',
    )
    .option('--tenants <n>', 'how many tenants', positive, tenants)
    .option('--rate <n>', 'requests a second, all tenants together', positive, rate)
    .option('--noisy-every <seconds>', 'from one noisy phase to the next', positive, noisyEverySeconds)
    .option('--noisy-for <seconds>', 'length of a noisy phase', positive, noisyForSeconds)
    .action(async (options: { tenants: number; rate: number; noisyEvery: number; noisyFor: number }) => {
      const config = { ...demoConfig(loadConfig()) };
      // The dashboard is the demo's output; a log line per request would bury the sign-in link.
      if (config.TENANTRY_LOG_LEVEL === 'info') config.TENANTRY_LOG_LEVEL = 'warn';
      const { noisyEvery, noisyFor, ...rest } = options;
      await runUntilStopped(
        config,
        (log) => demo(config, log, { ...rest, noisyEverySeconds: noisyEvery, noisyForSeconds: noisyFor }),
        [
          `${options.tenants} simulated tenants send ${options.rate} requests a second through a real, instrumented app.`,
          `One of them turns noisy every ${noisyEvery} s, is found within about 40 s, throttled, and let go again. Ctrl-C stops.`,
        ],
      );
    });
}
