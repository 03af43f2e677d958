import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TenantryError } from '../../src/domain/errors.ts';
import type { BreakerFlag, DegradeFlag, ThrottleFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ABSENT, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
let token: string;
beforeEach(async () => {
  api = await startApi();
  token = api.ports.keys.issue(['flags']);
});
afterEach(() => api.close());

function evaluate(
  key: string | undefined,
  context: unknown = { targetingKey: OWN },
  headers: Record<string, string> = {},
) {
  return api.app.inject({
    method: 'POST',
    url: `/ofrep/v1/evaluate/flags${key === undefined ? '' : `/${key}`}`,
    headers: { ...bearer(token), ...headers },
    payload: { context } as object,
  });
}

async function evaluated(key: string, context?: unknown) {
  const answer = await evaluate(key, context);
  expect(answer.statusCode).toBe(200);
  const { value, reason, variant } = answer.json();
  return { value, reason, variant };
}

const soon = () => ({ tenantId: OWN, reason: 'why', expiresAt: api.clock.now + 60_000 });

describe('throttle', () => {
  test('is the list of throttles in force, and whether one of them refuses requests', async () => {
    const { value, reason, variant } = await evaluated('throttle');
    expect([reason, variant]).toEqual(['TARGETING_MATCH', 'enforce']);
    expect(value).toEqual({
      active: true,
      throttles: [
        {
          id: expect.any(String),
          mode: 'enforce',
          scope: { service: 'checkout' },
          limit: { requests_per_second: 5, burst: 10 },
          expires_at: '2026-06-15T12:05:00.000Z',
          reason: 'acme sends 4.1 times its own baseline',
        },
      ],
    });
  });

  test('is off for a tenant without one, and again after its end', async () => {
    const off = { value: { active: false, throttles: [] }, reason: 'STATIC', variant: 'none' };
    expect(await evaluated('throttle', { targetingKey: ABSENT })).toEqual(off);
    api.clock.now += 300_000;
    expect(await evaluated('throttle')).toEqual(off);
  });

  test('in shadow mode is listed but refuses nothing', async () => {
    const limit = { requestsPerSecond: 1, burst: 1 };
    const tenantId = ABSENT as TenantId;
    api.ports.flags.put<ThrottleFlag>({
      kind: 'throttle',
      id: 's',
      scope: {},
      limit,
      mode: 'shadow',
      ...soon(),
      tenantId,
    });
    expect(await evaluated('throttle', { targetingKey: ABSENT })).toMatchObject({
      value: { active: false, throttles: [{ id: 's', mode: 'shadow' }] },
      variant: 'shadow',
    });
  });

  test('can be asked about one service or route', async () => {
    expect((await evaluated('throttle', { targetingKey: OWN, service: 'search' })).value.active).toBe(false);
    expect(
      (await evaluated('throttle', { targetingKey: OWN, service: 'checkout', route: '/orders' })).value.active,
    ).toBe(true);
  });
});

test('degrade.ai is the strictest step in force', async () => {
  expect(await evaluated('degrade.ai')).toEqual({ value: 'ok', reason: 'STATIC', variant: 'ok' });
  for (const [id, step] of [
    ['a', 'warn'],
    ['b', 'blocked'],
    ['c', 'cached_only'],
  ] as const) {
    api.ports.flags.put<DegradeFlag>({ kind: 'degrade', id, feature: 'ai', step, ...soon() });
  }
  api.ports.flags.put<DegradeFlag>({ kind: 'degrade', id: 'd', feature: 'search', step: 'blocked', ...soon() });
  const answer = (await evaluate('degrade.ai')).json();
  expect(answer).toMatchObject({ value: 'blocked', reason: 'TARGETING_MATCH', metadata: { id: 'b', reason: 'why' } });
});

test('breaker.<integration> is the newest word on that integration', async () => {
  expect(await evaluated('breaker.stripe')).toEqual({ value: 'auto', reason: 'STATIC', variant: 'auto' });
  for (const [id, state] of [
    ['a', 'open'],
    ['b', 'closed'],
  ] as const) {
    api.ports.flags.put<BreakerFlag>({ kind: 'breaker', id, integration: 'stripe', state, ...soon() });
  }
  expect(await evaluated('breaker.stripe')).toEqual({ value: 'closed', reason: 'TARGETING_MATCH', variant: 'closed' });
  expect((await evaluated('breaker.twilio')).value).toBe('auto');
});

test('plan has a value where there is a plan, else the code default holds', async () => {
  expect(await evaluated('plan')).toEqual({ value: 'growth', reason: 'TARGETING_MATCH', variant: 'growth' });
  expect((await evaluate('plan', { targetingKey: ABSENT })).json()).toEqual({
    key: 'plan',
    reason: 'STATIC',
    metadata: {},
  });
});

test('while the database is away flags are answered and the plan is an error, not "none"', async () => {
  api.ports.plans.failure = new TenantryError('STORE_UNAVAILABLE', 'Postgres does not answer.');
  expect((await evaluated('throttle')).value.active).toBe(true);
  expect((await evaluate('plan')).statusCode).toBe(503);
  const { flags } = (await evaluate(undefined)).json();
  expect(flags[2]).toEqual({ key: 'plan', errorCode: 'GENERAL', errorDetails: 'The plan cannot be read right now.' });
  expect(flags[0]).toMatchObject({ key: 'throttle', value: { active: true } });
});

test('what the plan includes is listed where somebody has said so', async () => {
  expect(await evaluated('plan.features')).toEqual({ reason: 'STATIC' });
  api.ports.planFeatures.included.set(OWN, { plan: 'growth', features: ['search', 'export'], tenantryFeatures: null });
  expect(await evaluated('plan.features')).toEqual({
    value: { included: ['search', 'export'] },
    reason: 'TARGETING_MATCH',
    variant: 'listed',
  });
});

test('placement is pooled', async () => {
  expect(await evaluated('placement')).toEqual({ value: 'pooled', reason: 'STATIC', variant: 'pooled' });
});

describe('bulk', () => {
  test('has every flag, breakers for the integrations that a flag is about', async () => {
    api.ports.flags.put<BreakerFlag>({ kind: 'breaker', id: 'a', integration: 'stripe', state: 'open', ...soon() });
    const { flags } = (await evaluate(undefined)).json();
    expect(flags.map(({ key }: { key: string }) => key)).toEqual([
      'throttle',
      'degrade.ai',
      'plan',
      'plan.features',
      'placement',
      'suspended',
      'breaker.stripe',
    ]);
  });

  test('answers 304 until some flag changes, and takes what clients send after an event', async () => {
    const first = await evaluate(undefined);
    const etag = String(first.headers['etag']);
    api.clock.now += 299_999;
    const again = await evaluate(undefined, { targetingKey: OWN }, { 'if-none-match': etag });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    api.clock.now += 1;
    expect((await evaluate(undefined, { targetingKey: OWN }, { 'if-none-match': etag })).statusCode).toBe(200);
    const answer = await api.app.inject({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags?flagConfigEtag=x&flagConfigLastModified=1',
      headers: bearer(token),
      payload: { context: { targetingKey: OWN } },
    });
    expect(answer.statusCode).toBe(200);
  });
});

describe('errors have the members that OFREP clients read', () => {
  test.each<[string, string | undefined, unknown, number, string]>([
    ['an unknown flag', 'nonsense', { targetingKey: OWN }, 404, 'FLAG_NOT_FOUND'],
    ['a breaker without an integration', 'breaker.', { targetingKey: OWN }, 404, 'FLAG_NOT_FOUND'],
    ['another degraded feature', 'degrade.search', { targetingKey: OWN }, 404, 'FLAG_NOT_FOUND'],
    ['no targetingKey', 'throttle', {}, 400, 'TARGETING_KEY_MISSING'],
    ['an empty targetingKey', 'throttle', { targetingKey: '' }, 400, 'TARGETING_KEY_MISSING'],
    ['a targetingKey that is no text', 'throttle', { targetingKey: 7 }, 400, 'INVALID_CONTEXT'],
    ['a targetingKey that is no tenant id', undefined, { targetingKey: '../x' }, 400, 'INVALID_CONTEXT'],
    ['a context that is no object', 'throttle', 'acme', 400, 'PARSE_ERROR'],
  ])('%s', async (_name, key, context, status, errorCode) => {
    const answer = await evaluate(key, context);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({
      errorCode,
      errorDetails: expect.any(String),
      status,
      request_id: expect.any(String),
    });
    expect(answer.json().key).toBe(key);
  });

  test('no context at all is a missing targetingKey', async () => {
    const url = '/ofrep/v1/evaluate/flags';
    const answer = await api.app.inject({ method: 'POST', url, headers: bearer(token), payload: {} });
    expect([answer.statusCode, answer.json().errorCode]).toEqual([400, 'TARGETING_KEY_MISSING']);
  });

  test('broken JSON is a PARSE_ERROR', async () => {
    const headers = { ...bearer(token), 'content-type': 'application/json' };
    const answer = await api.app.inject({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags/plan',
      headers,
      payload: '{',
    });
    expect(answer.json()).toMatchObject({ key: 'plan', errorCode: 'PARSE_ERROR', code: 'BAD_REQUEST' });
  });

  test('our own faults say nothing of their cause', async () => {
    api.ports.flags.afterRead = async () => {
      throw new Error('SELECT secret');
    };
    const answer = await evaluate('throttle');
    expect([answer.statusCode, answer.json().errorCode]).toEqual([500, 'GENERAL']);
    expect(answer.body).not.toContain('SELECT');
  });
});

test('a key that is bound to a tenant gets one and the same answer for every other, there or not', async () => {
  token = api.ports.keys.issue(['flags'], OWN);
  expect((await evaluated('plan')).value).toBe('growth');
  const answers = [];
  for (const tenant of [OTHER, ABSENT]) {
    const { statusCode, body } = await evaluate('plan', { targetingKey: tenant }, { 'x-request-id': 'fixed' });
    answers.push(`${statusCode} ${body}`);
  }
  expect(answers[0]).toBe(answers[1]);
  expect(answers[0]).toMatch(/^400 .*INVALID_CONTEXT/);
});
