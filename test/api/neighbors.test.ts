import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NeighborsAnswer } from '../../src/api/neighbors-contract.ts';
import type { NeighborLoad, NeighborVerdict } from '../../src/api/neighbors-ports.ts';
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

  test('lists who used how much, and everybody who is named however small', async () => {
    const tenant = (tenantId: string, share: number): NeighborLoad['tenants'][number] => ({
      ...{ tenantId, share, now: share * 1_000, usual: null, usualShare: null, requestsPerMinute: 1 },
      ...{ usualRequestsPerMinute: null, p95Ms: null, usualP95Ms: 80 },
    });
    const crowd = Array.from({ length: 30 }, (_, index) => tenant(`t-${index}`, 0.03));
    api.ports.neighbors.verdicts = [VERDICT];
    api.ports.neighbors.load = {
      at: AT,
      meter: 'cpu',
      tenants: [tenant('acme', 0.09), ...crowd, tenant('birch', 0.01)],
    };
    const { load } = (await look()).json<NeighborsAnswer>();
    expect(load?.tenants.map((one) => one.tenant_id)).toEqual([
      'acme',
      ...crowd.slice(0, 23).map((one) => one.tenantId),
      'birch',
    ]);
    expect(load?.tenants[0]).toEqual({
      ...{ tenant_id: 'acme', now: 90, usual: null, share: 0.09, usual_share: null, requests_per_minute: 1 },
      ...{ usual_requests_per_minute: null, p95_ms: null, usual_p95_ms: 80 },
    });
    expect([load?.at, load?.meter, load?.others]).toEqual(['2026-03-02T10:14:00.000Z', 'cpu', 7]);
    expect(load?.others_share).toBeCloseTo(0.21);
    api.ports.neighbors.load = undefined;
    expect((await look()).json<NeighborsAnswer>().load).toBeNull();
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
