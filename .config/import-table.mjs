import { readdirSync } from 'node:fs';

/** What each area of the API sends and takes: types alone. */
const AREA_CONTRACTS = readdirSync(new URL('../src/api/', import.meta.url))
  .filter((file) => file.endsWith('-contract.ts'))
  .map((file) => `src/api/${file}`);

/**
 * Who may import whom: the one table that dependency-cruiser's rules and test/rules are made from.
 * Data flows middleware -> ingest -> store -> aggregate -> cost/detect -> control -> api -> dashboards;
 * stages meet in `domain` (words) and in `app` (wiring), nowhere else.
 *
 * folder -> { imports: other folders it may import, packages: npm packages only it (and those that list them) may import }
 */
export const IMPORT_TABLE = {
  'src/domain': { imports: [], packages: [], node: false },
  'src/config': { imports: ['src/domain'], packages: ['zod'], node: true },
  'src/middleware': {
    imports: ['src/domain'],
    packages: [
      '@opentelemetry/api',
      '@opentelemetry/sdk-node',
      '@opentelemetry/sdk-trace-base',
      '@opentelemetry/exporter-trace-otlp-proto',
      '@opentelemetry/exporter-metrics-otlp-proto',
      '@opentelemetry/sdk-metrics',
      '@datadog/pprof',
      'eventsource-parser',
      'jose',
      'fastify',
      '@openfeature/server-sdk',
      'hono',
    ],
    node: true,
  },
  'src/store': { imports: ['src/domain'], packages: ['@clickhouse/client', 'chdb', 'pg', 'pino'], node: true },
  'src/aggregate': {
    imports: ['src/domain'],
    packages: ['aws4fetch', 'fast-xml-parser', 'libpg-query'],
    node: true,
  },
  'src/cost': {
    imports: ['src/domain'],
    packages: ['@pydantic/genai-prices', 'csv-parse', 'hyparquet', 'hyparquet-compressors'],
    node: false,
  },
  'src/detect': { imports: ['src/domain'], packages: [], node: false },
  'src/control': { imports: ['src/domain'], packages: [], node: false },
  'src/api': {
    imports: ['src/domain'],
    packages: [
      'fastify',
      '@fastify/static',
      '@fastify/cookie',
      '@fastify/swagger',
      'fastify-type-provider-zod',
      'zod',
      'jose',
      'pino',
      'prom-client',
    ],
    node: true,
  },
  'src/demo': {
    imports: [],
    packages: [
      'fastify',
      'pg',
      '@opentelemetry/api',
      '@opentelemetry/sdk-node',
      '@opentelemetry/instrumentation-http',
      '@opentelemetry/instrumentation-pg',
      'tenantry',
    ],
    node: true,
  },
  'src/app': {
    imports: [
      'src/domain',
      'src/config',
      'src/store',
      'src/aggregate',
      'src/cost',
      'src/detect',
      'src/control',
      'src/api',
      'ingest',
    ],
    packages: [
      '@opentelemetry/exporter-trace-otlp-proto',
      '@opentelemetry/sdk-trace-base',
      'commander',
      'csv-parse',
      'csv-stringify',
      'hyparquet-writer',
      'nodemailer',
      'pino',
      'prom-client',
    ],
    node: true,
  },
  ingest: {
    imports: ['src/domain', 'src/config'],
    packages: ['fastify', 'pino', 'prom-client', 'protobufjs'],
    node: true,
  },
  dashboards: {
    imports: ['src/domain'],
    typeImports: ['src/api/contract.ts', ...AREA_CONTRACTS],
    packages: ['@tanstack/virtual-core', 'preact', 'uplot', 'vite'],
    node: false,
  },
};
