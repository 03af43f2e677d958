import { type DashboardsWorld, requestSpans } from './dashboards-world.ts';

const HOUR_MS = 3_600_000;

/** Says something of the operator's that no customer may read. */
export const INTERNAL_REASON = 'rule owner/7: noisy-inc hurt acme, score 0.93, ask Bob';

/** A tenant of its own with traffic, a plan, quotas on either side of their marks, seats, an AI cap and a throttle. */
export async function seedUsageTenant(world: DashboardsWorld, tenantId: string): Promise<void> {
  const { tenantry, seededFrom, seededTo } = world;
  const ask = async (method: string, path: string, body: object) => {
    const { status, body: answer } = await tenantry.ask(path, { method, body });
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  };
  const plan = `plan of ${tenantId}`;
  await ask('PUT', `/v1/plans/${encodeURIComponent(plan)}`, {
    quotas: [
      { key: 'requests', period: 'month', limit: 400 },
      { key: 'ai_tokens', period: 'month', limit: 95_000, kind: 'soft' },
      { key: 'seats', period: 'month', limit: 10 },
      { key: 'response_bytes', period: 'month', limit: 5_000_000_000 },
    ],
    price: { amount_micro: 99_000_000, currency: 'USD' },
  });
  await ask('PUT', `/v1/tenants/${tenantId}/plan`, { plan });
  await ask('PUT', `/v1/tenants/${tenantId}/seats`, { seats: 10 });
  await ask('PUT', `/v1/caps/${tenantId}`, { period: 'month', amount_micro: 20_000, currency: 'USD' });
  const step = HOUR_MS / 100;
  const requests = Math.floor((seededTo - seededFrom) / step);
  await world.send(
    Array.from({ length: requests }, (_, index) => requestSpans(tenantId, index, seededFrom + index * step)).flat(),
  );
  await ask('POST', '/v1/throttles', {
    tenant_id: tenantId,
    scope: { route: '/search' },
    limit: { requests_per_second: 5, burst: 10 },
    mode: 'enforce',
    expires_in_seconds: 3_600,
    reason: INTERNAL_REASON,
  });
}
