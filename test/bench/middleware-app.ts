/**
 * One and the same fastify app, bare, with OpenTelemetry, or with OpenTelemetry and Tenantry, in a process of its own.
 * Arguments: the way, where to send spans, where to fetch flags.
 */
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NodeSDK, tracing } from '@opentelemetry/sdk-node';
import type { FastifyInstance } from 'fastify';
import { fromHeader, startTenantry, type Tenantry } from '../../src/middleware/index.ts';
import { ownUsage, serve } from './child-messages.ts';
import { BENCH_TENANTS, type BenchWay } from './middleware-load.ts';
import { benchTenant } from './tenants.ts';

const ROUNDS = 15;
const DECISIONS = 200_000;
const VISITORS = 50_000;

const [way = 'bare', otlpUrl = '', flagsUrl = ''] = process.argv.slice(2) as [BenchWay, string, string];

/** The same batches and the same compression as Tenantry's, so that only what Tenantry does differs. */
function startOpenTelemetry(): void {
  const exporter = new OTLPTraceExporter({ url: `${otlpUrl}/v1/traces`, compression: 'gzip' as never });
  new NodeSDK({
    serviceName: 'bench',
    resourceDetectors: [],
    instrumentations: [new HttpInstrumentation()],
    spanProcessors: [new tracing.BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000, maxQueueSize: 8_192 })],
    metricReaders: [],
    logRecordProcessors: [],
  }).start();
}

async function start(): Promise<Tenantry | undefined> {
  if (way === 'bare') return undefined;
  if (way === 'opentelemetry') {
    startOpenTelemetry();
    return undefined;
  }
  const tenantry = await startTenantry({
    serviceName: 'bench',
    endpoint: otlpUrl,
    apiUrl: flagsUrl,
    key: 'bench',
    instrumentations: [new HttpInstrumentation()],
  });
  while (tenantry.flags.revision < 1) await nextTurn();
  return tenantry;
}

async function startApp(tenantry: Tenantry | undefined): Promise<FastifyInstance> {
  const { default: fastify } = await import('fastify');
  const app = fastify();
  if (tenantry !== undefined) {
    const { tenantryFastify } = await import('../../src/middleware/fastify.ts');
    await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
  }
  app.get('/empty', () => ({ ok: true }));
  app.get('/charges', async () => ({ charged: await tenantry?.breaker('stripe').run(() => 1) }));
  /** Waits three times, as for a session, a database and a cache, and renders a page of orders. */
  app.get('/orders/:id', async () => {
    let orders: object[] = [];
    for (let wait = 0; wait < 3; wait += 1) {
      await nextTurn();
      orders = Array.from({ length: 50 }, (_, id) => ({ id, state: 'open', total: id * 10, wait }));
    }
    return { orders };
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app;
}

/** Nanoseconds that one decision takes, for each of the rounds: of tenants that have a throttle, or of others. */
function decide(tenantry: Tenantry, prefix: string, holdsSlot: boolean): readonly number[] {
  const questions = Array.from({ length: BENCH_TENANTS }, (_, i) => ({
    // In an order that no cache of the processor knows.
    tenantId: benchTenant((i * 7_919) % BENCH_TENANTS, prefix),
    route: '/orders/:id',
    method: 'GET',
    holdsSlot,
  }));
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = process.hrtime.bigint();
    for (let done = 0; done < DECISIONS; done += BENCH_TENANTS) {
      for (const question of questions) tenantry.checkThrottle(question).release?.();
    }
    times.push(Number(process.hrtime.bigint() - startedAt) / DECISIONS);
  }
  return times.slice(ROUNDS / 3);
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function heapBytes(): Promise<number> {
  // Twice with a turn between: what finalizers and the SDK's batches let go of is collected too.
  for (let i = 0; i < 2; i += 1) {
    await nextTurn();
    collect();
  }
  return process.memoryUsage().heapUsed;
}

/** Bytes of heap that stay of a tenant who came once, called an integration, and went. */
async function bytesKept(app: FastifyInstance): Promise<number> {
  const visit = async (from: number, to: number) => {
    for (let i = from; i < to; i += 1) {
      await app.inject({ url: '/charges', headers: { 'x-tenant': benchTenant(i, 'visitor') } });
    }
  };
  // What the process grows to once, code and pools, is no tenant's.
  await visit(0, VISITORS / 2);
  const before = await heapBytes();
  await visit(VISITORS / 2, VISITORS);
  return ((await heapBytes()) - before) / (VISITORS / 2);
}

const tenantry = await start();
const app = await startApp(tenantry);

serve(
  async (request) => {
    if (request === 'usage') return ownUsage();
    if (request === 'heap') return heapBytes();
    if (tenantry === undefined) throw new Error(`only the app with Tenantry answers ${request}`);
    switch (request) {
      case 'hold':
        while (tenantry.flags.revision < 2) await nextTurn();
        return tenantry.flags.inForce().length;
      case 'visits':
        return bytesKept(app);
      case 'stats':
        return tenantry.stats();
      case 'decide throttled':
        return decide(tenantry, 'tenant', true);
      case 'decide free':
        return decide(tenantry, 'nobody', true);
      case 'decide rate':
        return decide(tenantry, 'tenant', false);
      default:
        throw new Error(`unknown request ${request}`);
    }
  },
  async () => {
    await app.close();
    await tenantry?.shutdown();
  },
);
process.send?.({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
