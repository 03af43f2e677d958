// What staff and the detector write for each other must not reach a tenant: it names others, rules and limits.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../src/domain/actor.ts';
import type { BreakerOrder } from '../../src/domain/breaker.ts';
import { type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';

const INTERNAL = `rule owner/7: ${OTHER} was hurt, score 0.93, ask Bob`;
const DETECTOR: Extract<Actor, { kind: 'system' }> = { kind: 'system', subject: 'detector' };

let api: ApiUnderTest;
let answers: Record<string, { status: number; body: string }>;

beforeAll(async () => {
  api = await startApi();
  const throttle = {
    tenantId: OWN,
    scope: {},
    limit: { requestsPerSecond: 5, burst: 10 },
    mode: 'enforce' as const,
    expiresInSeconds: 300,
    reason: INTERNAL,
  };
  await api.ports.throttles.create(DETECTOR, { ...throttle, anomalyId: 'anomaly-acme' });
  await api.ports.throttles.create(DETECTOR, throttle);
  const [anomaly] = api.ports.anomalies.items.filter(({ tenantId }) => tenantId === OWN);
  if (anomaly === undefined) throw new Error('the harness seeds an anomaly');
  api.ports.anomalies.items.push({ ...anomaly, id: 'a-2', rule: 'owner/7', reason: INTERNAL });
  const order = { tenantId: OWN, integration: 'stripe', state: 'open' as BreakerOrder['state'], expiresInSeconds: 60 };
  await api.ports.breakers.order(DETECTOR, { ...order, reason: INTERNAL });
  answers = {};
  for (const role of ['tenant_admin', 'member', 'viewer'] as const) {
    const headers = bearer(await api.issuer.issueToken(role, OWN));
    for (const url of ['/v1/throttles', '/v1/anomalies', '/v1/breakers']) {
      const { statusCode: status, body } = await api.app.inject({ url, headers });
      answers[`${role} ${url}`] = { status, body };
    }
  }
});
afterAll(() => api.close());

test('no tenant role reads a word of it', () => {
  expect(Object.keys(answers)).toHaveLength(9);
  for (const [who, { status, body }] of Object.entries(answers)) {
    expect([who, status]).toEqual([who, 200]);
    for (const word of [INTERNAL, OTHER, 'owner/7', 'Bob', 'score']) expect([who, body]).not.toContain(word);
    expect(body).not.toMatch(/owner\/7|Bob|0\.93/);
  }
});

test('it says in plain words what is so', () => {
  const reasons = (url: string) =>
    JSON.parse(answers[`viewer ${url}`]?.body ?? '').items.map((item: { reason: string }) => item.reason);
  expect(reasons('/v1/throttles')).toEqual([
    'The operator has limited your requests for a while, so that the service stays fast for everybody.',
    'You sent far more requests than usual, and they are limited for a while, so that the service stays fast for everybody.',
    'The operator has limited your requests for a while, so that the service stays fast for everybody.',
  ]);
  expect(reasons('/v1/anomalies')).toContain('Your requests were at 4.1 times their usual level.');
});

test('staff read it as it was written', async () => {
  const headers = bearer(await api.issuer.issueToken('sre'));
  for (const url of ['/v1/throttles', '/v1/anomalies', '/v1/breakers']) {
    expect([url, (await api.app.inject({ url, headers })).body]).toEqual([url, expect.stringContaining(INTERNAL)]);
  }
});
