// The stream cannot be had, or is worth nothing: flags come by polling, and by the stream again when it is back.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Counters } from '../../src/middleware/counters.ts';
import { FlagClient } from '../../src/middleware/flag-client.ts';
import { FlagClock } from '../../src/middleware/flag-clock.ts';
import { type FlagEvent, FlagFreshness } from '../../src/middleware/flag-freshness.ts';
import { FlagPoller } from '../../src/middleware/flag-poller.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import {
  type Behaviour,
  type FlagServer,
  openStream,
  polledState,
  startFlagServer,
  wireThrottle,
} from '../support/middleware-flag-server.ts';

const POLL_TIMES = { afterLossMs: 10, afterSilenceMs: 120, everyMs: 20, longestMs: 60 };

let server: FlagServer;
let store: FlagStore;
let counters: Counters;
let client: FlagClient;
let wall: number;
let monotonic: number;
const events: FlagEvent[] = [];
let freshness: FlagFreshness;
let clock: FlagClock;

function connect(url = server.url): void {
  client = new FlagClient({
    apiUrl: url,
    key: 'k',
    service: 'shop\u0000',
    instanceId: 'i-1',
    store,
    counters,
    clock,
    freshness,
    random: Math.random,
    backoff: { firstMs: 5, longestMs: 20 },
    pollTimes: POLL_TIMES,
    idleTimeoutMs: 10_000,
    tickMs: 5,
  });
  client.start();
}

const held = () => store.list(clock.now()).map(({ flag }) => flag.id);
const until = (holds: () => void) => vi.waitFor(holds, { timeout: 5_000, interval: 5 });
const flagged = (revision: number, ...ids: string[]) => ({
  revision,
  flags: ids.map((id) => wireThrottle({ id, revision })),
});

beforeEach(async () => {
  server = await startFlagServer();
  store = new FlagStore();
  counters = new Counters();
  wall = 1_700_000_000_000;
  monotonic = 0;
  events.length = 0;
  clock = new FlagClock({ monotonic: () => monotonic, wall: () => wall });
  freshness = new FlagFreshness(clock.now(), clock.wall(), () => undefined, 1_000);
  freshness.subscribe((event) => events.push(event));
});
afterEach(async () => {
  client.stop();
  await server.close();
});

const lapse = (ms: number) => {
  monotonic += ms;
  wall += ms;
};

describe('a stream that cannot be had', () => {
  it.each<[string, Behaviour]>([
    ['refused', (response) => response.writeHead(502).end()],
    ['cut at once', (response) => response.destroy()],
    ['held back by a proxy', () => undefined],
    ['open but silent, as behind a proxy that buffers', (response) => openStream(response, response.req)],
    [
      'pinging without ever sending a snapshot',
      (response) => {
        openStream(response, response.req);
        const pings = setInterval(() => response.write(': ping\n\n'), 5);
        response.on('close', () => clearInterval(pings));
      },
    ],
  ])('%s: is polled instead, unchanged states for the price of a 304', async (_name, behaviour) => {
    server.behave(behaviour);
    server.behavePolled(polledState({ ...flagged(3, 'f1'), instances: 4 }));
    connect();
    await until(() => expect(held()).toEqual(['f1']));
    await until(() => expect(counters.get('flag_poll_unchanged')).toBeGreaterThan(1));
    expect(counters.get('flag_poll_changed')).toBe(1);
    expect(counters.get('flag_polling_begun')).toBe(1);
    expect(server.polls.slice(0, 2)).toEqual([undefined, 'W/"3"']);
    await until(() => expect(server.acks.at(-1)).toEqual({ instance_id: 'i-1', service: 'shop?', revision: 3 }));
    expect(store.fleet.at(clock.now())).toBe(4);
    expect(new Set(server.queries)).toEqual(new Set(['service=shop%3F&instance_id=i-1']));
    server.behavePolled(polledState(flagged(4, 'f2')));
    await until(() => expect(held()).toEqual(['f2']));
    expect(counters.get('flag_poll_failed')).toBe(0);
  });

  it('is gone back to when it brings events, and polled again when it falls silent', async () => {
    server.behave((response) => response.writeHead(503).end());
    server.behavePolled(polledState(flagged(3, 'f1')));
    connect();
    await until(() => expect(held()).toEqual(['f1']));
    server.behave((response) => {
      openStream(response, response.req);
      response.write(`event: snapshot\ndata: ${JSON.stringify(flagged(5, 'f2'))}\n\n`);
    });
    await until(() => expect(held()).toEqual(['f2']));
    const before = server.polls.length;
    server.behavePolled(polledState(flagged(6, 'f3')));
    await until(() => expect(held()).toEqual(['f3']));
    // Silence began with the snapshot: only after it was the server polled again, without an ETag of the time before.
    expect(server.polls[before]).toBeUndefined();
    expect(counters.get('flag_polling_begun')).toBe(2);
  });
});

describe('the poller', () => {
  it('asks nothing while the stream brings anything, and at once when that falls silent', () => {
    vi.useFakeTimers();
    try {
      const ask = vi.fn(() => new Promise<undefined>(() => undefined));
      const nothing = () => undefined;
      const taken = { onSnapshot: () => true, onUnchanged: nothing, onFailed: nothing, onBegin: nothing };
      const poller = new FlagPoller({ times: POLL_TIMES, random: () => 0, ask, ...taken });
      poller.streamLost();
      for (let heard = 0; heard < 100; heard++) {
        poller.streamHeard();
        vi.advanceTimersByTime(POLL_TIMES.afterSilenceMs - 1);
      }
      expect(ask).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(ask).toHaveBeenCalledTimes(1);
      poller.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('polls that fail', () => {
  it.each<[string, Behaviour]>([
    ['refused', (response) => response.writeHead(401).end()],
    ['cut', (response) => response.destroy()],
    ['garbage', (response) => response.end('{"revision":')],
    ['another’s JSON', (response) => response.end('{"hello":"world"}')],
    ['a 304 that nobody asked for', (response) => response.writeHead(304).end()],
    [
      'half an answer',
      (response) => response.writeHead(200, { 'content-length': 1_000 }).write('{', () => response.destroy()),
    ],
  ])('%s: are counted, flags stay, and are made again', async (_name, behaviour) => {
    store.applySnapshot({ revision: 1, flags: [], removals: [], malformed: 0 }, 0);
    server.behave((response) => response.destroy());
    server.behavePolled(behaviour);
    connect();
    await until(() => expect(counters.get('flag_poll_failed')).toBeGreaterThan(1));
    expect(counters.get('flag_poll_changed') + counters.get('flag_poll_unchanged')).toBe(0);
    server.behavePolled(polledState(flagged(2, 'f1')));
    await until(() => expect(held()).toEqual(['f1']));
  });
});

describe('staleness', () => {
  it('begins when nothing was heard for too long, says since when, and ends with the next word', async () => {
    server.behave((response) => {
      openStream(response, response.req);
      response.write(`event: snapshot\ndata: ${JSON.stringify(flagged(1, 'f1'))}\n\n`);
    });
    connect();
    await until(() => expect(events).toEqual(['changed', 'fresh']));
    expect([freshness.staleSince, freshness.everHeard]).toEqual([undefined, true]);
    const heardAt = wall;
    const port = Number(new URL(server.url).port);
    await server.close();
    lapse(900);
    await until(() => expect(counters.get('flag_poll_failed')).toBeGreaterThan(0));
    expect(freshness.staleSince).toBeUndefined();
    lapse(200);
    await until(() => expect(freshness.staleSince).toBe(heardAt));
    expect(counters.get('flag_stale')).toBe(1);
    expect(held()).toEqual(['f1']);
    server = await startFlagServer(port);
    server.behavePolled(polledState(flagged(1, 'f1')));
    await until(() => expect(freshness.staleSince).toBeUndefined());
    expect(events).toEqual(['changed', 'fresh', 'stale', 'fresh']);
  });

  it('tells when a flag ends by itself', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    server.snapshot({ revision: 1, flags: [wireThrottle({ ttl_ms: 500 })] });
    await until(() => expect(held()).toEqual(['f1']));
    const before = events.filter((event) => event === 'changed').length;
    lapse(501);
    await until(() => expect(events.filter((event) => event === 'changed').length).toBe(before + 1));
  });
});

describe('clocks', () => {
  const connectWith = async (ttlMs: number) => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    server.snapshot({ revision: 1, flags: [wireThrottle({ ttl_ms: ttlMs })] });
    await until(() => expect(held()).toEqual(['f1']));
  };

  it('a machine that slept, its monotonic clock too, wakes without the flags that ended meanwhile, and asks anew', async () => {
    await connectWith(60_000);
    const connections = server.connections;
    wall += 61_000;
    await until(() => expect(held()).toEqual([]));
    expect(counters.get('flag_clock_jumped')).toBe(1);
    await until(() => expect(server.connections).toBeGreaterThan(connections));
    server.snapshot({ revision: 1, flags: [wireThrottle({ ttl_ms: 30_000 })] });
    await until(() => expect(held()).toEqual(['f1']));
  });

  it('a wall clock set back makes no flag live longer', async () => {
    await connectWith(1_000);
    wall -= 86_400_000;
    await until(() => expect(counters.get('flag_clock_jumped')).toBe(1));
    expect(held()).toEqual(['f1']);
    lapse(1_000);
    expect(held()).toEqual([]);
  });

  it('a wall clock that is slewed changes nothing', async () => {
    await connectWith(100_000);
    for (let i = 0; i < 50; i++) {
      lapse(100);
      wall += 50;
      clock.check();
    }
    expect(counters.get('flag_clock_jumped')).toBe(0);
    expect(clock.now()).toBe(5_000);
  });
});
