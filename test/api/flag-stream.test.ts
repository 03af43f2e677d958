import { request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, bearer, OTHER, OWN } from '../support/api-harness.ts';
import { changeRevisions, eventually, replay, type StreamBench, startStreaming } from '../support/api-sse.ts';

let api: StreamBench;
afterEach(() => api.close());

/** Snapshots wait until the gate is opened. */
function holdSnapshots(): { open: () => void } {
  let open: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    open = resolve;
  });
  api.ports.flags.afterRead = () => held;
  return { open };
}

/** Sockets that the server has accepted in this test. */
let accepted: Socket[] = [];

describe('a stream', () => {
  beforeEach(async () => {
    api = await startStreaming();
    accepted = [];
    api.app.server.on('connection', (socket: Socket) => accepted.push(socket));
  });

  test('begins with the state and goes on with each change, in order', async () => {
    const client = await api.connect();
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-content-type-options': 'nosniff',
    });
    await client.first(1);
    const flag = api.commit();
    api.ports.flags.remove(flag.id);
    const [snapshot, added, removed] = await client.first(3);
    expect(snapshot).toMatchObject({
      event: 'snapshot',
      data: { revision: 2, flags: [{ tenant_id: OWN }, { tenant_id: OTHER }] },
    });
    expect(added).toEqual({
      event: 'change',
      data: {
        revision: 3,
        removals: [],
        upserts: [
          {
            kind: 'throttle',
            id: flag.id,
            tenant_id: OWN,
            revision: 3,
            ttl_ms: 60_000,
            expires_at: '2026-06-15T12:01:00.000Z',
            reason: 'noisy',
            mode: 'enforce',
            scope: {},
            limit: { requests_per_second: 1, burst: 1 },
          },
        ],
      },
    });
    expect(removed).toEqual({ event: 'change', data: { revision: 4, upserts: [], removals: [flag.id] } });
  });

  test('misses nothing and repeats nothing that is committed while it opens', async () => {
    let reads = 0;
    // Committed after the state was read and before it is sent: neither in the snapshot nor live yet.
    api.ports.flags.afterRead = async () => {
      reads += 1;
      if (reads > 1) return;
      api.commit();
      api.ports.flags.remove(api.commit().id);
    };
    const client = await api.connect();
    api.commit();
    await client.until(() => replay(client.events).revision === 6);
    expect(changeRevisions(client.events)).toEqual([3, 4, 5, 6]);
    expect(replay(client.events).ids).toEqual([...api.ports.flags.flags.keys()].sort());
  });

  test('drops changes that the first snapshot already holds', async () => {
    const { snapshot } = api.ports.flags;
    // The feed hears of a commit before the state is read: the change waits, and the snapshot has it too.
    api.ports.flags.snapshot = async (tenant) => {
      api.commit();
      return snapshot.call(api.ports.flags, tenant);
    };
    const client = await api.connect();
    api.ports.flags.snapshot = snapshot;
    const last = api.commit();
    await client.until(() => replay(client.events).revision === last.revision);
    expect(client.events[0]).toMatchObject({ event: 'snapshot', data: { revision: 3 } });
    expect(changeRevisions(client.events)).toEqual([4]);
  });

  test('leaves flags out that have run out', async () => {
    const { snapshot } = api.ports.flags;
    api.ports.flags.snapshot = async (tenant) => {
      const { revision, flags } = await snapshot.call(api.ports.flags, tenant);
      return { revision, flags: flags.map((flag) => (flag.tenant_id === OWN ? { ...flag, ttl_ms: 0 } : flag)) };
    };
    const [first] = await (await api.connect()).first(1);
    expect(first).toMatchObject({ event: 'snapshot', data: { flags: [{ tenant_id: OTHER }] } });
    expect(first).not.toMatchObject({ data: { flags: [{}, {}] } });
  });

  test('for a key that is bound to a tenant has no word of any other', async () => {
    const client = await api.connect(bearer(api.ports.keys.issue(['flags'], OTHER)));
    await client.first(1);
    api.commit(OWN);
    const theirs = api.commit(OTHER);
    await client.until(() => replay(client.events).revision === theirs.revision);
    expect(JSON.stringify(client.events)).not.toContain(OWN);
    expect(client.events[1]).toEqual({ event: 'change', data: { revision: 3, upserts: [], removals: [] } });
  });

  test('is refused as a problem when the state cannot be read, and leaves no subscription behind', async () => {
    api.ports.flags.afterRead = async () => {
      throw new TenantryError('STORE_UNAVAILABLE', 'Postgres does not answer.');
    };
    const client = await api.connect();
    expect(client.response.statusCode).toBe(503);
    expect(client.response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(api.ports.flags.listenerCount).toBe(0);
  });

  test('lets go of everything when the client leaves', async () => {
    const client = await api.connect();
    await client.first(1);
    expect(api.ports.flags.listenerCount).toBe(1);
    client.close();
    await eventually(() => api.ports.flags.listenerCount === 0);
    expect(await api.ports.registry.getSingleMetricAsString('tenantry_api_flag_streams')).toMatch(/streams 0$/m);
  });

  test('lets go of everything when the client leaves while the state is read', async () => {
    const gate = holdSnapshots();
    const { port } = api.app.server.address() as AddressInfo;
    const leaving = request({ port, path: '/v1/flags/stream', headers: bearer(ADMIN_TOKEN), agent: false }).end();
    await eventually(() => api.ports.flags.listenerCount === 1);
    const [connection] = accepted;
    leaving.on('error', () => undefined).destroy();
    await eventually(() => connection?.destroyed === true);
    gate.open();
    await eventually(() => api.ports.flags.listenerCount === 0);
  });

  test('is refused when the server shuts down while the state is read', async () => {
    const gate = holdSnapshots();
    const connecting = api.connect();
    await eventually(() => api.ports.flags.listenerCount === 1);
    const closed = api.app.close();
    await eventually(() => !api.app.server.listening);
    gate.open();
    expect((await connecting).response.statusCode).toBe(503);
    await closed;
    expect(api.ports.flags.listenerCount).toBe(0);
  });

  test('is refused when more changes come while the state is read than may wait', async () => {
    const gate = holdSnapshots();
    const connecting = api.connect();
    await eventually(() => api.ports.flags.listenerCount === 1);
    await eventually(() => {
      api.commit(OWN, { reason: 'x'.repeat(10_000) });
      return api.ports.flags.listenerCount === 0;
    });
    gate.open();
    expect((await connecting).response.statusCode).toBe(503);
  });

  test('ends at shutdown, which does not wait for its clients', async () => {
    const many = await Promise.all(Array.from({ length: 5 }, () => api.connect()));
    await Promise.all(many.map((client) => client.first(1)));
    await api.app.close();
    await Promise.all(many.map((client) => client.closed));
    expect(api.ports.flags.listenerCount).toBe(0);
  });
});

describe('pings and repairs', () => {
  test('a quiet stream pings', async () => {
    api = await startStreaming({ streamTimes: { pingMs: 5 } });
    const events = await (await api.connect()).first(3);
    expect(events.map(({ event }) => event)).toEqual(['snapshot', 'ping', 'ping']);
  });

  test('the whole state comes again, so that a lost change is made good', async () => {
    api = await startStreaming({ streamTimes: { repairMs: 5 } });
    const client = await api.connect();
    await client.first(1);
    const { announce } = api.ports.flags;
    api.ports.flags.announce = () => undefined;
    const lost = api.commit();
    api.ports.flags.announce = announce;
    await client.until(() => replay(client.events).ids.includes(lost.id));
    expect(changeRevisions(client.events)).toEqual([]);
  });

  test('a repair that was read before a change is not sent after it', async () => {
    api = await startStreaming({ streamTimes: { repairMs: 5 } });
    const client = await api.connect();
    await client.first(1);
    let repairsRead = 0;
    api.ports.flags.afterRead = async () => {
      repairsRead += 1;
      if (repairsRead <= 5) api.commit();
    };
    await client.until(() => repairsRead > 6 && replay(client.events).revision === 7);
    // No event ever takes the client back behind what it has been told.
    const revisions = client.events.flatMap((event) =>
      'data' in event && 'revision' in event.data ? [event.data.revision] : [],
    );
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    expect(changeRevisions(client.events)).toEqual([3, 4, 5, 6, 7]);
  });

  test('a database that was restored from a backup is followed, though its revisions are lower', async () => {
    api = await startStreaming({ streamTimes: { repairMs: 5 } });
    const client = await api.connect();
    await client.first(1);
    for (let count = 0; count < 10; count += 1) api.commit();
    await client.until(() => replay(client.events).revision === 12);
    api.ports.flags.flags.clear();
    api.ports.flags.revision = 1;
    await client.until(() => replay(client.events).revision === 1);
    const next = api.commit();
    await client.until(() => replay(client.events).revision === 2);
    expect(replay(client.events).ids).toEqual([next.id]);
  });

  test('a failed repair is logged and the stream goes on', async () => {
    api = await startStreaming({ streamTimes: { repairMs: 5 } });
    const client = await api.connect();
    await client.first(1);
    let failures = 0;
    api.ports.flags.afterRead = async () => {
      failures += 1;
      if (failures <= 3) throw new Error('connection lost');
    };
    await client.until(() => client.events.filter(({ event }) => event === 'snapshot').length > 1);
    expect(failures).toBeGreaterThan(3);
    expect(api.logLines.filter((line) => line.includes('repair failed')).length).toBe(3);
  });

  test('a revoked key is out at the next repair; one that cannot be checked stays', async () => {
    api = await startStreaming({ streamTimes: { repairMs: 5 } });
    const key = api.ports.keys.issue(['flags']);
    const client = await api.connect(bearer(key));
    await client.first(1);
    api.ports.keys.failure = new TenantryError('STORE_UNAVAILABLE', 'Postgres does not answer.');
    const before = api.logLines.length;
    await eventually(() => api.logLines.slice(before).some((line) => line.includes('repair failed')));
    expect(api.ports.flags.listenerCount).toBe(1);
    api.ports.keys.failure = undefined;
    api.ports.keys.revoke(key);
    await client.closed;
    expect(api.ports.flags.listenerCount).toBe(0);
  });
});
