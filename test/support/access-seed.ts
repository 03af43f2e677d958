/** Two tenants with something in every store that people can read, each known by a word that occurs nowhere else. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from '../../src/app/server.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { AccessClient } from './access-client.ts';
import { bearer, OTHER, OWN } from './api-harness.ts';
import { TRACE_ID } from './api-memory-traces.ts';
import { otlpRequest, otlpSpan, segmentOf } from './spans.ts';

/** A running server with a way to it. */
export interface SeededServer extends AccessClient {
  readonly server: Server;
  readonly dataDir: string;
  /** A request as admin that has to succeed; its answer as JSON. */
  must<Body = unknown>(method: string, url: string, payload?: unknown): Promise<Body>;
}

const SERVER = 2;
const CLIENT = 3;
/** Part of the name of whoever of the operator's does something: no tenant may read it. */
export const STAFF_WORD = 'zqstaffzq';
/** In a trace with spans of both tenants each sees its own. */
const SHARED_TRACE = Buffer.from(TRACE_ID, 'hex');
const REQUESTS = 6;

/** In everything of a tenant that has a text. Letters alone, so that no encoding hides it. */
export function wordOf(tenant: string): string {
  return `zq${tenant}zq`;
}

/** Requests of the last minutes: route, statement, model, feature and error all carry the tenant's word. */
function spansOf(tenant: TenantId, now: number) {
  const word = wordOf(tenant);
  return Array.from({ length: REQUESTS }, (_, index) => {
    const start = now - 60_000 * (index + 2);
    const trace = index === 0 ? { trace_id: SHARED_TRACE } : {};
    const failed = index === 1 ? { status: { code: 2, message: `boom ${word}` } } : {};
    return [
      otlpSpan({
        ...{ name: `GET /${word}`, kind: SERVER, start, durationMs: 1_200 },
        attributes: {
          ...{ tenant_id: tenant, 'http.request.method': 'GET', 'http.route': `/${word}` },
          ...{ 'http.response.status_code': index === 1 ? 500 : 200, 'tenantry.feature': word },
        },
        more: { ...trace, ...failed },
      }),
      otlpSpan({
        ...{ name: `SELECT ${word}`, kind: CLIENT, start: start + 1, durationMs: 400 },
        attributes: {
          ...{ tenant_id: tenant, 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
          ...{ 'db.query.summary': `SELECT ${word}`, 'db.query.text': `SELECT * FROM ${word} WHERE id = $1` },
        },
        more: trace,
      }),
      otlpSpan({
        ...{ name: `chat ${word}`, kind: CLIENT, start: start + 500, durationMs: 300 },
        attributes: {
          ...{ tenant_id: tenant, 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai' },
          ...{ 'gen_ai.request.model': word, 'gen_ai.response.model': word },
          ...{ 'gen_ai.usage.input_tokens': 900, 'gen_ai.usage.output_tokens': 120, 'tenantry.feature': word },
        },
        more: trace,
      }),
    ];
  }).flat();
}

async function insertSpans({ server, dataDir }: SeededServer, now: number): Promise<void> {
  const path = join(dataDir, 'seed.otlp');
  const requests = [OWN, OTHER].map((tenant) => otlpRequest(spansOf(tenant, now), { 'service.name': wordOf(tenant) }));
  writeFileSync(path, segmentOf(requests, { receivedAt: now }));
  await server.stores.clickhouse.insertSegment({ signal: 'traces', path, token: 'access-seed' });
}

/** What the operator's people write about a tenant. */
async function writeAbout({ must }: SeededServer, tenant: TenantId): Promise<void> {
  const word = wordOf(tenant);
  const flag = { tenant_id: tenant, expires_in_seconds: 3_600, reason: `${word} by hand` };
  await must('PUT', `/v1/tenants/${tenant}/plan`, { plan: 'growth' });
  await must('PUT', `/v1/tenants/${tenant}/profile`, { segment: 'smb', display_name: word, owner: STAFF_WORD });
  await must('PUT', `/v1/tenants/${tenant}/seats`, { seats: 12 });
  await must('PUT', `/v1/caps/${tenant}`, { period: 'day', amount_micro: 1_000_000, currency: 'USD', key: word });
  await must('POST', '/v1/throttles', {
    ...{ ...flag, scope: { service: word, route: `/${word}` } },
    ...{ limit: { requests_per_second: 500, burst: 500 }, mode: 'shadow' },
  });
  await must('POST', '/v1/breakers/orders', { ...flag, integration: word, state: 'open' });
  await must('POST', '/v1/degradations', { ...flag, feature: `ai.key.${word}`, step: 'warn' });
  await must('POST', '/v1/mutes', flag);
  await must('POST', '/v1/keys', { name: word, scopes: ['ingest'], tenant_id: tenant });
  await must('POST', '/v1/members', { email: `${word}@example.com`, role: 'viewer', tenant_id: tenant });
  await must('POST', '/v1/embed-tokens', { tenant_id: tenant, user: word });
  await must('POST', '/v1/storage', { gauges: [{ tenant_id: tenant, store: word, bytes: 1_000 }] });
  // Taken back: a tenant whose deletion is asked for is closed.
  const asked = { tenant_id: tenant, reason: `said ${word}` };
  const { id } = await must<{ id: string }>('POST', '/v1/deletion-requests', asked);
  await must('DELETE', `/v1/deletion-requests/${id}?tenant_id=${tenant}`);
  await must('PUT', `/v1/revenue/customers/cus_${word}`, { tenant_id: tenant });
  await must('POST', '/v1/price-overrides', {
    ...{ tenant_id: tenant, reason: `promised to ${word}` },
    prices: [{ provider: 'openai', model: word, kind: 'input', price_usd: '2.50' }],
  });
  await must('PUT', `/v1/control/allow-list/${tenant}`, {
    ...{ owner: STAFF_WORD, reason: `moves ${word}`, expires_in_seconds: 86_400 },
  });
}

/** What the apps of a tenant tell. */
async function tellFor(world: SeededServer, tenant: TenantId): Promise<void> {
  const word = wordOf(tenant);
  const { key } = await world.must<{ key: string }>('POST', '/v1/keys', {
    ...{ name: `flags ${word}`, scopes: ['flags', 'ingest'], tenant_id: tenant },
  });
  const tell = async (url: string, payload: unknown) => {
    const answer = await world.send({ method: 'POST', url, payload, headers: bearer(key) });
    if (answer.status >= 300) throw new Error(`${url}: ${answer.status} ${answer.body}`);
  };
  await tell('/v1/breakers/reports', {
    ...{ instance_id: word, service: word, lost: 0 },
    breakers: [
      {
        ...{ tenant_id: tenant, integration: word, state: 'open', since_ms: 5_000 },
        ...{ calls: 9, failures: 9, openings: [{ number: 1, ms_ago: 5_000 }] },
      },
    ],
  });
  await tell('/v1/events', {
    ...{ specversion: '1.0', id: `e-${tenant}`, source: 'app', type: 'prompt', subject: tenant },
    data: { tokens: 5, model: word },
  });
}

export async function seedAccessWorld(world: SeededServer): Promise<void> {
  await insertSpans(world, Date.now());
  await world.must('PUT', '/v1/plans/growth', {
    quotas: [{ key: 'requests', period: 'month', limit: 1_000_000 }],
    ...{ features: ['search'], price: { amount_micro: 99_000_000, currency: 'USD' } },
  });
  await world.must('POST', '/v1/meters', {
    ...{ slug: 'tokens', event_type: 'prompt', aggregation: 'sum', value_property: '$.tokens' },
    group_by: { model: '$.model' },
  });
  for (const tenant of [OWN, OTHER]) {
    await writeAbout(world, tenant);
    await tellFor(world, tenant);
  }
}
