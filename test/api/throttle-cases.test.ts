// The same table as the middleware's: whom the server says is held back, by what, is who is.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ThrottleFlag } from '../../src/domain/flags.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { type ApiUnderTest, bearer, START, startApi } from '../support/api-harness.ts';
import { type CaseRequest, type ThrottleCase, throttleCases } from '../support/flow-throttle-cases.ts';

let api: ApiUnderTest;
let token: string;
beforeAll(async () => {
  api = await startApi();
  token = api.ports.keys.issue(['flags']);
});
afterAll(() => api.close());

function putInForce({ flags }: ThrottleCase): void {
  api.clock.now = START;
  for (const id of [...api.ports.flags.flags.keys()]) api.ports.flags.remove(id);
  for (const { id, tenant_id, mode = 'enforce', scope = {}, limit, reason, ttl_ms } of flags) {
    const { service, route, cost_class: costClass } = scope;
    api.ports.flags.put<ThrottleFlag>({
      kind: 'throttle',
      id,
      tenantId: tenant_id as TenantId,
      scope: {
        ...(service === undefined ? {} : { service }),
        ...(route === undefined ? {} : { route }),
        ...(costClass === undefined ? {} : { costClass }),
      },
      limit: {
        requestsPerSecond: limit?.requests_per_second ?? 0,
        burst: limit?.burst ?? 1,
        ...(limit?.max_concurrent === undefined ? {} : { maxConcurrent: limit.max_concurrent }),
      },
      mode,
      reason,
      expiresAt: START + ttl_ms,
    });
  }
}

async function evaluate({ tenant_id: targetingKey, service, method, route, cost_class, at_ms }: CaseRequest) {
  api.clock.now = START + at_ms;
  const answer = await api.app.inject({
    method: 'POST',
    url: '/ofrep/v1/evaluate/flags/throttle',
    headers: bearer(token),
    // A request of no cost class falls under no throttle of one.
    payload: { context: { targetingKey, service, method, route, cost_class: cost_class ?? '' } },
  });
  return answer.json() as {
    value: { active: boolean; throttles: { id: string; mode: string; limit: unknown }[] };
    variant: string;
  };
}

describe('the server, asked about each request of the throttle cases', () => {
  it.each(throttleCases())('$name', async (one) => {
    putInForce(one);
    for (const request of one.requests) {
      const { value, variant } = await evaluate(request);
      const inForce = one.flags.filter(({ id }) => request.in_force.includes(id));
      const enforced = inForce.some(({ mode }) => mode === 'enforce');
      const at = `at ${request.at_ms} ms`;
      expect(value.throttles.map(({ id }) => id).sort(), at).toEqual([...request.in_force].sort());
      expect(value.active, at).toBe(enforced);
      expect(variant, at).toBe(enforced ? 'enforce' : inForce.length === 0 ? 'none' : 'shadow');
      for (const { id, mode, limit } of value.throttles) {
        expect([mode, limit], at).toEqual(inForce.flatMap((flag) => (flag.id === id ? [flag.mode, flag.limit] : [])));
      }
      // Nobody is refused whom the server does not say is held back.
      if (request.refused_by === 'enforce') expect(value.active, at).toBe(true);
    }
  });
});
