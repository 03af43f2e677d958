import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DegradeStep } from '../../src/domain/flags.ts';
import { Counters } from '../../src/middleware/counters.ts';
import { SpendClient } from '../../src/middleware/spend.ts';
import { SpendBlockedError, type SpendCall, type SpendSettings } from '../../src/middleware/spend-call.ts';
import { runAsTenant } from '../../src/middleware/tenant-context.ts';
import { type ApiUnderTest, OWN, startApi } from '../support/api-harness.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';
import { spendCap } from '../support/spend-samples.ts';

// The real client against the real routes and the real rules; only the books are in memory. Prices: 1 micro-dollar for an
// input token, 4 for an output token.
let tracing: TestTracing;
let api: ApiUnderTest;
let apiUrl: string;
let counters: Counters;
let requests: number;
let steps: Record<string, DegradeStep>;
const clock = { now: 0 };
const clients: SpendClient[] = [];

beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  api = await startApi();
  requests = 0;
  api.app.server.on('request', () => {
    requests += 1;
  });
  apiUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
  counters = new Counters();
  steps = {};
  clock.now = 1_000_000;
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await api.close();
});

function connect(settings: SpendSettings & { apiUrl?: string } = {}): SpendClient {
  const client = new SpendClient({
    apiUrl,
    key: api.ports.keys.issue(['flags']),
    service: 'shop',
    instanceId: 'i-1',
    counters,
    now: () => clock.now,
    random: () => 0,
    flags: { degradeStep: (feature) => steps[feature] ?? 'ok' },
    timeoutMs: 5_000,
    ...settings,
  });
  clients.push(client);
  return client;
}

const CALL: SpendCall = { model: 'gpt-4o', tenantId: OWN, estimate: { inputTokens: 100, maxOutputTokens: 50 } };
/** 100 input tokens and 10 output tokens, as OpenAI says it: 140 micro-dollars. */
const ANSWER = { choices: [], usage: { prompt_tokens: 100, completion_tokens: 10 } };
const account = () => [...api.ports.caps.books.accounts.values()][0];
const cap = (changes: Parameters<typeof spendCap>[0] = {}) => {
  api.ports.caps.books.caps = [spendCap(changes)];
};

describe('run', () => {
  test('reserves what a call may cost, settles what it did cost, and gives the rest back at the end', async () => {
    cap();
    const client = connect();
    const answer = await client.run(CALL, (reservation) => {
      expect(reservation).toMatchObject({ step: 'ok', micro: 300 });
      return ANSWER;
    });
    expect(answer).toBe(ANSWER);
    await client.stop();
    expect(account()).toMatchObject({ spentMicro: 140, reservedMicro: 0, presumedMicro: 0, calls: 1, excessCalls: 0 });
  });

  test('takes the tenant of the context; without any, nothing is counted and nothing refused', async () => {
    cap({ amountMicro: 0 });
    const client = connect();
    const { tenantId: _tenant, ...call } = CALL;
    await expect(runAsTenant(OWN, () => client.run(call, () => ANSWER))).rejects.toBeInstanceOf(SpendBlockedError);
    expect(await client.run(call, () => ANSWER)).toBe(ANSWER);
    expect(counters.get('spend_no_tenant')).toBe(1);
  });

  test('asks nobody for an ordinary call once a slice is leased', async () => {
    cap();
    const client = connect();
    // The pace of the first calls tells how large a slice has to be.
    for (let warmUp = 0; warmUp < 50; warmUp += 1) await client.run(CALL, () => ANSWER);
    await client.flush();
    const before = requests;
    for (let call = 0; call < 20; call += 1) await client.run(CALL, () => ANSWER);
    expect(requests - before).toBeLessThanOrEqual(2);
  });

  test('serves a burst of first calls with a few questions', async () => {
    cap();
    const client = connect();
    await Promise.all(Array.from({ length: 300 }, () => client.run(CALL, () => ANSWER)));
    expect(requests).toBeLessThan(60);
    await client.stop();
    expect(account()).toMatchObject({ spentMicro: 300 * 140, reservedMicro: 0, calls: 300 });
  });

  test('refuses with the reason when the cap is reached, or takes the fallback', async () => {
    cap({ amountMicro: 500 });
    const client = connect();
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => client.run(CALL, () => ANSWER)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    const refused = outcomes.find((one) => one.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'TENANTRY_SPEND_BLOCKED', why: 'cap' });
    const instead = await client.run(CALL, () => 'model', { fallback: ({ step }) => `cache at ${step}` });
    expect(instead).toBe('cache at blocked');
    expect(counters.get('spend_refused')).toBe(3);
  });

  test('goes to the fallback at cached_only, and to the model where there is none', async () => {
    cap({ amountMicro: 1_000 });
    const client = connect();
    steps['ai'] = 'cached_only';
    expect(await client.run(CALL, () => 'model', { fallback: ({ step }) => `cache at ${step}` })).toBe(
      'cache at cached_only',
    );
    expect(await client.run(CALL, ({ step }) => `model at ${step}`)).toBe('model at cached_only');
    await client.stop();
    expect(account()?.reservedMicro).toBe(0);
  });

  test.each(['ai', 'ai.model.gpt-4o', 'ai.key.bob', 'ai.key.bob.model.gpt-4o'])(
    'obeys a flag that blocks %s',
    async (feature) => {
      steps[feature] = 'blocked';
      const client = connect();
      await expect(client.run({ ...CALL, key: 'bob' }, () => ANSWER)).rejects.toMatchObject({ why: 'flag' });
      expect(requests).toBe(0);
    },
  );

  test('charges a call that failed on the way, and not one that the provider refused', async () => {
    cap();
    const client = connect();
    const failing = (error: Error) => client.run(CALL, () => Promise.reject(error));
    await expect(failing(Object.assign(new Error('rate limit'), { status: 429 }))).rejects.toThrow('rate limit');
    await client.flush();
    expect(account()).toMatchObject({ spentMicro: 0, calls: 0 });
    await expect(failing(new Error('socket hang up'))).rejects.toThrow('socket hang up');
    await client.stop();
    expect(account()).toMatchObject({ spentMicro: 300, calls: 1 });
  });

  test('counts a call that costs more than was reserved, once and with its excess', async () => {
    cap();
    const client = connect();
    const reservation = await client.reserve({ ...CALL, estimateMicro: 100 });
    reservation.settle({ micro: 160 });
    reservation.settle({ micro: 900 });
    reservation.release();
    await client.stop();
    expect(account()).toMatchObject({
      spentMicro: 160,
      calls: 1,
      excessCalls: 1,
      excessMicro: 60,
      largestExcessMicro: 60,
    });
    expect(counters.get('spend_exceeded')).toBe(1);
  });

  test('lets calls without a known price through and counts them, or refuses them, as the cap says', async () => {
    cap();
    const mystery = { ...CALL, model: 'mystery' };
    const client = connect();
    expect(await client.run(mystery, () => ANSWER)).toBe(ANSWER);
    await client.stop();
    expect(account()).toMatchObject({ spentMicro: 0, calls: 1, unpricedCalls: 1 });
    cap({ onUnpriced: 'refuse' });
    await expect(connect().run(mystery, () => ANSWER)).rejects.toMatchObject({ why: 'unpriced' });
  });

  test('keeps to a cap of one key or model while others go on', async () => {
    api.ports.caps.books.caps = [spendCap({ amountMicro: 0, key: 'bob' }), spendCap({ amountMicro: 0, model: 'o3' })];
    const client = connect();
    await expect(client.run({ ...CALL, key: 'bob' }, () => ANSWER)).rejects.toBeInstanceOf(SpendBlockedError);
    await expect(client.run({ ...CALL, key: 'eve', model: 'o3' }, () => ANSWER)).rejects.toBeInstanceOf(
      SpendBlockedError,
    );
    expect(await client.run({ ...CALL, key: 'eve' }, () => ANSWER)).toBe(ANSWER);
  });
});

describe('while no server can be asked', () => {
  test('calls go on, and are counted when it is back: also those whose price was not known', async () => {
    cap();
    const client = connect();
    api.ports.caps.books.failure = new Error('down');
    expect(await client.run(CALL, () => ANSWER)).toBe(ANSWER);
    expect(await client.run(CALL, () => ANSWER)).toBe(ANSWER);
    expect([counters.get('spend_unreserved'), counters.get('spend_rejected')]).toEqual([2, 1]);
    api.ports.caps.books.failure = undefined;
    clock.now += 30_000;
    // The first call after that goes on too and brings the answer behind its back.
    await client.run(CALL, () => ANSWER);
    await expect.poll(() => api.ports.caps.books.reservations.size).toBeGreaterThan(0);
    await client.flush();
    await client.stop();
    expect(account()).toMatchObject({ spentMicro: 3 * 140, unreservedMicro: 3 * 140, calls: 3, reservedMicro: 0 });
  });

  test('calls are refused where the cap, or the app before it knows of any, says so', async () => {
    cap({ onUnavailable: 'closed' });
    const client = connect();
    await client.run(CALL, () => ANSWER);
    api.ports.caps.books.failure = new Error('down');
    clock.now += 25_000;
    await expect(client.run(CALL, () => ANSWER)).rejects.toMatchObject({ why: 'unavailable' });
    const strict = connect({ beforeFirstAnswer: 'closed', apiUrl: 'http://127.0.0.1:9' });
    await expect(strict.run(CALL, () => ANSWER)).rejects.toMatchObject({ why: 'unavailable' });
    expect(counters.get('spend_unavailable_refused')).toBe(2);
  });

  test('the last word on a reached cap holds until its period ends', async () => {
    cap({ amountMicro: 100 });
    const client = connect();
    await expect(client.run(CALL, () => ANSWER)).rejects.toMatchObject({ why: 'cap' });
    api.ports.caps.books.failure = new Error('down');
    clock.now += 60_000;
    await expect(client.run(CALL, () => ANSWER)).rejects.toMatchObject({ why: 'cap' });
    // 12:00 to midnight.
    clock.now += 12 * 3_600_000;
    expect(await client.run(CALL, () => ANSWER)).toBe(ANSWER);
  });

  test('what is leased is spent first, and nothing that was spent is forgotten', async () => {
    cap();
    const client = connect();
    const reservation = await client.reserve(CALL);
    api.ports.caps.books.failure = new Error('down');
    reservation.settle(ANSWER.usage === undefined ? undefined : { inputTokens: 100, outputTokens: 10 });
    await client.flush();
    expect(account()).toMatchObject({ spentMicro: 0 });
    api.ports.caps.books.failure = undefined;
    clock.now += 20_000;
    await client.flush();
    expect(account()).toMatchObject({ spentMicro: 140, reservedMicro: 0, calls: 1 });
  });

  test('a server that answers garbage is no server', async () => {
    const client = connect({ apiUrl: `${apiUrl}/v1/whoami/` });
    expect(await client.run(CALL, () => ANSWER)).toBe(ANSWER);
    expect(counters.get('spend_rejected')).toBe(1);
  });
});

test('a tenant without caps is asked about once, and then not waited for', async () => {
  const client = connect();
  for (let call = 0; call < 20; call += 1) expect((await client.reserve(CALL)).micro).toBe(0);
  expect(requests).toBe(1);
  cap({ amountMicro: 0 });
  clock.now += 21_000;
  expect((await client.reserve(CALL)).micro).toBe(0);
  await expect
    .poll(() =>
      client.reserve(CALL).then(
        () => 'free',
        (error: Error) => error.name,
      ),
    )
    .toBe('SpendBlockedError');
});

test('a slice is renewed while it is used and given back in time, so that none is charged for nothing', async () => {
  cap();
  const client = connect();
  const slow = await client.reserve(CALL);
  for (let second = 0; second < 120; second += 1) {
    clock.now += 1_000;
    api.clock.now += 1_000;
    await client.flush();
    await api.ports.caps.desk.expireDue();
  }
  expect(account()).toMatchObject({ presumedMicro: 0, reservedMicro: 300 });
  slow.settle({ inputTokens: 100, outputTokens: 10 });
  await client.flush();
  expect(account()).toMatchObject({ presumedMicro: 0, reservedMicro: 0, spentMicro: 140 });
});
