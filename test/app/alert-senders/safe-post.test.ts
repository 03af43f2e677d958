import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addressGuard } from '../../../src/app/alert-senders/address-guard.ts';
import { type Resolve, safePost } from '../../../src/app/alert-senders/safe-post.ts';
import { type Receiver, startReceiver } from '../../support/alert-samples.ts';

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }];
const strict = addressGuard([]);
const own = addressGuard(['127.0.0.1/32']);

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());
beforeEach(() => {
  receiver.received.length = 0;
  receiver.answer = { status: 200 };
});

const messageTo = (url: string) => ({ url, headers: { 'x-test': '1' }, body: '{"a":1}' });
const post = (url: string, options: Partial<Parameters<typeof safePost>[1]> = {}) =>
  safePost(messageTo(url), { guard: own, resolve: async () => LOOPBACK, ...options });

describe('hostile addresses are refused, and nothing is sent', () => {
  const path = (host: string) => `http://${host}:${receiver.port}/`;
  test.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '0x7f000001',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0',
    '0.0.0.0',
    '127.0.0.1.',
    '１２７.0.0.1',
  ])('%s', async (host) => {
    const outcome = await safePost(messageTo(path(host)), { guard: strict, resolve: async () => LOOPBACK });
    expect(outcome).toMatchObject({ kind: 'refused' });
    expect(receiver.received).toEqual([]);
  });

  test.each(['file:///etc/passwd', 'ftp://example.com/', 'gopher://127.0.0.1/'])('%s', async (url) => {
    expect(await post(url)).toMatchObject({ kind: 'refused' });
  });

  test('a user or password in the address', async () => {
    expect(await post(`http://u:p@127.0.0.1:${receiver.port}/`)).toMatchObject({ kind: 'refused' });
    expect(receiver.received).toEqual([]);
  });

  test('a name of which one address of several is private', async () => {
    const mixed = [{ address: '93.184.216.34', family: 4 }, ...LOOPBACK];
    const outcome = await post('https://mixed.example/', { guard: strict, resolve: async () => mixed });
    expect(outcome).toMatchObject({ kind: 'refused' });
  });

  test('http without TLS to the world', async () => {
    const world = [{ address: '93.184.216.34', family: 4 }];
    expect(await post('http://world.example/', { resolve: async () => world })).toEqual({
      kind: 'refused',
      reason: 'address',
      detail: 'http without TLS is only for addresses in TENANTRY_ALERT_ALLOW_RANGES',
    });
  });
});

test('a name that leads elsewhere the second time is asked once, and the connection goes where was judged', async () => {
  let asked = 0;
  const rebinding: Resolve = async () => {
    asked += 1;
    return asked === 1 ? LOOPBACK : [{ address: '169.254.169.254', family: 4 }];
  };
  expect(await post(`http://rebind.example:${receiver.port}/x`, { resolve: rebinding })).toEqual({ kind: 'sent' });
  expect(asked).toBe(1);
  expect(receiver.received.map(({ path, headers }) => [path, headers.host])).toEqual([
    ['/x', `rebind.example:${receiver.port}`],
  ]);
});

describe('answers', () => {
  test.each([
    [200, 'sent'],
    [202, 'sent'],
    [204, 'sent'],
    [301, 'refused'],
    [302, 'refused'],
    [307, 'refused'],
    [400, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [410, 'refused'],
    [408, 'retry'],
    [425, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
  ])('%i is %s, and no redirect is followed', async (status, kind) => {
    receiver.answer = { status, headers: { location: `${receiver.url}/elsewhere` }, body: status === 204 ? '' : 'x' };
    expect(await post(receiver.url)).toMatchObject({ kind });
    expect(receiver.received).toHaveLength(1);
  });

  test.each([
    ['7', 7_000],
    ['99999999', 3_600_000],
    ['soon', undefined],
  ])('Retry-After: %s', async (text, retryAfterMs) => {
    receiver.answer = { status: 429, headers: { 'retry-after': text } };
    expect(await post(receiver.url)).toEqual({
      ...{ kind: 'retry', reason: 'answer', detail: 'the receiver answered 429' },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  });

  test('an endless answer is cut off', async () => {
    receiver.answer = { status: 200, body: 'x'.repeat(5_000_000) };
    expect(await post(receiver.url)).toEqual({ kind: 'sent' });
  });

  test('nobody listening, a name without address, and a receiver that says nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as { port: number };
    expect(await post(`http://127.0.0.1:${port}/`, { timeoutMs: 100 })).toEqual({
      kind: 'retry',
      reason: 'timeout',
      detail: 'the receiver did not answer in time',
    });
    await new Promise((resolve) => silent.close(resolve));
    expect(await post(`http://127.0.0.1:${port}/secret`)).toEqual({
      kind: 'retry',
      reason: 'connection',
      detail: 'no connection to the receiver (ECONNREFUSED)',
    });
    const never: Resolve = () => new Promise(() => undefined);
    expect(await post('https://slow.example/', { resolve: never, timeoutMs: 50 })).toMatchObject({ kind: 'retry' });
    expect(await post('https://none.example/', { resolve: async () => [] })).toMatchObject({ kind: 'refused' });
  });
});
