/** A fastify app of the usual kind, and tenants with known shares, in a process of their own: its CPU is what counts. */
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { node } from '@opentelemetry/sdk-node';
import { fromHeader, runAsTenant, TenantSpanProcessor } from '../../src/middleware/index.ts';
import { loadSamplingProfiler } from '../../src/middleware/resource-use/cpu-profiler.ts';
import { type CpuMethod, UsageMeter } from '../../src/middleware/resource-use/usage-meter.ts';
import { runLoads, work } from '../support/resource-load.ts';
import { ownUsage, serve } from './child-messages.ts';

const SAMPLE_INTERVAL_MICROS = 10_000;

const provider = new node.NodeTracerProvider({ spanProcessors: [new TenantSpanProcessor()] });
provider.register();
const instrumentation = new HttpInstrumentation();
instrumentation.setTracerProvider(provider);
const { createRequire } = await import('node:module');
createRequire(import.meta.url)('node:http');
const { default: fastify } = await import('fastify');
const { createTenantry } = await import('../../src/middleware/index.ts');
const { tenantryFastify } = await import('../../src/middleware/fastify.ts');
const profiler = await loadSamplingProfiler();

const app = fastify();
const tenantry = createTenantry({ serviceName: 'bench', flags: false });
await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
/** A handler that waits six times, as for a session, a cache and four queries, and works on what came in between. */
app.get('/orders/:id', async () => {
  let orders: object[] = [];
  for (let wait = 0; wait < 6; wait += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    work(2);
    orders = Array.from({ length: 100 }, (_, id) => ({ id, state: 'open', total: id * 10, wait }));
  }
  return { orders };
});
await app.listen({ port: 0, host: '127.0.0.1' });

let meter: UsageMeter | undefined;

function start(cpu: CpuMethod): void {
  meter = new UsageMeter({
    cpu,
    intervalMs: 10_000,
    sampleIntervalMicros: SAMPLE_INTERVAL_MICROS,
    maxTenants: 1_000,
    count: (name) => process.stderr.write(`counted ${name}\n`),
    profiler,
  });
}

/** Milliseconds for which each of some reports held the loop, `tenants` tenants having worked before each. */
async function rotations(tenants: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    for (let i = 0; i < 10_000; i += 1) {
      runAsTenant(`tenant-${i % tenants}`, () => work(0.5));
      if (i % 100 === 0) await sleep(1);
    }
    const startedAt = performance.now();
    meter?.take();
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Nanoseconds of one `await`, and of one turn through `setImmediate`, the lowest of some tries. */
async function callbacks(): Promise<{ awaitNs: number; turnNs: number }> {
  const lowest = { awaitNs: Number.POSITIVE_INFINITY, turnNs: Number.POSITIVE_INFINITY };
  for (let round = 0; round < 20; round += 1) {
    const startedAt = performance.now();
    for (let i = 0; i < 20_000; i += 1) await null;
    const between = performance.now();
    for (let i = 0; i < 4_000; i += 1) await new Promise((resolve) => setImmediate(resolve));
    lowest.awaitNs = Math.min(lowest.awaitNs, ((between - startedAt) * 1e6) / 20_000);
    lowest.turnNs = Math.min(lowest.turnNs, ((performance.now() - between) * 1e6) / 4_000);
  }
  return lowest;
}

/** Milliseconds of CPU for the same work without a single callback: what sampling alone costs. */
function burn(): number {
  const before = ownUsage().cpuMs;
  for (let i = 0; i < 40; i += 1) work(200);
  return ownUsage().cpuMs - before;
}

serve(
  async (request) => {
    const [verb, argument = ''] = request.split(' ');
    switch (verb) {
      case 'start':
        start(argument as CpuMethod);
        return ownUsage();
      case 'stop': {
        const report = meter?.take();
        meter?.stop();
        meter = undefined;
        return { ...ownUsage(), report };
      }
      case 'loads': {
        meter?.take();
        const done = await runLoads(JSON.parse(argument), 100, 20);
        return { done: [...done], report: meter?.take() };
      }
      case 'rotations':
        return rotations(Number(argument));
      case 'callbacks':
        return runAsTenant('acme', callbacks);
      case 'burn':
        return burn();
      default:
        return ownUsage();
    }
  },
  async () => {
    await app.close();
  },
);
process.send?.({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
