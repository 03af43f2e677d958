import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import { openStream, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';
import type { Bench } from './bench.ts';
import { BenchChild } from './child-messages.ts';
import { median, print, printTable } from './measure.ts';
import { BENCH_TENANTS, type BenchWay, loadRound, type RoundFigures } from './middleware-load.ts';
import { benchTenant } from './tenants.ts';

const WAYS: readonly BenchWay[] = ['bare', 'opentelemetry', 'tenantry'];
const PATHS = ['/orders/1', '/empty'];
const ROUNDS = 11;
const REQUESTS_PER_ROUND = 10_000;

interface App {
  readonly way: BenchWay;
  readonly child: BenchChild;
  readonly url: string;
}

/** Takes spans and forgets them: ingest's own cost is what `bench -- ingest` measures. */
async function startSink(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url, close };
}

/** A throttle for each tenant that enforces, but that this load does not reach. */
function throttles(revision: number): WireFlag[] {
  const limit = { requests_per_second: 1e6, burst: 1e6, max_concurrent: 1e6 };
  return Array.from({ length: BENCH_TENANTS }, (_, i) =>
    wireThrottle({ id: `f${i}`, tenant_id: benchTenant(i), revision, ttl_ms: 3_600_000, limit }),
  );
}

async function measureRounds(apps: readonly App[], path: string): Promise<ReadonlyMap<BenchWay, RoundFigures[]>> {
  for (const { child, url } of apps) await loadRound(child, url, path, REQUESTS_PER_ROUND);
  const figures = new Map<BenchWay, RoundFigures[]>(WAYS.map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { way, child, url } of round % 2 === 0 ? apps : apps.toReversed()) {
      figures.get(way)?.push(await loadRound(child, url, path, REQUESTS_PER_ROUND));
    }
  }
  return figures;
}

type Figure = (figures: RoundFigures) => number;

/** Of the ratios of rounds that lay side by side: what else the machine did then is in both. */
function ratio(over: readonly RoundFigures[], under: readonly RoundFigures[], figure: Figure): string {
  const ratios = over.map((one, i) => figure(one) / (under[i] === undefined ? Number.NaN : figure(under[i])));
  const sorted = ratios.toSorted((a, b) => a - b);
  const quartile = (share: number) => (sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN).toFixed(3);
  return `${median(ratios).toFixed(3)} (${quartile(0.25)} to ${quartile(0.75)})`;
}

function report(path: string, figures: ReadonlyMap<BenchWay, RoundFigures[]>): void {
  print(`GET ${path}: medians of ${ROUNDS} alternating rounds of ${REQUESTS_PER_ROUND} requests`);
  const middle = (way: BenchWay, figure: Figure) => median((figures.get(way) ?? []).map(figure));
  printTable([
    ['app', 'requests/s', 'P50 ms', 'P99 ms', 'CPU us/request'],
    ...WAYS.map((way) => [
      way,
      middle(way, (one) => one.requestsPerSecond).toFixed(0),
      middle(way, (one) => one.p50Ms).toFixed(2),
      middle(way, (one) => one.p99Ms).toFixed(2),
      middle(way, (one) => one.cpuMicros).toFixed(0),
    ]),
  ]);
  const [bare = [], plain = [], ours = []] = WAYS.map((way) => figures.get(way));
  print('ratios, with the middle half of the rounds:');
  printTable([
    ['', 'requests/s', 'P99', 'CPU'],
    ...(
      [
        ['opentelemetry / bare', plain, bare],
        ['tenantry / opentelemetry', ours, plain],
      ] as const
    ).map(([name, over, under]) => [
      name,
      ratio(over, under, (one) => one.requestsPerSecond),
      ratio(over, under, (one) => one.p99Ms),
      ratio(over, under, (one) => one.cpuMicros),
    ]),
  ]);
  const added = middle('tenantry', (one) => one.cpuMicros) - middle('opentelemetry', (one) => one.cpuMicros);
  print('goal: requests/s of tenantry / opentelemetry at least 0.97');
  print(
    `what limits it: ${added.toFixed(0)} us of CPU a request (identify, mark, decide, count bytes, and collecting what ` +
      `that allocates), 3 % of a request that takes ${(added / 0.03 / 1_000).toFixed(1)} ms of CPU`,
  );
  print();
}

async function decisions(child: BenchChild): Promise<void> {
  print(`One decision (flag looked up, bucket asked, token taken) with ${BENCH_TENANTS} tenants held; goal < 1000 ns`);
  const rows = [['tenant', 'median ns', 'highest']];
  for (const [name, request] of [
    ['with a throttle, rate and concurrency', 'decide throttled'],
    ['with a throttle, rate', 'decide rate'],
    ['without one', 'decide free'],
  ] as const) {
    const times = await child.ask<number[]>(request);
    rows.push([name, median(times).toFixed(0), Math.max(...times).toFixed(0)]);
  }
  printTable(rows);
  print();
}

export const middleware: Bench = {
  name: 'middleware',
  summary: 'what the middleware costs an app that has OpenTelemetry: requests/s, P99, CPU, one decision, memory',
  run: async () => {
    const [sink, flags] = [await startSink(), await startFlagServer()];
    let state = { revision: 1, flags: [] as WireFlag[] };
    flags.behave((response, request) => {
      openStream(response, request);
      response.write(`event: snapshot\ndata: ${JSON.stringify(state)}\n\n`);
    });
    const apps: App[] = [];
    for (const way of WAYS) {
      const { child, ready } = await BenchChild.start<{ url: string }>('middleware-app.js', [way, sink.url, flags.url]);
      apps.push({ way, child, url: ready.url });
    }
    const ours = apps.find(({ way }) => way === 'tenantry')?.child;
    if (ours === undefined) throw new Error('the app with Tenantry did not start');
    try {
      const empty = await ours.ask<number>('heap');
      state = { revision: 2, flags: throttles(2) };
      flags.snapshot(state);
      const held = await ours.ask<number>('hold');
      await decisions(ours);
      const full = await ours.ask<number>('heap');
      for (const path of PATHS) report(path, await measureRounds(apps, path));
      print('Bytes of heap for one tenant');
      printTable([
        ['who came, called an integration, and is idle (goal < 200)', (await ours.ask<number>('visits')).toFixed(1)],
        ['with a throttle in force, its flag and meter', ((full - empty) / held).toFixed(0)],
      ]);
      print();
      print('CPU per tenant by the sampling profiler: npm run bench -- cpu-attribution');
      const counted = Object.entries(await ours.ask<Record<string, number>>('stats')).filter(([, count]) => count > 0);
      print(`counted by the middleware: ${counted.map(([name, count]) => `${name} ${count}`).join(', ')}`);
    } finally {
      for (const { child } of apps) await child.end();
      await flags.close();
      sink.close();
    }
  },
};
