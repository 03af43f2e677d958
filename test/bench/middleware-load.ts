/** What the bench of the middleware and the app that it measures have to agree on, and the load on that app. */
import { performance } from 'node:perf_hooks';
import autocannon from 'autocannon';
import type { BenchChild, Usage } from './child-messages.ts';
import { benchTenant } from './tenants.ts';

export type BenchWay = 'bare' | 'opentelemetry' | 'tenantry';

/** Tenants that have a throttle each. */
export const BENCH_TENANTS = 10_000;
const CONNECTIONS = 32;
/** So many of the tenants take turns; each request is parsed, looked up and decided like any other. */
const TENANTS_ON_THE_WIRE = 500;

export interface RoundFigures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds of the app's CPU, all threads, for one request. */
  readonly cpuMicros: number;
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** @throws Error when a request was not answered with 200: then the figures are of something else */
export async function loadRound(child: BenchChild, url: string, path: string, amount: number): Promise<RoundFigures> {
  const before = await child.ask<Usage>('usage');
  const times: number[] = [];
  const startedAt = performance.now();
  let endedAt = startedAt;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const requests = Array.from({ length: TENANTS_ON_THE_WIRE }, (_, i) => ({
      path,
      headers: { 'x-tenant': benchTenant(i) },
    }));
    const run = autocannon({ url: `${url}${path}`, amount, connections: CONNECTIONS, requests }, (error, done) =>
      error === null ? resolve(done) : reject(error as Error),
    );
    // autocannon's own histogram knows whole milliseconds only, and its end comes with the next full second.
    run.on('response', (_client, _status, _bytes, responseTime) => {
      times.push(responseTime);
      endedAt = performance.now();
    });
  });
  const seconds = (endedAt - startedAt) / 1_000;
  const after = await child.ask<Usage>('usage');
  if (result['2xx'] < amount) throw new Error(`${amount - result['2xx']} of ${amount} requests were not answered 200`);
  const sorted = Float64Array.from(times).sort();
  return {
    requestsPerSecond: amount / seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuMicros: ((after.cpuMs - before.cpuMs) * 1_000) / amount,
  };
}
