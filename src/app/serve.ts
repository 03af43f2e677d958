import type { Logger } from 'pino';
import type { IngestReady } from '../../ingest/main.ts';
import type { Config } from '../config/config.ts';
import { type BootstrapSecrets, bootstrapSecrets } from './secrets.ts';
import type { ServerReady } from './server-messages.ts';
import { Supervised } from './supervisor.ts';
import { urlOf } from './url-of.ts';

export interface Running {
  readonly url: string;
  /** undefined: ingest runs elsewhere (`tenantry ingest` on the same data directory). */
  readonly otlpUrl: string | undefined;
  /** As exporters want it: with http:// where there is no TLS. */
  readonly otlpGrpcUrl: string | undefined;
  readonly signIn: ServerReady['signIn'];
  readonly demoDatabaseUrl: string | undefined;
  readonly secrets: BootstrapSecrets;
  readonly server: Supervised<ServerReady>;
  readonly ingest: Supervised<IngestReady>;
  stop(): Promise<void>;
}

export interface ServeOptions {
  /** Whether to make a database for the simulated SaaS. */
  readonly demoDatabase: boolean;
  /** false: somebody else runs ingest on this data directory, and this process only loads what it takes. */
  readonly ingest: boolean;
}

/**
 * Starts both processes and keeps them alive. Ingest first: it takes and keeps telemetry whatever the stores do.
 * @throws TenantryError when one of them does not come up; the other is stopped again
 */
export async function serve(config: Config, log: Logger, options: ServeOptions): Promise<Running> {
  const secrets = bootstrapSecrets(config);
  const env = {
    TENANTRY_ADMIN_TOKEN: secrets.adminToken,
    TENANTRY_INGEST_KEY: secrets.ingestKey,
  };
  const ingest = new Supervised<IngestReady>(
    {
      name: 'ingest',
      file: '../../ingest/main.js',
      args: [],
      config,
      env,
      envAfterReady: ({ httpPort, grpcPort }) => ({
        TENANTRY_OTLP_HTTP_PORT: String(httpPort),
        TENANTRY_OTLP_GRPC_PORT: String(grpcPort),
      }),
    },
    log,
  );
  const server = new Supervised<ServerReady>(
    {
      name: 'server',
      file: './server-process.js',
      args: options.demoDatabase ? ['--demo-database'] : [],
      config,
      env,
      envAfterReady: ({ apiPort }) => ({ TENANTRY_API_PORT: String(apiPort) }),
    },
    log,
  );
  const stop = async () => {
    // Both at once: Ctrl-C has reached both, and one that ends by itself meanwhile must not be started again.
    await Promise.all([server.stop(), ingest.stop()]);
  };
  try {
    const ports = options.ingest ? await ingest.start() : undefined;
    const { url, signIn, demoDatabaseUrl } = await server.start();
    return {
      url,
      otlpUrl: ports && urlOf(config.TENANTRY_HOST, ports.httpPort),
      otlpGrpcUrl: ports && urlOf(config.TENANTRY_HOST, ports.grpcPort),
      signIn,
      demoDatabaseUrl,
      secrets,
      server,
      ingest,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
