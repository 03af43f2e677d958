/** From work done for tenants to the OTLP metrics that a receiver gets: the real SDK, exporter and adapter. */
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import {
  fromHeader,
  runAsTenant,
  type StartOptions,
  startTenantry,
  type Tenantry,
  type UsageReport,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { work } from '../support/resource-load.ts';
import { type MetricsSink, type SinkPoint, startMetricsSink } from '../support/resource-metrics-sink.ts';

const RESPONSE = 'x'.repeat(3_000);
let sink: MetricsSink;
let tenantry: Tenantry | undefined;
let app: Server | undefined;

afterEach(async () => {
  await tenantry?.shutdown();
  tenantry = undefined;
  app?.closeAllConnections();
  await new Promise((resolve) => (app === undefined ? resolve(undefined) : app.close(resolve)));
  app = undefined;
  await sink.close();
  trace.disable();
  context.disable();
  propagation.disable();
});

async function start(options: Partial<StartOptions>, status?: () => number): Promise<Tenantry> {
  sink = await startMetricsSink(status);
  tenantry = await startTenantry({
    serviceName: 'shop',
    instanceId: 'instance-1',
    endpoint: sink.url,
    key: 'secret',
    flags: false,
    ...options,
  });
  return tenantry;
}

/** One POST for a tenant through the adapter; resolves when the answer is there. */
async function post(tenant: string, body: string): Promise<void> {
  if (app === undefined) {
    const handler = (_: unknown, response: { end(text: string): void }) => response.end(RESPONSE);
    if (tenantry === undefined) throw new Error('start first');
    app = createServer(withTenantry(handler as never, { tenantry, sources: [fromHeader('x-tenant')] }));
    await new Promise<void>((resolve) => app?.listen(0, '127.0.0.1', resolve));
  }
  const { port } = app.address() as AddressInfo;
  await new Promise<void>((resolve, reject) => {
    const sent = httpRequest(
      { port, host: '127.0.0.1', method: 'POST', headers: { 'x-tenant': tenant, 'content-length': body.length } },
      (answer) => answer.resume().on('end', resolve).on('error', reject),
    );
    sent.on('error', reject).end(body);
  });
}

const all = () => sink.requests.flat();
const sumOf = (points: readonly SinkPoint[]) => points.reduce((sum, { value }) => sum + value, 0);
const of = (metric: string, attributes: Record<string, string> = {}) =>
  all().filter(
    (point) =>
      point.metric === metric && Object.entries(attributes).every(([name, value]) => point.attributes[name] === value),
  );

describe('resource use as OTLP metrics', () => {
  it('follows the contract: delta sums per tenant, in intervals that meet, whole in every one', async () => {
    const reports: UsageReport[] = [];
    const running = await start({
      resourceAttributes: { 'deployment.environment.name': 'test' },
      resourceUse: { cpu: 'event-loop', intervalMs: 1_000, onReport: (report) => reports.push(report) },
    });
    const busy = setInterval(() => runAsTenant('acme', () => work(100)), 20);
    await post('acme', 'y'.repeat(500));
    await post('globex', 'y'.repeat(700));
    await sink.waitFor((requests) => requests.length >= 2);
    clearInterval(busy);
    await running.shutdown();

    for (const point of all()) {
      expect(point).toMatchObject({
        temporality: 1,
        isMonotonic: true,
        resource: {
          'service.name': 'shop',
          'service.instance.id': 'instance-1',
          'deployment.environment.name': 'test',
        },
      });
    }
    expect(new Set(all().map(({ metric, unit, isInt }) => `${metric} ${unit} ${isInt ? 'int' : 'double'}`))).toEqual(
      new Set([
        'tenantry.cpu.time s double',
        'tenantry.event_loop.time s double',
        'tenantry.network.io By int',
        'tenantry.process.cpu.time s double',
      ]),
    );
    expect(sink.keys).toEqual(new Set(['Bearer secret']));
    expect(sumOf(of('tenantry.network.io', { tenant_id: 'acme', 'network.io.direction': 'receive' }))).toBe(500);
    expect(sumOf(of('tenantry.network.io', { tenant_id: 'globex', 'network.io.direction': 'receive' }))).toBe(700);
    for (const tenant_id of ['acme', 'globex']) {
      expect(sumOf(of('tenantry.network.io', { tenant_id, 'network.io.direction': 'transmit' }))).toBe(RESPONSE.length);
    }
    expect(sumOf(of('tenantry.cpu.time', { tenant_id: 'acme' }))).toBeGreaterThan(0);
    expect(sumOf(of('tenantry.event_loop.time', { tenant_id: 'acme' }))).toBeGreaterThan(0);
    for (const [i, points] of sink.requests.entries()) {
      const cpu = sumOf(points.filter(({ metric }) => metric === 'tenantry.cpu.time'));
      const whole = points.filter(({ metric }) => metric === 'tenantry.process.cpu.time');
      expect(whole).toHaveLength(1);
      expect(whole[0]?.attributes).toEqual({});
      expect(cpu).toBeCloseTo(whole[0]?.value ?? Number.NaN, 6);
      const before = sink.requests[i - 1]?.[0];
      if (before !== undefined) expect(points[0]?.from).toBe(before.to);
    }
    expect(reports).toHaveLength(sink.requests.length);
    expect(running.stats()).toMatchObject({ resource_use_exported: reports.length, resource_use_export_failed: 0 });
  });

  it('sends bytes and no more unless asked to, and what is left when it ends', async () => {
    const running = await start({});
    await post('acme', 'hello');
    runAsTenant('acme', () => work(100));
    await running.shutdown();
    expect(new Set(all().map(({ metric }) => metric))).toEqual(new Set(['tenantry.network.io']));
    expect(sumOf(of('tenantry.network.io', { tenant_id: 'acme' }))).toBe('hello'.length + RESPONSE.length);
  });

  it('sends samples with the profiler', async () => {
    const running = await start({ resourceUse: true });
    runAsTenant('acme', () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 500_000) work(10);
    });
    await running.shutdown();
    // Half a second of CPU are 50 samples, give or take 4 times their root.
    expect(sumOf(of('tenantry.cpu.samples', { tenant_id: 'acme' }))).toBeGreaterThan(50 - 4 * Math.sqrt(50));
    expect(of('tenantry.cpu.samples').every(({ isInt, unit }) => isInt && unit === '{sample}')).toBe(true);
    expect(running.stats()).toMatchObject({ cpu_profiler_missing: 0, resource_use_failed: 0 });
  });

  it('sends nothing when told so', async () => {
    const running = await start({ resourceUse: false });
    await post('acme', 'hello');
    await running.shutdown();
    expect(all()).toEqual([]);
  });

  it('tells the largest tenants apart and keeps the whole', async () => {
    const running = await start({ resourceUse: { cpu: 'event-loop', maxTenants: 2 } });
    for (let i = 1; i <= 5; i += 1) await post(`tenant-${i}`, 'z'.repeat(i * 1_000));
    await running.shutdown();
    const received = of('tenantry.network.io', { 'network.io.direction': 'receive' });
    expect(sumOf(received)).toBe(15_000);
    expect(received).toHaveLength(3);
    expect(received.map(({ attributes }) => attributes['tenant_id'])).toContain('(other)');
  });

  it('lets requests through and counts when the receiver refuses, and a report that the app fails on', async () => {
    const running = await start(
      {
        resourceUse: {
          cpu: 'off',
          onReport: () => {
            throw new Error('the app');
          },
        },
      },
      () => 400,
    );
    await post('acme', 'hello');
    await running.shutdown();
    expect(running.stats()).toMatchObject({
      resource_use_exported: 0,
      resource_use_export_failed: 1,
      resource_use_failed: 1,
    });
  });
});
