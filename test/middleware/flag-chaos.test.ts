// An app under load while its flag server does everything wrong: no request fails, nothing grows, everything is counted.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { readChange, readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { type CounterName, createTenantry, fromHeader, type Tenantry } from '../../src/middleware/index.ts';
import { checkThrottle } from '../../src/middleware/throttle.ts';
import { type FlagServer, openStream, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';

const until = (holds: () => void) => vi.waitFor(holds, { timeout: 20_000, interval: 5 });
const eventText = (type: string, data: unknown) => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const snapshotText = (revision: number, flags: WireFlag[] = []) => eventText('snapshot', { revision, flags });
const manyFlags = (count: number, revision: number) =>
  Array.from({ length: count }, (_, i) => wireThrottle({ id: `${revision}-${i}`, tenant_id: `tenant-${i}`, revision }));

describe('an app', () => {
  let server: FlagServer;
  let tenantry: Tenantry;
  let app: FastifyInstance;
  let url: string;
  let isRunning: boolean;
  let load: Promise<void>;
  const statuses = new Map<string, number>();
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);

  async function send(): Promise<void> {
    for (let i = 0; isRunning; i++) {
      const tenant = i % 3 === 0 ? 'acme' : `calm-${i % 7}`;
      const { status } = await fetch(`${url}/orders/${i}`, { headers: { 'x-tenant': tenant } });
      const key = `${tenant === 'acme' ? 'acme' : 'calm'} ${status}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }
  }

  const answered = () => [...statuses.values()].reduce((sum, count) => sum + count, 0);

  /** Until it was counted so often and a few more requests were answered. */
  async function counted(name: CounterName, times: number): Promise<void> {
    await until(() => expect(tenantry.stats()[name], name).toBeGreaterThanOrEqual(times));
    const then = answered();
    await until(() => expect(answered()).toBeGreaterThan(then + 5));
  }

  beforeEach(async () => {
    process.on('uncaughtException', onError);
    process.on('unhandledRejection', onError);
    server = await startFlagServer();
    server.behave((response) => {
      openStream(response, response.req);
      response.write(snapshotText(10, [wireThrottle({ revision: 10 })]));
    });
    tenantry = createTenantry({ serviceName: 'shop', apiUrl: server.url, key: 'k' });
    app = fastify();
    await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
    app.get('/orders/:id', () => 'ok');
    url = await app.listen({ port: 0, host: '127.0.0.1' });
    await until(() => expect(tenantry.flags.revision).toBe(10));
    isRunning = true;
    load = send();
  });
  afterEach(async () => {
    isRunning = false;
    await load;
    await tenantry.shutdown();
    await app.close();
    await server.close();
    process.off('uncaughtException', onError);
    process.off('unhandledRejection', onError);
  });

  it('goes on with its last flags through garbage, huge events, cut events, old revisions and a killed server', async () => {
    server.write('event: snapshot\ndata: {{{{\n\n');
    server.write(eventText('change', { revision: 'x', upserts: 7 }));
    server.write(eventText('fleet', { instances: -1 }));
    server.write(`${'\u0000\ufffd'.repeat(1_000)}\n\n`);
    await counted('flag_event_malformed', 3);
    server.write(snapshotText(11, [wireThrottle({ revision: 11 }), { kind: 'throttle' } as WireFlag]));
    await until(() => expect(tenantry.flags.revision).toBe(11));
    expect(tenantry.stats()).toMatchObject({ flag_event_malformed: 3, flag_malformed: 1 });

    server.write(snapshotText(3));
    await counted('flag_revision_stale', 1);

    const huge = 'x'.repeat(1024 * 1024);
    server.behave((response) => {
      server.behave(openStream);
      openStream(response, response.req);
      response.write('event: snapshot\ndata: ');
      const more = () => {
        while (!response.destroyed && response.write(huge));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    server.write('event: change\ndata: {"revision": 12, "upse');
    const port = Number(new URL(server.url).port);
    await server.close();
    await counted('flag_stream_failed', 1);
    server = await startFlagServer(port);
    server.behave((response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders());
    await until(() => expect(server.connections).toBeGreaterThan(0));
    expect(tenantry.flags.inForce()).toMatchObject([{ id: 'f1', tenantId: 'acme' }]);

    expect([...statuses.keys()].sort()).toEqual(['acme 200', 'acme 429', 'calm 200']);
    expect(errors).toEqual([]);
  });

  it('takes 10,000 flags at once, and 1,000 changes in a row', async () => {
    server.write(snapshotText(20, [...manyFlags(10_000, 20), wireThrottle({ revision: 20 })]));
    await until(() => expect(tenantry.flags.revision).toBe(20));
    expect(tenantry.flags.inForce()).toHaveLength(10_001);
    for (let revision = 21; revision <= 1_020; revision++) {
      const id = `20-${revision}`;
      server.change({ revision, upserts: [wireThrottle({ id: `new-${revision}`, revision })], removals: [id] });
    }
    await until(() => expect(tenantry.flags.revision).toBe(1_020));
    expect(tenantry.flags.inForce()).toHaveLength(10_001);
    await until(() => expect(server.acks.at(-1)?.revision).toBe(1_020));
    expect(server.acks.length).toBeLessThan(1_000);
    expect([...statuses.keys()].filter((key) => key.startsWith('calm'))).toEqual(['calm 200']);
    expect(errors).toEqual([]);
  });
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapMb = () => {
    collect();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const read = (revision: number, flags: WireFlag[]) => {
    const snapshot = readSnapshot(JSON.stringify({ revision, flags }));
    if (snapshot === undefined) throw new Error('no snapshot');
    return snapshot;
  };

  it('does not grow with the flags that came and went, nor with the tenants that asked', () => {
    const store = new FlagStore();
    store.applySnapshot(read(1, manyFlags(10_000, 1)), 0);
    for (let i = 0; i < 10_000; i++) checkThrottle(store, { tenantId: `tenant-${i}` }, 1);
    const before = heapMb();
    for (let revision = 2; revision <= 6; revision++) {
      store.applySnapshot(read(revision, manyFlags(10_000, revision)), revision);
      for (let i = 0; i < 20_000; i++) checkThrottle(store, { tenantId: `tenant-${i}`, holdsSlot: true }, revision);
    }
    expect(store.size).toBe(10_000);
    expect(heapMb() - before).toBeLessThan(8);
    store.applySnapshot(read(7, []), 7);
    expect([store.size, store.isEmpty]).toEqual([0, true]);
  });

  it('is bounded whatever the server sends', () => {
    const store = new FlagStore();
    store.applySnapshot(read(1, manyFlags(50_000, 1)), 0);
    const more = readChange(JSON.stringify({ revision: 2, upserts: manyFlags(1_000, 2), removals: [] }));
    if (more === undefined) throw new Error('no change');
    store.applyChange(more, 1);
    expect([store.size, store.overflowed]).toEqual([50_000, 1_000]);
    expect(checkThrottle(store, { tenantId: 'tenant-0' }, 2)).toMatchObject({ allowed: true });
  });

  it('flags that end leave nothing behind, also of tenants that nobody asks about', () => {
    const store = new FlagStore();
    store.applySnapshot(read(1, manyFlags(1_000, 1)), 0);
    expect(store.prune(60_000)).toBe(true);
    expect([store.size, store.prune(60_001)]).toEqual([0, false]);
  });
});
