import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Counters } from '../../src/middleware/counters.ts';
import { backoffMs, FlagClient, type FlagClientOptions } from '../../src/middleware/flag-client.ts';
import { FlagClock } from '../../src/middleware/flag-clock.ts';
import { FlagFreshness } from '../../src/middleware/flag-freshness.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { type FlagServer, openStream, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';

let server: FlagServer;
let store: FlagStore;
let counters: Counters;
let client: FlagClient | undefined;

/** A clock whose wall keeps pace with it. */
function clockOf(monotonic: () => number): FlagClock {
  return new FlagClock({ monotonic, wall: monotonic });
}

function connect(fields: Partial<FlagClientOptions> = {}): void {
  client = new FlagClient({
    apiUrl: server.url,
    key: 'key-of-this-app',
    service: 'shop',
    instanceId: 'i-1',
    store,
    counters,
    clock: clockOf(() => performance.now()),
    freshness: new FlagFreshness(performance.now(), Date.now(), () => undefined),
    random: Math.random,
    backoff: { firstMs: 5, longestMs: 20 },
    ...fields,
  });
  client.start();
}

const heldIds = () => store.list(performance.now()).map(({ flag }) => flag.id);
const until = (holds: () => void) => vi.waitFor(holds, { timeout: 5_000, interval: 5 });

beforeEach(async () => {
  server = await startFlagServer();
  store = new FlagStore();
  counters = new Counters();
});
afterEach(async () => {
  client?.stop();
  client = undefined;
  await server.close();
});

describe('a working stream', () => {
  it('presents the key, applies snapshot and changes, and acknowledges each revision', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    expect(server.keys).toEqual(['Bearer key-of-this-app']);
    server.snapshot({ revision: 3, flags: [wireThrottle()] });
    await until(() => expect(heldIds()).toEqual(['f1']));
    await until(() => expect(server.acks).toEqual([{ instance_id: 'i-1', service: 'shop', revision: 3 }]));
    server.change({ revision: 4, upserts: [wireThrottle({ id: 'f2', revision: 4 })], removals: ['f1'] });
    await until(() => expect(heldIds()).toEqual(['f2']));
    await until(() => expect(server.acks.at(-1)?.revision).toBe(4));
    expect(counters.get('flag_stream_failed')).toBe(0);
  });

  it('acknowledges a burst of revisions once more, with the newest', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    for (let revision = 1; revision <= 50; revision++) server.change({ revision, upserts: [], removals: [] });
    await until(() => expect(server.acks.at(-1)?.revision).toBe(50));
    expect(server.acks.length).toBeLessThan(50);
  });

  it('applies an event that arrives in pieces, and nothing of one that is cut off', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    const event = `event: snapshot\ndata: ${JSON.stringify({ revision: 3, flags: [wireThrottle()] })}\n\n`;
    for (const character of event.slice(0, 40)) server.write(character);
    server.write(event.slice(40));
    await until(() => expect(heldIds()).toEqual(['f1']));
    server.behave((response) => {
      openStream(response, response.req);
      const lifted = `event: snapshot\ndata: ${JSON.stringify({ revision: 9, flags: [] })}\n\n`;
      response.write(lifted.slice(0, -1), () => response.destroy());
      server.behave(openStream);
    });
    server.write('event: change\ndata: {"revision":');
    await server.close();
    const port = Number(new URL(server.url).port);
    server = await startFlagServer(port);
    await until(() => expect(server.connections).toBeGreaterThan(0));
    expect(heldIds()).toEqual(['f1']);
    expect(counters.get('flag_stream_failed')).toBeGreaterThan(0);
  });
});

describe('a quiet server', () => {
  it('that only pings is heard, and not given up', async () => {
    server.behave((response) => {
      openStream(response, response.req);
      const pings = setInterval(() => response.write(': ping\n\n'), 30);
      response.on('close', () => clearInterval(pings));
    });
    connect({ idleTimeoutMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(server.connections).toBe(1);
    expect(counters.get('flag_stream_idle')).toBe(0);
  });
});

describe('a bad server', () => {
  it('is waited for longer and longer, and from the start again once it was good', async () => {
    const waits: unknown[] = [];
    const timers = vi.spyOn(globalThis, 'setTimeout');
    const backoff = { firstMs: 21, longestMs: 1_000 };
    server.behave((response) => response.destroy());
    connect({ backoff, random: () => 1, idleTimeoutMs: 5_000 });
    await until(() => expect(counters.get('flag_stream_failed')).toBe(4));
    server.behave(openStream);
    await until(() => expect(counters.get('flag_stream_connected')).toBe(1));
    server.snapshot({ revision: 1, flags: [] });
    await until(() => expect(store.revision).toBe(1));
    server.behave((response) => response.destroy());
    await server.close();
    await until(() => expect(counters.get('flag_stream_failed')).toBe(6));
    for (const [, wait] of timers.mock.calls) if (Number(wait) % 21 === 0 && Number(wait) > 0) waits.push(wait);
    timers.mockRestore();
    expect(waits).toEqual([21, 42, 84, 168, 21, 42]);
  });

  it('keeps the flags it knows while the server is gone, and comes back by itself', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    server.snapshot({ revision: 3, flags: [wireThrottle()] });
    await until(() => expect(heldIds()).toEqual(['f1']));
    const port = Number(new URL(server.url).port);
    await server.close();
    await until(() => expect(counters.get('flag_stream_failed')).toBeGreaterThan(3));
    expect(heldIds()).toEqual(['f1']);
    server = await startFlagServer(port);
    await until(() => expect(server.connections).toBe(1));
    server.snapshot({ revision: 4, flags: [] });
    await until(() => expect(heldIds()).toEqual([]));
  });

  it('drops a flag at its own end although the server is gone', async () => {
    let clock = 0;
    connect({ clock: clockOf(() => clock) });
    await until(() => expect(server.connections).toBe(1));
    server.snapshot({ revision: 3, flags: [wireThrottle({ ttl_ms: 5_000 })] });
    await until(() => expect(store.throttles('acme', clock)).toHaveLength(1));
    await server.close();
    clock = 4_999;
    expect(store.throttles('acme', clock)).toHaveLength(1);
    clock = 5_000;
    expect(store.throttles('acme', clock)).toHaveLength(0);
  });

  it.each<[string, (s: FlagServer) => void, 'flag_stream_rejected' | 'flag_stream_failed' | 'flag_stream_idle']>([
    ['401', (s) => s.behave((r) => r.writeHead(401).end('no')), 'flag_stream_rejected'],
    ['500', (s) => s.behave((r) => r.writeHead(500).end()), 'flag_stream_rejected'],
    ['a page instead of a stream', (s) => s.behave((r) => r.end('<html>')), 'flag_stream_rejected'],
    ['a redirect', (s) => s.behave((r) => r.writeHead(302, { location: '/elsewhere' }).end()), 'flag_stream_rejected'],
    ['a reset', (s) => s.behave((r) => r.destroy()), 'flag_stream_failed'],
    [
      'an end after the head',
      (s) => s.behave((r) => r.writeHead(200, { 'content-type': 'text/event-stream' }).end(': bye\n\n')),
      'flag_stream_failed',
    ],
    ['no answer at all', (s) => s.behave(() => undefined), 'flag_stream_idle'],
    [
      'silence',
      (s) => s.behave((r) => r.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()),
      'flag_stream_idle',
    ],
  ])('%s: is counted, tried again, and the flags stay', async (_name, misbehave, counter) => {
    store.applySnapshot({ revision: 1, flags: [], removals: [], malformed: 0 }, performance.now());
    misbehave(server);
    connect({ idleTimeoutMs: 60 });
    await until(() => expect(counters.get(counter)).toBeGreaterThan(1));
    expect(server.connections).toBeGreaterThan(1);
    server.behave(openStream);
    const before = server.connections;
    await until(() => expect(server.connections).toBeGreaterThan(before));
    await until(() => {
      server.snapshot({ revision: 2, flags: [wireThrottle()] });
      expect(heldIds()).toEqual(['f1']);
    });
  });

  it('a trickle of bytes that never become an event counts as silence', async () => {
    server.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const trickle = setInterval(() => response.write('x'), 5);
      response.on('close', () => clearInterval(trickle));
    });
    connect({ idleTimeoutMs: 80 });
    await until(() => expect(counters.get('flag_stream_idle')).toBeGreaterThan(0));
  });

  it('an endless event is given up at 1 MB, not kept in memory', async () => {
    let sent = 0;
    server.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('event: snapshot\ndata: ');
      const chunk = 'x'.repeat(64 * 1024);
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    connect();
    await until(() => expect(counters.get('flag_stream_failed')).toBeGreaterThan(0));
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    expect(heldIds()).toEqual([]);
  });

  it('garbage events and malformed flags are counted, good ones beside them applied', async () => {
    connect();
    await until(() => expect(server.connections).toBe(1));
    server.write('event: snapshot\ndata: {{{\n\nevent: change\ndata: 5\n\nevent: surprise\ndata: {}\n\nno colon\n\n');
    server.snapshot({ revision: 5, flags: [wireThrottle({ limit: { requests_per_second: -1, burst: 1 } })] });
    server.change({ revision: 6, upserts: [wireThrottle({ id: 'good', revision: 6 })], removals: [] });
    server.change({ revision: 2, upserts: [wireThrottle({ id: 'old', revision: 2 })], removals: ['good'] });
    await until(() => expect(counters.get('flag_revision_stale')).toBe(1));
    expect(heldIds()).toEqual(['good']);
    expect(counters.get('flag_event_malformed')).toBe(2);
    expect(counters.get('flag_malformed')).toBe(1);
  });

  it('an address that is none is survived and counted', async () => {
    connect({ apiUrl: 'not a url' });
    await until(() => expect(counters.get('flag_stream_failed')).toBeGreaterThan(1));
  });
});

describe('backoff', () => {
  const bounds = { firstMs: 500, longestMs: 30_000 };
  it('grows to its bound and stays below it, spread over the whole range', () => {
    expect(backoffMs(1, 0.999, bounds)).toBeLessThan(500);
    expect(backoffMs(4, 0.5, bounds)).toBe(2_000);
    expect(backoffMs(20, 1, bounds)).toBe(30_000);
    expect(backoffMs(2_000, 1, bounds)).toBe(30_000);
    expect(backoffMs(10, 0, bounds)).toBe(250);
  });
});
