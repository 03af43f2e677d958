import autocannon from 'autocannon';
import type { UsageReport } from '../../src/middleware/index.ts';
import { sharesOf, type TenantLoad } from '../support/resource-load.ts';
import type { Bench } from './bench.ts';
import { BenchChild, type Usage } from './child-messages.ts';
import { median, print, printTable } from './measure.ts';

const METHODS = ['event-loop', 'profiler'] as const;
const LOADS: readonly TenantLoad[] = [
  { tenantId: 'large', units: 175 },
  { tenantId: 'middle', units: 62.5 },
  { tenantId: 'small', units: 12.5 },
];
const ROUNDS = 25;
const REQUESTS_PER_ROUND = 500;

const CHILD = 'attribution-child.js';

type Ask = <Answer>(request: string) => Promise<Answer>;

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

async function attribution(ask: Ask): Promise<void> {
  print('Shares of CPU time, tenants of known shares with their turns interleaved');
  const rows = [['method', 'tenant', 'true', 'told', 'off by', 'samples', '1/sqrt(samples)']];
  for (const method of METHODS) {
    await ask(`start ${method}`);
    const { done, report } = await ask<{ done: [string, number][]; report: UsageReport }>(
      `loads ${JSON.stringify(LOADS)}`,
    );
    await ask('stop');
    const ours = report.tenants.filter(({ tenantId }) => done.some(([id]) => id === tenantId));
    const told = sharesOf(new Map(ours.map((use) => [use.tenantId, use.cpuSeconds])));
    for (const [id, share] of sharesOf(new Map(done))) {
      const samples = ours.find((use) => use.tenantId === id)?.cpuSamples ?? 0;
      rows.push([
        method,
        id,
        percent(share),
        percent(told.get(id) ?? 0),
        percent(Math.abs((told.get(id) ?? 0) / share - 1)),
        method === 'profiler' ? String(samples) : '-',
        method === 'profiler' ? percent(1 / Math.sqrt(samples)) : '-',
      ]);
    }
    const total = report.tenants.reduce((sum, use) => sum + use.cpuSeconds, 0);
    const rest = report.tenants.find((use) => use.tenantId === '(unattributed)')?.cpuSeconds ?? 0;
    print(
      `${method}: all rows ${total.toFixed(3)} s, process.cpuUsage() ${report.process.cpuSeconds.toFixed(3)} s, ` +
        `(unattributed) ${percent(rest / total)} of it`,
    );
  }
  print();
  printTable(rows);
  print();
}

function load(url: string, amount: number): Promise<unknown> {
  return autocannon({
    url,
    amount,
    connections: 20,
    requests: ['acme', 'globex', 'initech'].map((tenant) => ({ path: '/orders/1', headers: { 'x-tenant': tenant } })),
  });
}

/** CPU of one app for one round of requests, in milliseconds. */
async function round(child: BenchChild, url: string): Promise<number> {
  const before = await child.ask<Usage>('usage');
  await load(url, REQUESTS_PER_ROUND);
  const after = await child.ask<Usage>('usage');
  return after.cpuMs - before.cpuMs;
}

/**
 * One app for each way, and rounds in turns: an app that is switched over would be compiled anew each time. `off` runs
 * twice: how far those two are apart is how far any two figures of this machine may be apart by chance.
 */
async function overhead(): Promise<void> {
  print(`CPU of a fastify app with OpenTelemetry for ${REQUESTS_PER_ROUND} requests, an app for each, rounds in turns`);
  const apps: { way: string; child: BenchChild; url: string }[] = [];
  for (const way of ['off', 'off again', ...METHODS]) {
    const { child, ready } = await BenchChild.start<{ url: string }>(CHILD, []);
    if (!way.startsWith('off')) await child.ask(`start ${way}`);
    await load(ready.url, REQUESTS_PER_ROUND * 4);
    apps.push({ way, child, url: ready.url });
  }
  const costs = new Map<string, number[]>(apps.map(({ way }) => [way, []]));
  for (let i = 0; i < ROUNDS; i += 1) {
    for (const { way, child, url } of i % 2 === 0 ? apps : apps.toReversed()) {
      costs.get(way)?.push(await round(child, url));
    }
  }
  for (const { child } of apps) await child.end();
  const off = costs.get('off') ?? [];
  const rows = [['method', 'µs a request', 'ratio to off', 'lowest quarter', 'of lowest quarters']];
  // Whatever else runs on the machine only ever adds: the lowest quarter of the rounds says most of the code itself.
  const low = (times: readonly number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 4)] ?? Number.NaN;
  const perRequest = (ms: number) => ((ms / REQUESTS_PER_ROUND) * 1_000).toFixed(0);
  for (const [way, times] of costs) {
    const ratio = median(times.map((time, i) => time / (off[i] ?? Number.NaN)));
    rows.push([
      way,
      perRequest(median(times)),
      ratio.toFixed(3),
      perRequest(low(times)),
      (low(times) / low(off)).toFixed(3),
    ]);
  }
  printTable(rows);
  print();
}

async function callbackCost(ask: Ask): Promise<void> {
  print('What a callback costs, and sampling, for work that has no callbacks (lowest of the tries)');
  const rows = [['method', 'ns an await', 'more', 'ns a setImmediate', 'more', 'CPU of work, ratio to off']];
  const lowest = { awaitNs: Number.NaN, turnNs: Number.NaN };
  const burnt = new Map<string, number>();
  for (let i = 0; i < 10; i += 1) {
    for (const method of ['off', ...METHODS]) {
      if (method !== 'off') await ask(`start ${method}`);
      burnt.set(method, Math.min(burnt.get(method) ?? Number.POSITIVE_INFINITY, await ask<number>('burn')));
      if (method !== 'off') await ask('stop');
    }
  }
  for (const method of ['off', ...METHODS]) {
    if (method !== 'off') await ask(`start ${method}`);
    const { awaitNs, turnNs } = await ask<{ awaitNs: number; turnNs: number }>('callbacks');
    if (method === 'off') Object.assign(lowest, { awaitNs, turnNs });
    else await ask('stop');
    const more = [awaitNs - lowest.awaitNs, turnNs - lowest.turnNs].map((ns) => ns.toFixed(0));
    const ratio = ((burnt.get(method) ?? Number.NaN) / (burnt.get('off') ?? Number.NaN)).toFixed(3);
    rows.push([method, awaitNs.toFixed(0), more[0] ?? '', turnNs.toFixed(0), more[1] ?? '', ratio]);
  }
  printTable(rows);
  print();
}

async function rotation(ask: Ask): Promise<void> {
  print('Milliseconds for which taking a report holds the event loop');
  const rows = [['method', 'tenants', 'median', 'highest']];
  for (const method of METHODS) {
    for (const tenants of [10, 10_000]) {
      await ask(`start ${method}`);
      const times = await ask<number[]>(`rotations ${tenants}`);
      await ask('stop');
      rows.push([method, String(tenants), median(times).toFixed(1), Math.max(...times).toFixed(1)]);
    }
  }
  printTable(rows);
}

export const cpuAttribution: Bench = {
  name: 'cpu-attribution',
  summary: 'how well CPU is charged to tenants, what it costs, and how long a report holds the event loop',
  run: async () => {
    const { child } = await BenchChild.start<{ url: string }>(CHILD, []);
    const ask: Ask = (request) => child.ask(request);
    await attribution(ask);
    await rotation(ask);
    print();
    await callbackCost(ask);
    await child.end();
    await overhead();
  },
};
