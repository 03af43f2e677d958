/** The demo as a process: real HTTP, real Postgres, the packed library, real OTLP; nothing of it is imported here. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlannedRequest } from '../../src/demo/requests.ts';
import { type DemoProcess, startDemoProcess } from '../support/demo-process.ts';
import { type FlagServer, startFlagServer, wireThrottle } from '../support/middleware-flag-server.ts';
import { type OtlpSink, type SinkSpan, startOtlpSink } from '../support/middleware-otlp-sink.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

let database: TestPostgres;
let sink: OtlpSink;
let flagServer: FlagServer;
let demo: DemoProcess;

const isServer = (span: SinkSpan) => span.kind === 2;
const tenantIds = () => demo.ready.tenants.map((tenant) => tenant.id);

function script(): PlannedRequest[] {
  const [a = '', b = '', agent = '', d = '', e = ''] = tenantIds();
  const assist = (topic: string, promptTokens: number, answerTokens: number, fail = false) => ({
    route: 'POST /api/assist' as const,
    assist: { topic, promptTokens, answerTokens, fail },
  });
  return [
    ...Array.from({ length: 12 }, () => ({ tenant: a, route: 'GET /api/projects' as const })),
    ...Array.from({ length: 7 }, (_, i) => ({ tenant: b, route: 'GET /api/projects/:id' as const, projectId: i + 1 })),
    ...Array.from({ length: 5 }, () => ({
      tenant: d,
      route: 'POST /api/projects/:id/comments' as const,
      projectId: 2,
    })),
    ...Array.from({ length: 4 }, () => ({ tenant: e, route: 'GET /api/search' as const, words: 'ipsum' })),
    ...Array.from({ length: 6 }, (_, i) => ({ tenant: a, ...assist(`a${i}`, 1_000 + i, 100 + i) })),
    ...Array.from({ length: 6 }, (_, i) => ({ tenant: agent, ...assist(`b${i}`, 2_001 + i, 51 + i) })),
    { tenant: b, ...assist('fails', 900, 90, true) },
    { tenant: b, route: 'GET /api/projects/:id', projectId: 9_999 },
  ];
}

const tokens = (span: SinkSpan, name: string) => Number(span.attributes[`gen_ai.usage.${name}`] ?? 0);
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

beforeAll(async () => {
  database = await startTestPostgres();
  sink = await startOtlpSink();
  flagServer = await startFlagServer();
  demo = await startDemoProcess({
    otlp: sink.url,
    api: flagServer.url,
    key: 'key-of-the-demo-app',
    databaseUrl: database.ownerUrl,
  });
}, 60_000);
afterAll(async () => {
  expect(await demo.stop()).toBe(0);
  await sink.close();
  await flagServer.close();
  await database.stop();
});

describe('a scripted run', () => {
  it('is told the same by clients, by the app’s own spans, and by what was exported', async () => {
    const requests = script();
    const { counts, durations } = await demo.run(requests);
    expect(counts.total).toBe(requests.length);
    expect(durations).toHaveLength(requests.length);
    const spans = await sink.waitFor((all) => all.filter(isServer).length >= requests.length);
    const servers = spans.filter(isServer);
    for (const tenant of new Set(requests.map((request) => request.tenant))) {
      const mine = requests.filter((request) => request.tenant === tenant);
      for (const route of new Set(mine.map((request) => request.route))) {
        const planned = mine.filter((request) => request.route === route).length;
        expect(counts.tenants[tenant]?.requests[route], `${tenant} ${route}`).toBe(planned);
        const traced = servers.filter((span) => span.attributes['tenant_id'] === tenant && span.name === route);
        expect(traced, `${tenant} ${route}`).toHaveLength(planned);
      }
    }
    expect(counts.tenants[requests[requests.length - 1]?.tenant ?? '']?.statuses).toEqual({ 200: 7, 404: 1, 502: 1 });
    const exported = servers.map((span) => Math.round(span.durationMs * 1e6)).sort((x, y) => x - y);
    expect(exported).toEqual(durations.map((one) => one.durationNs).sort((x, y) => x - y));
  });

  it('marks every span of every request with its tenant, database and model calls included', () => {
    const tenantOfTrace = new Map(sink.spans.filter(isServer).map((s) => [s.traceId, s.attributes['tenant_id']]));
    const scopes = new Set(sink.spans.map((span) => span.scope));
    expect(scopes).toContain('@opentelemetry/instrumentation-pg');
    expect(scopes).toContain('@opentelemetry/instrumentation-http');
    expect(scopes).toContain('demo-assistant');
    for (const span of sink.spans) {
      expect(span.attributes['tenant_id'], span.name).toBeDefined();
      expect(span.attributes['tenant_id'], span.name).toBe(tenantOfTrace.get(span.traceId));
      expect(span.resource['service.name']).toBe('demo-saas');
    }
  });

  it('uses exactly the tokens that the clients were told; agents repeat their sum on a span of their own', async () => {
    const { load: _load, ...rest } = await demo.stats();
    expect(rest.middleware.spans_export_failed).toBe(0);
    const [a = '', , agent = ''] = tenantIds();
    const chatsOf = (tenant: string) =>
      sink.spans.filter(
        (span) => span.attributes['gen_ai.operation.name'] === 'chat' && span.attributes['tenant_id'] === tenant,
      );
    expect(sum(chatsOf(a).map((span) => tokens(span, 'input_tokens')))).toBe(6 * 1_000 + 15);
    expect(sum(chatsOf(a).map((span) => tokens(span, 'output_tokens')))).toBe(6 * 100 + 15);
    expect(chatsOf(agent)).toHaveLength(12);
    const agentInput = sum(chatsOf(agent).map((span) => tokens(span, 'input_tokens')));
    expect(agentInput).toBe(6 * 2_001 + 15);
    const wrappers = sink.spans.filter((span) => span.attributes['gen_ai.operation.name'] === 'invoke_agent');
    expect(sum(wrappers.map((span) => tokens(span, 'input_tokens')))).toBe(agentInput);
  });

  it('exports no key, token or command line', () => {
    const text = JSON.stringify(sink.spans);
    expect(text).not.toContain('key-of-the-demo-app');
    expect(text).not.toContain('Bearer');
    expect([...sink.keys]).toEqual(['Bearer key-of-the-demo-app']);
  });

  it('refuses whoever is no tenant of its own', async () => {
    const claim = (headers: Record<string, string>) => fetch(`${demo.url}/api/projects`, { headers });
    expect((await claim({})).status).toBe(401);
    expect((await claim({ 'x-demo-tenant': 'somebody-else' })).status).toBe(403);
    expect((await claim({ authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJvcmciOiJhY21lIn0.' })).status).toBe(401);
    expect((await fetch(`${demo.url}/healthz`)).status).toBe(200);
  });

  it('obeys a throttle from the flag stream while the other tenants are served', async () => {
    const [a = '', b = ''] = tenantIds();
    flagServer.snapshot({
      revision: 1,
      flags: [wireThrottle({ tenant_id: a, limit: { requests_per_second: 0.01, burst: 2 } })],
    });
    while (flagServer.acks.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(flagServer.acks[0]).toMatchObject({ service: 'demo-saas', revision: 1 });
    const { counts } = await demo.run([
      ...Array.from({ length: 6 }, () => ({ tenant: a, route: 'GET /api/projects' as const })),
      ...Array.from({ length: 6 }, () => ({ tenant: b, route: 'GET /api/projects' as const })),
    ]);
    expect(counts.tenants[a]?.statuses).toEqual({ 200: 2, 429: 4 });
    expect(counts.tenants[b]?.statuses).toEqual({ 200: 6 });
  });

  it('generates load of its own when asked to, and stops', async () => {
    const busy = await startDemoProcess({
      otlp: sink.url,
      api: flagServer.url,
      key: 'key-of-the-demo-app',
      databaseUrl: database.ownerUrl,
      options: { rate: 80, tenants: 12 },
    });
    let total = 0;
    while (total < 100) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      total = (await busy.stats()).load.total;
    }
    const { load } = await busy.stats();
    expect(Object.keys(load.tenants).length).toBeGreaterThan(4);
    const unanswered = Object.values(load.tenants).map((tenant) => tenant.statuses['0'] ?? 0);
    expect(sum(unanswered)).toBe(0);
    expect(await busy.stop()).toBe(0);
  });
});
