/** The process that owns the stores; started and watched by the supervisor. */
import { destination, pino } from 'pino';
import { loadConfig } from '../config/config.ts';
import { toError } from '../domain/errors.ts';
import { createDemoDatabase } from './demo-database.ts';
import { explainError } from './explain-error.ts';
import { bootstrapSecrets } from './secrets.ts';
import { startServer } from './server.ts';
import type { ServerFailed, ServerReady } from './server-messages.ts';
import { urlOf } from './url-of.ts';

/** Roles that get a sign-in link at the start; others are made by `tenantry key` and the identity provider. */
const LINKS = ['sre', 'sales', 'admin'] as const;

async function run(): Promise<void> {
  const config = loadConfig();
  const log = pino({ level: config.TENANTRY_LOG_LEVEL, name: 'server' }, destination({ fd: 2, sync: true }));
  const { adminToken, ingestKey } = bootstrapSecrets(config);
  const server = await startServer({ config, adminToken, ingestKey, log });

  let stopping = false;
  const stop = (cause: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ cause }, 'server stops');
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: toError(error) }, 'server did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('disconnect', () => stop('parent gone'));

  const wantsDemo = process.argv.includes('--demo-database');
  const ready: ServerReady = {
    type: 'ready',
    url: urlOf(config.TENANTRY_HOST, server.apiPort),
    apiPort: server.apiPort,
    signIn: LINKS.flatMap((role) =>
      server.issuer === undefined ? [] : [{ role, link: server.issuer.createSignInLink(role) }],
    ),
    ...(wantsDemo ? { demoDatabaseUrl: await createDemoDatabase(server.stores.postgresOwnerUrl) } : {}),
  };
  if (process.connected) process.send?.(ready);
  else stop('parent gone');
}

run().catch((thrown: unknown) => {
  const failed: ServerFailed = { type: 'failed', ...explainError(thrown) };
  if (process.connected) process.send?.(failed, () => process.exit(1));
  else process.exit(1);
});
