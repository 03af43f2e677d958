import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { OWN } from '../support/api-harness.ts';
import { changeRevisions, eventually, type SseClient, type StreamBench, startStreaming } from '../support/api-sse.ts';

let api: StreamBench;
afterEach(() => api.close());

describe('a client that does not read', () => {
  const bulk = 'x'.repeat(450);

  test('is cut once its buffer is full, and the others do not notice', async () => {
    api = await startStreaming({ streamTimes: { maxQueuedBytes: 64 * 1024 } });
    const accepted: Socket[] = [];
    api.app.server.on('connection', (socket: Socket) => accepted.push(socket));
    const [slow, quick] = [await api.connect(), await api.connect()];
    await Promise.all([slow.first(1), quick.first(1)]);
    slow.pause();
    let committed = 0;
    // The kernel takes some megabytes first; 100,000 changes are 60 MB.
    while (api.ports.flags.listenerCount === 2 && committed < 100_000) {
      for (let burst = 0; burst < 50; burst += 1) api.commit(OWN, { id: `bulk-${burst}`, reason: bulk });
      committed += 50;
      await quick.until(() => replayedRevision(quick) === committed + 2);
    }
    expect(api.ports.flags.listenerCount).toBe(1);
    // At once, and not when the client cares to read: until then its bytes would stay in memory.
    await eventually(() => accepted.some((socket) => socket.destroyed));
    slow.resume();
    await slow.closed;
    expect(changeRevisions(quick.events)).toEqual(Array.from({ length: committed }, (_, index) => index + 3));
    // What the slow one did get before it was cut has no hole either.
    const got = changeRevisions(slow.events);
    expect(got).toEqual(Array.from({ length: got.length }, (_, index) => index + 3));
    expect(await api.ports.registry.getSingleMetricAsString('tenantry_api_flag_streams_cut_total')).toMatch(
      /reason="slow"\} 1$/m,
    );
  });

  function replayedRevision(client: SseClient): number {
    const last = client.events.at(-1);
    return last === undefined || last.event === 'ping' || last.event === 'fleet' ? -1 : last.data.revision;
  }

  test('does not hold up the shutdown', async () => {
    api = await startStreaming({ shutdownGraceMs: 1e9, streamTimes: { maxQueuedBytes: 1e9 } });
    const slow = await api.connect();
    await slow.first(1);
    slow.pause();
    // Far more than the kernel takes on both sides of a loopback connection.
    for (let count = 0; count < 2_000; count += 1) {
      api.commit(OWN, { id: 'same', reason: bulk.repeat(20) });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await api.app.close();
    expect(api.ports.flags.listenerCount).toBe(0);
  });

  test('is cut when it has taken nothing for too long', async () => {
    api = await startStreaming({ streamTimes: { pingMs: 5, stallMs: 50, maxQueuedBytes: 1e9 } });
    const slow = await api.connect();
    await slow.first(1);
    slow.pause();
    // The queue may grow without bound here, so only the time can be what cuts it.
    await eventually(() => {
      for (let burst = 0; burst < 20; burst += 1) api.commit(OWN, { id: 'same', reason: bulk.repeat(20) });
      return api.ports.flags.listenerCount === 0;
    });
    slow.resume();
    await slow.closed;
    expect(await api.ports.registry.getSingleMetricAsString('tenantry_api_flag_streams_cut_total')).toMatch(
      /reason="slow"\} 1$/m,
    );
  });

  test('gets what waited with the time taken off, and a flag that ran out meanwhile as run out', async () => {
    let elapsed = 0;
    api = await startStreaming({
      monotonicNow: () => elapsed,
      streamTimes: { maxQueuedBytes: 64 * 1024 * 1024, stallMs: 1e9 },
    });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    api.ports.flags.afterRead = () => held;
    const connecting = api.connect();
    await eventually(() => api.ports.flags.listenerCount === 1);
    api.commit(OWN, { expiresAt: api.clock.now + 10_000 });
    api.commit(OWN, { expiresAt: api.clock.now + 3_000 });
    elapsed = 4_000;
    release();
    const events = await (await connecting).first(3);
    const ttls = events.flatMap((event) =>
      event.event === 'change' ? event.data.upserts.map((flag) => flag.ttl_ms) : [],
    );
    expect(ttls).toEqual([6_000, 0]);
  });
});
