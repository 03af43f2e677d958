import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { createApi } from '../../src/api/server.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { FlagFeed } from '../../src/store/postgres/flag-feed.ts';
import { FlagInstances } from '../../src/store/postgres/flag-instances.ts';
import { ThrottleStore } from '../../src/store/postgres/throttle-store.ts';
import { createMemoryPorts } from '../support/api-ports.ts';
import { startTestPostgres } from '../support/postgres.ts';
import type { Bench } from './bench.ts';
import { BenchChild } from './child-messages.ts';
import { measured, median, print, printTable } from './measure.ts';

const INSTANCES = 1_000;
const WRITES = 40;
const ADMIN_TOKEN = 'token-of-the-bench';
const NOT_ACKED_AFTER_MS = 30_000;

interface Reach {
  readonly latencies: readonly number[];
  readonly lastMs: readonly number[];
  readonly acked: { readonly instances: number; readonly afterMs: number };
  readonly cpuMsPerWrite: number;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

interface Made {
  readonly id: string;
  readonly revision: number;
}

async function writeThrottle(url: string, index: number): Promise<Made> {
  const answer = await fetch(`${url}/v1/throttles`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      tenant_id: `tenant-${index}`,
      limit: { requests_per_second: 10, burst: 20 },
      mode: 'enforce',
      expires_in_seconds: 3_600,
      reason: 'bench',
    }),
  });
  if (answer.status !== 201) throw new Error(`a throttle was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Made;
}

/** Until every instance has acknowledged a throttle, as its page would show it. */
async function awaitAcks(url: string, id: string, instances: number): Promise<{ instances: number; afterMs: number }> {
  const startedAt = performance.now();
  for (;;) {
    const answer = await fetch(`${url}/v1/throttles?limit=1`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    const { items } = (await answer.json()) as { items: { id: string; acks: unknown[] }[] };
    const acked = items.find((item) => item.id === id)?.acks.length ?? 0;
    const afterMs = performance.now() - startedAt;
    if (acked >= instances || afterMs > NOT_ACKED_AFTER_MS) return { instances: acked, afterMs };
    await delay(20);
  }
}

/** Writes throttles one after the other; each when everybody has the one before. */
async function reach(url: string, child: BenchChild, instances: number): Promise<Reach> {
  await child.ask(`open ${instances}`);
  const latencies: number[] = [];
  const lastMs: number[] = [];
  let newest: Made | undefined;
  const cost = await measured(async () => {
    for (let index = 0; index < WRITES; index += 1) {
      const writtenAt = performance.timeOrigin + performance.now();
      newest = await writeThrottle(url, index);
      const heardAt = await child.ask<number[]>(`await ${newest.revision}`);
      const took = heardAt.map((at) => at - writtenAt);
      latencies.push(...took);
      lastMs.push(Math.max(...took));
    }
  });
  const acked = await awaitAcks(url, newest?.id ?? '', instances);
  return { latencies, lastMs, acked, cpuMsPerWrite: cost.cpuMs / WRITES };
}

async function run(): Promise<void> {
  const log = pino({ level: 'silent' });
  const db = await startTestPostgres();
  const changes = new ChangeListener({ url: db.appUrl, log });
  const flags = new FlagFeed({ postgres: db.postgres, changes, log });
  const instances = new FlagInstances({ postgres: db.postgres });
  const ports = { ...createMemoryPorts(Date.now), flags, instances, throttles: new ThrottleStore(db.postgres) };
  const api = createApi({
    ports,
    auth: { adminToken: ADMIN_TOKEN, issuer: undefined, jwt: undefined },
    log,
    version: '0',
  });
  await flags.refresh();
  changes.start();
  await api.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.server.address() as AddressInfo;
  const { child } = await BenchChild.start('./fanout-child.js', [String(port), ports.keys.issue(['flags'])]);
  try {
    const url = `http://127.0.0.1:${port}`;
    const rows: Reach[] = [];
    for (const count of [1, INSTANCES]) rows.push(await reach(url, child, count));
    const [one, all] = rows;
    print(
      'From the first byte of POST /v1/throttles to its event in an app; PostgreSQL, LISTEN/NOTIFY and SSE between.',
    );
    printTable([
      ['instances', 'P50 ms', 'P99 ms', 'last, median ms', 'server CPU ms/write', 'acknowledged'],
      ...rows.map(({ latencies, lastMs, acked, cpuMsPerWrite }, index) => [
        String(index === 0 ? 1 : INSTANCES),
        percentile(latencies, 0.5).toFixed(1),
        percentile(latencies, 0.99).toFixed(1),
        median(lastMs).toFixed(1),
        cpuMsPerWrite.toFixed(1),
        `${acked.instances} after ${acked.afterMs.toFixed(0)} ms`,
      ]),
    ]);
    const ratio = percentile(all?.latencies ?? [], 0.99) / percentile(one?.latencies ?? [], 0.99);
    print(`P99 with ${INSTANCES} instances: ${ratio.toFixed(1)} times that with one.`);
  } finally {
    await child.end();
    await api.close();
    instances.stop();
    await changes.stop();
    await db.stop();
  }
}

export const flagFanout: Bench = {
  name: 'flag-fanout',
  summary: `how long a throttle takes to reach ${INSTANCES.toLocaleString('en')} connected app instances`,
  run,
};
