import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RateLimiter } from '../../src/api/rate-limit.ts';
import { type ApiLimits, addressGroup } from '../../src/api/rate-limit-callers.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

const OFF: ApiLimits = {
  addressPerSecond: 0,
  userPerSecond: 0,
  tenantPerSecond: 0,
  keyPerSecond: 0,
  flagsPerSecond: 0,
  streamsPerKey: 0,
};

let api: ApiUnderTest | undefined;
let monotonic = 0;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

async function start(limits: Partial<ApiLimits>, trustedProxies: string[] = []) {
  monotonic = 0;
  api = await startApi({ edge: { limits: { ...OFF, ...limits }, trustedProxies }, monotonicNow: () => monotonic });
  const { app } = api;
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
  const statuses = async (times: number, url: string, headers: Record<string, string> = {}) => {
    const answers = await Promise.all(Array.from({ length: times }, () => get(url, headers)));
    return answers.map(({ statusCode }) => statusCode);
  };
  return { api, get, statuses };
}

const count = (statuses: readonly number[], status: number) => statuses.filter((one) => one === status).length;

describe('a bucket', () => {
  const policy = { name: 'x', perSecond: 10, burstSeconds: 2, maxBuckets: 100 };
  function drain(limiter: RateLimiter, name: string, now: number): number {
    let taken = 0;
    while (limiter.standing(name, now).remaining > 0) {
      limiter.take(name, now);
      taken += 1;
    }
    return taken;
  }

  test('holds a burst, and gains its rate and no more', () => {
    const limiter = new RateLimiter(policy);
    expect(drain(limiter, 'a', 0)).toBe(20);
    expect(limiter.standing('a', 0)).toMatchObject({ waitSeconds: 0.1, fullAfterSeconds: 2 });
    expect(drain(limiter, 'a', 99)).toBe(0);
    expect(drain(limiter, 'a', 100)).toBe(1);
    let taken = 0;
    for (let now = 101; now <= 10_100; now += 7) taken += drain(limiter, 'a', now);
    expect(taken).toBeGreaterThanOrEqual(99);
    expect(taken).toBeLessThanOrEqual(100);
    expect(drain(limiter, 'b', 10_100)).toBe(20);
  });

  test('is forgotten only when it is full again; newcomers without room share one', () => {
    const limiter = new RateLimiter(policy);
    for (let index = 0; index < 100; index += 1) drain(limiter, `user-${index}`, 0);
    let fresh = 0;
    for (let index = 0; index < 5_000; index += 1) fresh += drain(limiter, `flood-${index}`, 1);
    expect(fresh).toBe(20);
    expect(limiter.buckets).toBeLessThanOrEqual(101);
    expect(limiter.standing('user-7', 1).remaining).toBe(0);
    for (let index = 0; index < 5_000; index += 1) limiter.take(`later-${index}`, 10_000 + index * 10);
    expect(limiter.buckets).toBeLessThanOrEqual(101);
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

describe('requests beyond a limit', () => {
  test('are answered 429 with when to come again; exactly the limit gets through, however many come at once', async () => {
    const { get, statuses } = await start({ userPerSecond: 5 });
    const token = bearer(ADMIN_TOKEN);
    const first = await statuses(300, '/v1/whoami', token);
    expect([count(first, 200), count(first, 429)]).toEqual([50, 250]);
    const refused = await get('/v1/whoami', token);
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
    expect(refused.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/problem\+json/),
      'retry-after': '1',
      'ratelimit-policy': '"user";q=50;w=10',
      ratelimit: '"user";r=0;t=10',
    });
    monotonic = 1_000;
    const later = await statuses(20, '/v1/whoami', token);
    expect(count(later, 200)).toBe(5);
    monotonic = 100_000;
    expect((await get('/v1/whoami', token)).headers['ratelimit']).toBe('"user";r=49;t=1');
  });

  test('are those of one user, of one tenant and of one key, each for itself', async () => {
    const { api: running, statuses } = await start({ userPerSecond: 1, tenantPerSecond: 2, keyPerSecond: 3 });
    const person = async (subject: string, tenant = OWN) =>
      bearer(await running.issuer.issueToken('viewer', tenant, 60_000, subject));
    const get = async (headers: Record<string, string>) => count(await statuses(40, '/v1/whoami', headers), 200);
    expect(await get(await person('ann'))).toBe(10);
    expect(await get(await person('bob'))).toBe(10);
    // What ann and bob were refused did not count against the tenant; what they got did.
    expect(await get(await person('cem'))).toBe(0);
    expect(await get(await person('ann', OTHER))).toBe(10);
    expect(await get(bearer(running.ports.keys.issue(['ingest'])))).toBe(30);
    expect(await get(bearer(running.ports.keys.issue(['ingest'])))).toBe(30);
    expect(await get(bearer(running.ports.keys.issue(['ingest'], OWN)))).toBe(0);
  });

  test('by nobody in particular are those of an address, and never cost a known caller anything', async () => {
    const { api: running, get, statuses } = await start({ addressPerSecond: 1 });
    const guesses = await statuses(50, '/v1/tenants', bearer('tk_guess'));
    expect([count(guesses, 401), count(guesses, 429)]).toEqual([10, 40]);
    expect((await get('/openapi.json')).statusCode).toBe(429);
    expect((await get('/not/there')).statusCode).toBe(429);
    expect((await get('/v1/whoami', bearer(ADMIN_TOKEN))).statusCode).toBe(200);
    expect((await get('/v1/flags', bearer(running.ports.keys.issue(['flags'])))).statusCode).toBe(200);
    expect(count(await statuses(50, '/healthz'), 429)).toBe(0);
  });

  test('cannot pretend to come from elsewhere, unless by a proxy that is trusted', async () => {
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const direct = await start({ addressPerSecond: 0.1 });
    expect((await direct.get('/openapi.json', from('192.0.2.1'))).statusCode).toBe(200);
    expect((await direct.get('/openapi.json', from('192.0.2.2'))).statusCode).toBe(429);
    await direct.api.close();
    const behind = await start({ addressPerSecond: 0.1 }, ['127.0.0.1']);
    expect((await behind.get('/openapi.json', from('192.0.2.1'))).statusCode).toBe(200);
    expect((await behind.get('/openapi.json', from('192.0.2.2'))).statusCode).toBe(200);
    expect((await behind.get('/openapi.json', from('198.51.100.9, 192.0.2.2'))).statusCode).toBe(429);
  });

  test('of dashboards take nothing from apps', async () => {
    const { api: running, get, statuses } = await start({ keyPerSecond: 1, tenantPerSecond: 1, flagsPerSecond: 2 });
    const key = bearer(running.ports.keys.issue(['flags'], OWN));
    expect(count(await statuses(40, '/v1/whoami', key), 200)).toBe(10);
    expect((await get('/v1/flags', key)).statusCode).toBe(200);
    const viewer = bearer(await running.issuer.issueToken('viewer', OWN));
    expect((await get('/v1/whoami', viewer)).statusCode).toBe(429);
    expect(count(await statuses(40, '/v1/flags', key), 200)).toBe(19);
  });
});

test('streams are counted once each while they last, and per key', async () => {
  const { api: running } = await start({ streamsPerKey: 2, flagsPerSecond: 100 });
  await running.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = running.app.server.address() as AddressInfo;
  const open = async (key: string) => {
    const sent = httpRequest({ port, path: '/v1/flags/stream', headers: bearer(key), agent: false }).end();
    sent.on('error', () => undefined);
    const [answer] = await once(sent, 'response');
    return {
      status: answer.statusCode as number,
      policy: answer.headers['ratelimit-policy'],
      end: () => sent.destroy(),
    };
  };
  const [mine, theirs] = [running.ports.keys.issue(['flags']), running.ports.keys.issue(['flags'])];
  const first = await open(mine);
  const second = await open(mine);
  expect([first.status, second.status, first.policy]).toEqual([200, 200, '"flags";q=1000;w=10']);
  const third = await open(mine);
  const other = await open(theirs);
  expect([third.status, other.status]).toEqual([429, 200]);
  first.end();
  await expect
    .poll(async () => {
      const again = await open(mine);
      again.end();
      return again.status;
    })
    .toBe(200);
  for (const stream of [second, third, other]) stream.end();
});
