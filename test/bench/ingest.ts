import type { Bench } from './bench.ts';
import type { Usage } from './child-messages.ts';
import { lagAt, type Overload, overload } from './ingest-lag.ts';
import { receiverSteps } from './ingest-steps.ts';
import { HTTP_PROTOBUF_GZIP, TRANSPORTS, type Transport } from './ingest-transports.ts';
import { type Round, Way } from './ingest-way.ts';
import { insertOverhead } from './insert-overhead.ts';
import { median, print, printTable } from './measure.ts';
import { SPANS_PER_REQUEST, TENANTS, telemetry } from './telemetry.ts';
import { temporaryFolder } from './temporary-folder.ts';

const GOALS = { cpuMicros: 8, timesJson: 4, shareOfNative: 0.5, overloadMb: 300 };
const LEVELS = [0.25, 0.5, 0.9];
/** The native way's inserts are as large as a segment. */
const SPANS_PER_SEGMENT = 43_000;

interface Size {
  readonly requests: number;
  readonly rounds: number;
  readonly seconds: number;
}

const SIZES: Readonly<Record<string, Size>> = {
  '': { requests: 256, rounds: 5, seconds: 20 },
  '--quick': { requests: 64, rounds: 2, seconds: 4 },
};

/** What is measured side by side, round by round. */
interface Contestant {
  readonly name: string;
  readonly rounds: Round[];
  run(): Promise<Round | undefined>;
}

interface Figures {
  readonly perSecond: number;
  readonly receive: number;
  readonly store: number;
  readonly cpu: number;
}

export const ingest: Bench = {
  name: 'ingest',
  summary: 'spans per second from each transport to all rollups, beside JSONEachRow and Native; lag, memory (--quick)',
  async run([option = '']) {
    const size = SIZES[option];
    if (size === undefined) throw new Error(`there is no option ${option}; there is --quick`);
    const requests = telemetry({ requests: size.requests, now: Date.now() });
    const spans = size.requests * SPANS_PER_REQUEST;
    const bytes = requests.reduce((sum, request) => sum + request.length, 0);
    print(
      `${size.rounds} rounds of ${spans} spans each, ${(bytes / spans).toFixed(0)} bytes a span, ${TENANTS} tenants`,
    );
    const ways: Way[] = [];
    const start = async (decoder: 'engine' | 'json') => {
      const way = await Way.start(decoder);
      ways.push(way);
      return way;
    };
    const files = temporaryFolder();
    try {
      const engine = await start('engine');
      const json = await start('json');
      const native = await start('engine');
      await firstRound(engine, json, requests, spans);
      const paths = await engine.store.ask<string[]>(
        `export ${files.path} ${Math.max(1, Math.round(spans / SPANS_PER_SEGMENT))}`,
      );
      const contestants = [
        ...TRANSPORTS.map((transport) => contestant(transport.name, engine, transport, requests)),
        contestant('protobufjs, JSONEachRow', json, HTTP_PROTOBUF_GZIP, requests),
        nativeContestant(native, paths),
      ];
      const before = await Promise.all([engine.usage(), json.usage()]);
      for (let round = 0; round <= size.rounds; round += 1) {
        for (const one of contestants) {
          const figures = await one.run();
          // The first warms up.
          if (round > 0 && figures !== undefined) one.rounds.push(figures);
        }
      }
      const figures = new Map(contestants.map((one) => [one.name, figuresOf(one, spans)]));
      reportRounds(figures);
      await reportMerges(engine, before[0], contestants, spans);
      const ours = figures.get(HTTP_PROTOBUF_GZIP.name);
      if (ours === undefined) throw new Error('the usual transport was not measured');
      await reportLag(engine, requests, ours.perSecond, size.seconds);
      const memory = await overload(engine, requests, 3 * ours.perSecond, size.seconds);
      await reportMemory(engine, json, memory);
      const missed = reportGoals(figures, ours, memory);
      if (missed) await reportLimits(requests, ours);
    } finally {
      for (const way of ways) await way.end();
      files.remove();
    }
  },
};

/** Both decoders on the same requests and empty tables: they have to come to the same sums before any speed counts. */
async function firstRound(engine: Way, json: Way, requests: readonly Uint8Array[], spans: number): Promise<void> {
  const sums = [];
  for (const way of [engine, json]) {
    await way.round(HTTP_PROTOBUF_GZIP, requests);
    sums.push(await way.sums());
  }
  const [ours, theirs] = sums;
  if (ours?.sums !== theirs?.sums) throw new Error(`different sums of the same spans:\n${ours?.sums}\n${theirs?.sums}`);
  print(`spans on disk: ${((ours?.spansBytes ?? 0) / spans).toFixed(0)} bytes each, not merged`);
  print();
}

function contestant(name: string, way: Way, transport: Transport, requests: readonly Uint8Array[]): Contestant {
  return { name, rounds: [], run: () => way.round(transport, requests) };
}

function nativeContestant(way: Way, paths: readonly string[]): Contestant {
  return {
    name: 'the limit: Native from a file',
    rounds: [],
    run: async () => {
      const before = (await way.usage()).cpuMs;
      const startedAt = performance.now();
      for (const path of paths) await way.store.ask(`native ${path}`);
      const wallMs = performance.now() - startedAt;
      return { wallMs, receiveMs: 0, storeMs: (await way.usage()).cpuMs - before };
    },
  };
}

function figuresOf({ rounds }: Contestant, spans: number): Figures | undefined {
  if (rounds.length === 0) return undefined;
  const micros = (pick: (round: Round) => number) => (median(rounds.map(pick)) * 1_000) / spans;
  const receive = micros(({ receiveMs }) => receiveMs);
  const store = micros(({ storeMs }) => storeMs);
  return { perSecond: 1e6 / micros(({ wallMs }) => wallMs), receive, store, cpu: receive + store };
}

function reportRounds(figures: ReadonlyMap<string, Figures | undefined>): void {
  const ours = figures.get(HTTP_PROTOBUF_GZIP.name);
  const rows = [['way', 'spans/s', 'ratio', 'receive µs', 'store µs', 'CPU µs/span', 'ratio']];
  for (const [name, one] of figures) {
    if (one === undefined) rows.push([name, 'not served', '', '', '', '', '']);
    else {
      rows.push([
        name,
        one.perSecond.toFixed(0),
        (one.perSecond / (ours?.perSecond ?? Number.NaN)).toFixed(2),
        one.receive.toFixed(1),
        one.store.toFixed(1),
        one.cpu.toFixed(1),
        (one.cpu / (ours?.cpu ?? Number.NaN)).toFixed(2),
      ]);
    }
  }
  printTable(rows);
  print(
    'receive: HTTP, gunzip, check, fsync; store: decode, views, merges meanwhile. CPU of the sender is not counted.',
  );
  print(
    'The sender runs on the same cores, so spans/s is what is left for both; CPU a span tells what a machine can take.',
  );
  print();
}

/** What the store spent outside the rounds is merges that came later, and its idle threads. */
async function reportMerges(way: Way, before: Usage, contestants: readonly Contestant[], spans: number): Promise<void> {
  const whole = (await way.store.ask<Usage>('settle')).cpuMs - before.cpuMs;
  const own = contestants.filter(({ name }) => TRANSPORTS.some((transport) => transport.name === name));
  const rounds = own.flatMap((one) => one.rounds);
  // The round that warmed up is in the whole as well, and cost about what the others did.
  const stored = rounds.length + own.filter((one) => one.rounds.length > 0).length;
  const inRounds = (rounds.reduce((sum, { storeMs }) => sum + storeMs, 0) / rounds.length) * stored;
  const there = await way.store.ask<number>('spans');
  // The comparison of the sums came before.
  if (there !== (stored + 1) * spans) throw new Error(`${(stored + 1) * spans} spans were sent, ${there} are stored`);
  const later = ((whole - inRounds) * 1_000) / (stored * spans);
  print(`store between rounds and until all merges were done: ${later.toFixed(2)} CPU µs a span more`);
}

async function reportLag(way: Way, requests: readonly Uint8Array[], capacity: number, seconds: number): Promise<void> {
  const rows = [['load', 'spans/s', 'lag P50 ms', 'lag P99 ms']];
  for (const level of LEVELS) {
    const { offered, p50Ms, p99Ms } = await lagAt(way, requests, level * capacity, seconds);
    rows.push([`${100 * level} %`, offered.toFixed(0), p50Ms.toFixed(0), p99Ms.toFixed(0)]);
  }
  printTable(rows);
  print('lag: from sent to there for a query. A segment waits up to a second for more before it is sealed.');
  print();
}

async function reportMemory(engine: Way, json: Way, memory: Overload): Promise<void> {
  const { offered, taken, refused, idleMb, firstHalfMb, secondHalfMb } = memory;
  const answers = [...refused].map(([status, count]) => `${count} x ${status}`).join(', ');
  print(
    `overload: 3 times the capacity offered, ${((100 * taken) / offered).toFixed(0)} % taken (${answers || 'none refused'})`,
  );
  print(
    `receiver MB: idle ${idleMb.toFixed(0)}, most in the first half ${firstHalfMb.toFixed(0)}, in the second ${secondHalfMb.toFixed(0)} (x ${(secondHalfMb / firstHalfMb).toFixed(2)})`,
  );
  const [ours, theirs] = [(await engine.usage()).peakMb, (await json.usage()).peakMb];
  print(
    `store, peak MB: ${ours.toFixed(0)}; protobufjs and JSONEachRow ${theirs.toFixed(0)} (x ${(theirs / ours).toFixed(2)})`,
  );
  print();
}

/** @returns whether one was missed */
function reportGoals(figures: ReadonlyMap<string, Figures | undefined>, ours: Figures, memory: Overload): boolean {
  const json = figures.get('protobufjs, JSONEachRow');
  const native = figures.get('the limit: Native from a file');
  const peak = Math.max(memory.firstHalfMb, memory.secondHalfMb);
  const goals = [
    ['CPU µs a span, all included', ours.cpu, '<=', GOALS.cpuMicros],
    ['times the JSON way, spans/s', ours.perSecond / (json?.perSecond ?? Number.NaN), '>=', GOALS.timesJson],
    ['times the JSON way, CPU', (json?.cpu ?? Number.NaN) / ours.cpu, '>=', GOALS.timesJson],
    [
      'share of the Native limit, spans/s',
      ours.perSecond / (native?.perSecond ?? Number.NaN),
      '>=',
      GOALS.shareOfNative,
    ],
    ['share of the Native limit, CPU', (native?.cpu ?? Number.NaN) / ours.cpu, '>=', GOALS.shareOfNative],
    ['receiver MB at 3 times the capacity', peak, '<=', GOALS.overloadMb],
  ] as const;
  const rows = [['goal', 'wanted', 'measured', '']];
  let missed = false;
  for (const [name, value, relation, wanted] of goals) {
    const met = relation === '<=' ? value <= wanted : value >= wanted;
    missed ||= !met;
    rows.push([name, `${relation} ${wanted}`, value.toFixed(2), met ? 'met' : 'missed']);
  }
  printTable(rows);
  print();
  return missed;
}

async function reportLimits(requests: readonly Uint8Array[], ours: Figures): Promise<void> {
  const { gunzip, check, record } = await receiverSteps(requests);
  const rest = ours.receive - gunzip - check - record;
  const share = (micros: number) => [micros.toFixed(2), `${((100 * micros) / ours.cpu).toFixed(0)} %`];
  print('What a span costs, step by step (each alone, so the sum is not exact):');
  printTable([
    ['step', 'CPU µs/span', 'of all'],
    ['gunzip', ...share(gunzip)],
    ['wire check', ...share(check)],
    ['trailer and CRC', ...share(record)],
    ['HTTP, key, retry memory, limits, write, fsync: the rest of the receiver', ...share(rest)],
    ['store: below', ...share(ours.store)],
  ]);
  print();
  await insertOverhead.run([]);
}
