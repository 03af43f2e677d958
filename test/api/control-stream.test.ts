import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, type StreamBench, startStreaming } from '../support/api-sse.ts';

let api: StreamBench;
let listeners: Set<() => void>;
beforeEach(async () => {
  listeners = new Set();
  api = await startStreaming();
  Object.assign(api.ports.flags, {
    onReset: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
});
afterEach(() => api.close());

test('what is withheld without a revision reaches a connected app at once, as a new snapshot', async () => {
  const client = await api.connect();
  const [before] = await client.first(1);
  expect(before).toMatchObject({ event: 'snapshot', data: { revision: 2, flags: [{}, {}] } });
  const [withheld] = api.ports.flags.flags.keys();
  api.ports.flags.flags.delete(withheld ?? '');
  for (const listener of listeners) listener();
  const [, after] = await client.first(2);
  expect(after).toMatchObject({ event: 'snapshot', data: { revision: 2, flags: [{}] } });
});

test('a second change while the first is on its way is told too', async () => {
  const client = await api.connect();
  await client.first(1);
  const [one, other] = api.ports.flags.flags.keys();
  api.ports.flags.afterRead = async () => {
    // Read already, and out of date before it is sent.
    api.ports.flags.afterRead = async () => undefined;
    api.ports.flags.flags.delete(other ?? '');
    for (const listener of listeners) listener();
  };
  api.ports.flags.flags.delete(one ?? '');
  for (const listener of listeners) listener();
  const [, , last] = await client.first(3);
  expect(last).toMatchObject({ event: 'snapshot', data: { flags: [] } });
});

test('a stream that has ended listens no more', async () => {
  const client = await api.connect();
  await client.first(1);
  expect(listeners.size).toBe(1);
  client.response.destroy();
  await eventually(() => listeners.size === 0);
});
