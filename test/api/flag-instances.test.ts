import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN, bearer, OWN } from '../support/api-harness.ts';
import { SseClient, type StreamBench, startStreaming } from '../support/api-sse.ts';

let api: StreamBench;
let key: string;
const clients: SseClient[] = [];
beforeEach(async () => {
  api = await startStreaming();
  key = api.ports.keys.issue(['flags']);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await api.close();
});

async function open(instanceId: string, token = key): Promise<SseClient> {
  const client = await SseClient.connect(api.app, bearer(token), `?service=shop&instance_id=${instanceId}`);
  clients.push(client);
  return client;
}

const poll = (query: string, headers = {}) =>
  api.app.inject({ url: `/v1/flags${query}`, headers: { ...bearer(key), ...headers } });

describe('instances that say who they are', () => {
  test('learn with their snapshot how many they are, and by an event when that changes', async () => {
    const a = await open('a');
    expect(await a.first(1)).toMatchObject([{ event: 'snapshot', data: { instances: 1 } }]);
    const b = await open('b');
    expect(await b.first(1)).toMatchObject([{ event: 'snapshot', data: { instances: 2 } }]);
    expect((await a.first(2))[1]).toEqual({ event: 'fleet', data: { instances: 2 } });
    b.close();
    expect((await a.first(3))[2]).toEqual({ event: 'fleet', data: { instances: 1 } });
  });

  test('are told by polls too, and a changed number is a changed state', async () => {
    const a = await open('a');
    await a.first(1);
    const first = await poll('?service=shop&instance_id=p');
    expect(first.json()).toMatchObject({ instances: 2 });
    const etag = String(first.headers['etag']);
    expect((await poll('?service=shop&instance_id=p', { 'if-none-match': etag })).statusCode).toBe(304);
    await open('b');
    const changed = await poll('?service=shop&instance_id=p', { 'if-none-match': etag });
    expect([changed.statusCode, changed.json().instances]).toEqual([200, 3]);
  });

  test('that do not say it are not counted and told nothing', async () => {
    const silent = await api.connect(bearer(key));
    const [snapshot] = await silent.first(1);
    expect(snapshot).toMatchObject({ event: 'snapshot' });
    expect(JSON.stringify(snapshot)).not.toContain('instances');
    expect((await poll('')).json().instances).toBeUndefined();
    const a = await open('a');
    expect(await a.first(1)).toMatchObject([{ data: { instances: 1 } }]);
  });

  test('with a key of one tenant are counted apart', async () => {
    const bound = api.ports.keys.issue(['flags'], OWN);
    for (const id of ['x', 'y', 'z']) await (await open(id, bound)).first(1);
    const a = await open('a');
    expect(await a.first(1)).toMatchObject([{ data: { instances: 1 } }]);
  });

  test.each([
    '?service=shop',
    '?instance_id=a',
    '?service=&instance_id=a',
    `?service=s&instance_id=${'x'.repeat(129)}`,
  ])('or half of it, are refused: %s', async (query) => {
    expect((await poll(query)).statusCode).toBe(400);
  });
});

test('staff see each instance, what it obeys, and whether that is the newest', async () => {
  const base = { service: 'shop', connectedAt: 0, seenAt: 1_000, transport: 'stream', isLive: true } as const;
  api.ports.instances.revision = 7;
  api.ports.instances.listed.push(
    { ...base, instanceId: 'a', ackedRevision: 7, ackedAt: 2_000 },
    { ...base, instanceId: 'b', ackedRevision: 6, ackedAt: 2_000 },
    { ...base, instanceId: 'c', ackedRevision: null, ackedAt: null, isLive: false, transport: 'poll' },
  );
  const { port } = api.app.server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/flags/instances`, { headers: bearer(ADMIN_TOKEN) });
  const body = (await answer.json()) as { revision: number; items: Record<string, unknown>[] };
  expect(body.revision).toBe(7);
  expect(body.items.map((item) => [item['instance_id'], item['up_to_date'], item['live'], item['acked_at']])).toEqual([
    ['a', true, true, '1970-01-01T00:00:02.000Z'],
    ['b', false, true, '1970-01-01T00:00:02.000Z'],
    ['c', false, false, null],
  ]);
});
