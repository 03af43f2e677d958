import { pino } from 'pino';
import { startIngest } from '../../ingest/main.ts';
import { loadConfig } from '../../src/config/config.ts';
import { ownUsage, serve } from './child-messages.ts';

/** The real receiver in a process of its own, as in production; `seal` ends it, which seals what is open. */
const [dataDir = '', key = '', settings = '{}'] = process.argv.slice(2);
const config = loadConfig({
  TENANTRY_DATA_DIR: dataDir,
  TENANTRY_OTLP_HTTP_PORT: '0',
  TENANTRY_OTLP_GRPC_PORT: '0',
  TENANTRY_INGEST_KEY: key,
  ...(JSON.parse(settings) as Record<string, string>),
});
const ingest = await startIngest({ config, log: pino({ level: 'silent' }) });
serve(
  async (request) => {
    if (request === 'seal') await ingest.stop();
    return { ...ownUsage(), nowMb: process.memoryUsage.rss() / 1_048_576 };
  },
  async () => undefined,
);
process.send?.({ port: ingest.httpPort, grpcPort: 'grpcPort' in ingest ? ingest.grpcPort : undefined });
