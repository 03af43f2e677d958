import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { gzipSync } from 'node:zlib';
import { SPOOL_FOLDERS } from '../../src/domain/spool-format.ts';
import type { Bench } from './bench.ts';
import { BenchChild, type Usage } from './child-messages.ts';
import { median, print, printTable } from './measure.ts';
import { telemetry } from './telemetry.ts';

const KEY = 'bench-ingest-key-0123456789';
const REQUESTS = 256;
const SPANS = REQUESTS * 512;
const CONNECTIONS = 8;
const WARM_UPS = 1;
const ROUNDS = 5;

interface Round {
  readonly wallMs: number;
  readonly receiveMs: number;
  readonly storeMs: number;
}

interface Sums {
  readonly sums: string;
  readonly spansBytes: number;
}

/** One way of getting telemetry into the store: its own data directory and loader. */
class Way {
  readonly name: string;
  readonly dataDir: string;
  readonly rounds: Round[] = [];
  diskBytesPerSpan = 0;
  readonly #store: BenchChild;

  private constructor(name: string, dataDir: string, store: BenchChild) {
    this.name = name;
    this.dataDir = dataDir;
    this.#store = store;
  }

  static async start(name: string, decoder: 'engine' | 'json'): Promise<Way> {
    const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
    const { child } = await BenchChild.start('loading-child.js', [dataDir, decoder]);
    return new Way(name, dataDir, child);
  }

  /** From the first byte sent to the last segment stored; CPU of receiver and store within that time. */
  async round(bodies: readonly Buffer[]): Promise<Round> {
    const { child: receiver, ready } = await BenchChild.start<{ port: number }>('receiving-child.js', [
      this.dataDir,
      KEY,
    ]);
    const [receiveBefore, storeBefore] = [await receiver.ask<Usage>('usage'), await this.usage()];
    const startedAt = performance.now();
    await send(bodies, ready.port);
    const receiveAfter = await receiver.ask<Usage>('seal');
    while (readdirSync(join(this.dataDir, 'spool', SPOOL_FOLDERS.sealed)).length > 0) await nextPoll();
    const wallMs = performance.now() - startedAt;
    const storeAfter = await this.usage();
    await receiver.end();
    return {
      wallMs,
      receiveMs: receiveAfter.cpuMs - receiveBefore.cpuMs,
      storeMs: storeAfter.cpuMs - storeBefore.cpuMs,
    };
  }

  usage(): Promise<Usage> {
    return this.#store.ask<Usage>('usage');
  }

  sums(): Promise<Sums> {
    return this.#store.ask<Sums>('sums');
  }

  async end(): Promise<void> {
    await this.#store.end();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

const nextPoll = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Posts every body once over a few kept connections, as exporters do; this process's CPU is the customers', not ours. */
async function send(bodies: readonly Buffer[], port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const waiting = bodies.values();
  const connection = async () => {
    for (const body of waiting) await post(agent, port, body);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
}

function post(agent: Agent, port: number, body: Buffer): Promise<void> {
  const headers = {
    authorization: `Bearer ${KEY}`,
    'content-type': 'application/x-protobuf',
    'content-encoding': 'gzip',
    'content-length': body.length,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { agent, host: '127.0.0.1', port, method: 'POST', path: '/v1/traces', headers },
      (answer) => {
        answer.resume();
        answer.on('error', reject);
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve() : reject(new Error(`ingest answered ${answer.statusCode}`)),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export const ingest: Bench = {
  name: 'ingest',
  summary: 'spans per second from HTTP to all rollups, beside protobufjs and JSONEachRow',
  async run() {
    const requests = telemetry({ requests: REQUESTS, now: Date.now() });
    const bodies = requests.map((request) => gzipSync(request));
    const bytes = requests.reduce((sum, request) => sum + request.length, 0);
    const ways = [
      await Way.start('engine decodes the segment', 'engine'),
      await Way.start('protobufjs, JSONEachRow', 'json'),
    ] as const;
    try {
      for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
        for (const way of ways) {
          const figures = await way.round(bodies);
          if (round >= WARM_UPS) way.rounds.push(figures);
          // Before anything is stored twice: copies of the same span compress to nothing.
          if (round === 0) way.diskBytesPerSpan = (await way.sums()).spansBytes / SPANS;
        }
      }
      print(
        `${ROUNDS} rounds of ${SPANS} spans each, ${(bytes / SPANS).toFixed(0)} bytes a span, ${CONNECTIONS} connections, gzip`,
      );
      print();
      await report(ways);
    } finally {
      for (const way of ways) await way.end();
    }
  },
};

async function report(ways: readonly [Way, Way]): Promise<void> {
  const [engine, json] = await Promise.all(ways.map((way) => way.sums()));
  if (engine === undefined || json === undefined || engine.sums !== json.sums) {
    throw new Error(`the two ways did not do the same work:\n${engine?.sums}\n${json?.sums}`);
  }
  const perSpan = (ms: number) => (ms * 1_000) / SPANS;
  const medians = (way: Way) => ({
    perSecond: median(way.rounds.map(({ wallMs }) => (SPANS * 1_000) / wallMs)),
    receive: perSpan(median(way.rounds.map(({ receiveMs }) => receiveMs))),
    store: perSpan(median(way.rounds.map(({ storeMs }) => storeMs))),
  });
  const [ours, theirs] = [medians(ways[0]), medians(ways[1])];
  const rows = [['way', 'spans/s', 'receive µs', 'store µs', 'CPU µs/span', 'disk B/span', 'store peak MB']];
  for (const [way, figures] of [
    [ways[0], ours],
    [ways[1], theirs],
  ] as const) {
    rows.push([
      way.name,
      figures.perSecond.toFixed(0),
      figures.receive.toFixed(1),
      figures.store.toFixed(1),
      (figures.receive + figures.store).toFixed(1),
      way.diskBytesPerSpan.toFixed(0),
      (await way.usage()).peakMb.toFixed(0),
    ]);
  }
  printTable(rows);
  print();
  print(`ratio, spans per second: ${(ours.perSecond / theirs.perSecond).toFixed(2)}`);
  print(`ratio, CPU a span, all: ${((theirs.receive + theirs.store) / (ours.receive + ours.store)).toFixed(2)}`);
  print(`ratio, CPU a span, store step alone: ${(theirs.store / ours.store).toFixed(2)}`);
  print('receive = HTTP, gunzip, wire check, fsync: the same in both ways; CPU of the sender is not counted');
}
