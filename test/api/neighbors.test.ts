import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NeighborVerdict } from '../../src/api/ports.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from '../support/api-harness.ts';

const AT = Date.parse('2026-03-02T10:14:00Z');
const VERDICT: NeighborVerdict = {
  at: AT,
  kind: 'culprit',
  reason: 'acme did it.',
  victims: [{ tenantId: 'birch', p95Ms: 240, usualP95Ms: 80, requests: 100 }],
  suspects: [
    {
      tenantId: 'acme',
      score: 0.8,
      meter: 'cpu',
      now: 6_000,
      usual: 1_000,
      excessShare: 0.96,
      requestsPerMinute: 600,
      usualRequestsPerMinute: 100,
    },
  ],
};

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const look = (query = '') => api.app.inject({ url: `/v1/neighbors${query}`, headers: bearer(ADMIN_TOKEN) });

describe('GET /v1/neighbors', () => {
  test('says plainly when nobody was hurt', async () => {
    api.ports.neighbors.verdicts = [];
    expect((await look()).json()).toMatchObject({
      verdict: 'quiet',
      at: null,
      victims: [],
      suspects: [],
      timeline: [],
    });
  });

  test('shows the last verdict with its evidence and every minute before it', async () => {
    const before: NeighborVerdict = { ...VERDICT, at: AT - 60_000, kind: 'unclear' };
    api.ports.neighbors.verdicts = [before, VERDICT];
    expect((await look('?service=shop-api')).json()).toMatchObject({
      service: 'shop-api',
      verdict: 'culprit',
      at: '2026-03-02T10:14:00.000Z',
      reason: 'acme did it.',
      victims: [{ tenant_id: 'birch', p95_ms: 240, usual_p95_ms: 80, requests: 100 }],
      suspects: [
        {
          tenant_id: 'acme',
          score: 0.8,
          evidence: {
            meter: 'cpu',
            now: 6_000,
            usual: 1_000,
            excess_share: 0.96,
            requests_per_minute: 600,
            usual_requests_per_minute: 100,
          },
        },
      ],
      timeline: [
        { at: '2026-03-02T10:13:00.000Z', verdict: 'unclear', suspect: null, victims: 1 },
        { at: '2026-03-02T10:14:00.000Z', verdict: 'culprit', suspect: 'acme', victims: 1 },
      ],
    });
  });

  test('asks for the window that was asked for, an hour by default, a day at most', async () => {
    await look('?from=2026-03-02T10:00:00Z&to=2026-03-02T11:00:00Z');
    expect(api.ports.neighbors.questions.at(-1)).toEqual({
      service: undefined,
      window: { from: Date.parse('2026-03-02T10:00:00Z'), to: Date.parse('2026-03-02T11:00:00Z') },
    });
    const asked = api.ports.neighbors.questions.length;
    const tooLong = await look('?from=2026-03-01T10:00:00Z&to=2026-03-02T11:00:00Z');
    expect(tooLong.json()).toMatchObject({ status: 400, code: 'BAD_REQUEST', hint: expect.stringContaining('a day') });
    expect(api.ports.neighbors.questions.length).toBe(asked);
  });
});
