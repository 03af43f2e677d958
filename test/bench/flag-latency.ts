import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { endEverything, type FlowTenantry, INGEST_KEY, startTenantry } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';
import type { Bench } from './bench.ts';
import { BenchChild } from './child-messages.ts';
import { print, printTable } from './measure.ts';

const WARM_UPS = 20;
const FLAGS = 300;
const INSTANCES = 2;
const GIVE_UP_MS = 30_000;

interface Instance {
  readonly child: BenchChild;
  readonly url: string;
}

/** Milliseconds since the flag was sent to the server. */
interface Latency {
  /** The server has answered: the flag is stored. */
  readonly writtenMs: number;
  /** The first instance has refused a request, and the last. */
  readonly firstMs: number;
  readonly everywhereMs: number;
}

const agent = new Agent({ keepAlive: true });

function statusOf(url: string, tenant: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${url}/orders/1`, { agent, headers: { 'x-tenant': tenant } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject);
  });
}

/** Asks again and again, one request at a time, until one is refused. @returns when, on the clock of `performance` */
async function refusedAt({ url }: Instance, tenant: string): Promise<number> {
  const deadline = performance.now() + GIVE_UP_MS;
  while (performance.now() < deadline) {
    const status = await statusOf(url, tenant);
    if (status === 429) return performance.now();
    if (status !== 200) throw new Error(`the app answered ${status}`);
  }
  throw new Error(`no refusal within ${GIVE_UP_MS} ms`);
}

async function throttle(tenantry: FlowTenantry, tenant: string): Promise<void> {
  const { status } = await tenantry.ask('/v1/throttles', {
    method: 'POST',
    body: {
      tenant_id: tenant,
      limit: { requests_per_second: 0, burst: 1 },
      mode: 'enforce',
      expires_in_seconds: 600,
      reason: 'measured by the bench',
    },
  });
  if (status !== 201) throw new Error(`POST /v1/throttles answered ${status}`);
}

async function measure(tenantry: FlowTenantry, instances: readonly Instance[], tenant: string): Promise<Latency> {
  for (const { url } of instances) {
    if ((await statusOf(url, tenant)) !== 200) throw new Error('a tenant without a throttle was refused');
  }
  const sentAt = performance.now();
  const refusals = Promise.all(instances.map((instance) => refusedAt(instance, tenant)));
  const written = throttle(tenantry, tenant).then(() => performance.now() - sentAt);
  const [times, writtenMs] = await Promise.all([refusals, written]);
  const since = times.map((time) => time - sentAt);
  return { writtenMs, firstMs: Math.min(...since), everywhereMs: Math.max(...since) };
}

function row(name: string, values: readonly number[]): string[] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN).toFixed(1);
  return [name, at(0.5), at(0.9), at(0.99), at(1)];
}

export const flagLatency: Bench = {
  name: 'flag-latency',
  summary: 'from a throttle written on the server to the first request that an app refuses for it',
  run: async () => {
    const children: Instance[] = [];
    try {
      const tenantry = await startTenantry();
      for (let i = 0; i < INSTANCES; i += 1) {
        const { child, ready } = await BenchChild.start<{ url: string }>('flag-latency-app.js', [
          tenantry.url,
          INGEST_KEY,
        ]);
        children.push({ child, url: ready.url });
      }
      await until('the flag streams to be open', async () => {
        const ready = await Promise.all(children.map(({ child }) => child.ask<boolean>('isReady')));
        return ready.every((isReady) => isReady);
      });
      const latencies: Latency[] = [];
      for (let i = 0; i < WARM_UPS + FLAGS; i += 1) {
        const latency = await measure(tenantry, children, `tenant-${i}`);
        if (i >= WARM_UPS) latencies.push(latency);
      }
      print(`${FLAGS} throttles, one after the other, on a server with embedded stores and ${INSTANCES} app instances`);
      printTable([
        ['ms since POST /v1/throttles was sent', 'P50', 'P90', 'P99', 'highest'],
        row(
          'answered 201',
          latencies.map(({ writtenMs }) => writtenMs),
        ),
        row(
          'first refusal',
          latencies.map(({ firstMs }) => firstMs),
        ),
        row(
          'refused by every instance',
          latencies.map(({ everywhereMs }) => everywhereMs),
        ),
      ]);
      print('goal: P99 of the first refusal below 100 ms on one machine');
    } finally {
      for (const { child } of children) await child.end();
      agent.destroy();
      await endEverything();
    }
  },
};
