/**
 * One real Tenantry (built command line, embedded stores) with a day of seeded telemetry, and browsers signed in with
 * any role. The pages' tests share it: test/dashboards/real-*.test.ts start one each.
 */
import { createHash } from 'node:crypto';
import type { Browser, BrowserContext } from 'playwright-core';
import type { Role } from '../../src/domain/roles.ts';
import { launchBrowser, openPage, type WatchedPage } from './dashboards-browser.ts';
import { type Host, startHost } from './dashboards-host.ts';
import { endEverything, type FlowTenantry, INGEST_KEY, startTenantry } from './flow-tenantry.ts';
import { encodeTraceRequest, type OtlpSpan } from './otlp-proto.ts';
import { otlpRequest, otlpSpan } from './spans.ts';

/** Each with its plan and its requests in an hour. `noisy-inc` sends ten times as much in the last quarter of an hour. */
export const WORLD_TENANTS = [
  { id: 'acme', plan: 'enterprise', perHour: 240 },
  { id: 'bolt', plan: 'business', perHour: 120 },
  { id: 'carol.42', plan: 'team', perHour: 60 },
  { id: 'dune', plan: 'free', perHour: 24 },
  { id: 'noisy-inc', plan: 'team', perHour: 60 },
] as const;

const ROUTES = ['GET /orders', 'POST /orders', 'GET /search', 'POST /assistant'] as const;
const HOUR_MS = 3_600_000;
const SERVER = 2;
const CLIENT = 3;

export interface DashboardsWorld {
  readonly tenantry: FlowTenantry;
  /** The one origin that may show usage in frames. */
  readonly host: Host;
  /** Unix ms: the seeded telemetry lies in [seededFrom, seededTo). */
  readonly seededFrom: number;
  readonly seededTo: number;
  /** A page of a browser of its own, signed in; tenant roles are of `tenantId`. */
  signedIn(
    role: Role,
    options?: { tenantId?: string; viewport?: { width: number; height: number } },
  ): Promise<WatchedPage>;
  /** Sends spans as an app does, and waits until they are in ClickHouse. */
  send(spans: readonly OtlpSpan[], resource?: Readonly<Record<string, string>>): Promise<void>;
  /** What `signedIn` has opened and nobody has closed. */
  contexts(): readonly BrowserContext[];
  end(): Promise<void>;
}

/** Ids that are the same on every run. */
function bytesOf(text: string, length: number): Buffer {
  return createHash('sha256').update(text).digest().subarray(0, length);
}

/** A request of `tenant`: the server's span, a database call, and for some an AI call; the slowest are the assistant's. */
export function requestSpans(tenant: string, index: number, start: number): OtlpSpan[] {
  const route = ROUTES[index % ROUTES.length] ?? ROUTES[0];
  const [method = 'GET', path = '/'] = route.split(' ');
  const failed = index % 41 === 7;
  const isAssistant = path === '/assistant';
  const durationMs = isAssistant ? 900 + (index % 17) * 40 : 20 + (index % 13) * 9;
  const key = `${tenant} ${index} ${start}`;
  const trace = bytesOf(`trace ${key}`, 16);
  const root = bytesOf(`root ${key}`, 8);
  const child = (name: string) => ({ trace_id: trace, span_id: bytesOf(`${name} ${key}`, 8), parent_span_id: root });
  const spans = [
    otlpSpan({
      name: route,
      kind: SERVER,
      start,
      durationMs,
      attributes: {
        tenant_id: tenant,
        'tenantry.plan': WORLD_TENANTS.find(({ id }) => id === tenant)?.plan ?? 'free',
        'http.request.method': method,
        'http.route': path,
        'http.response.status_code': failed ? 500 : 200,
        'tenantry.cache.hits': index % 3,
        'tenantry.cache.misses': index % 2,
      },
      more: { trace_id: trace, span_id: root, ...(failed ? { status: { code: 2, message: 'boom' } } : {}) },
    }),
    otlpSpan({
      name: 'SELECT orders',
      kind: CLIENT,
      start: start + 2,
      durationMs: 5 + (index % 7),
      attributes: {
        tenant_id: tenant,
        'db.system.name': 'postgresql',
        'db.operation.name': 'SELECT',
        'db.query.summary': 'SELECT orders',
        'db.query.text': 'SELECT * FROM orders WHERE tenant_id = $1 AND id = $2',
      },
      more: child('db'),
    }),
  ];
  if (isAssistant) {
    spans.push(
      otlpSpan({
        name: 'chat gpt-4o-mini',
        kind: CLIENT,
        start: start + 20,
        durationMs: durationMs - 40,
        attributes: {
          tenant_id: tenant,
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'openai',
          'gen_ai.request.model': 'gpt-4o-mini',
          'gen_ai.response.model': index % 24 === 3 ? 'in-house-7b' : 'gpt-4o-mini',
          'gen_ai.usage.input_tokens': 900 + (index % 50) * 4,
          'gen_ai.usage.output_tokens': 120 + (index % 20),
        },
        more: child('ai'),
      }),
    );
  }
  return spans;
}

async function post(tenantry: FlowTenantry, spans: readonly OtlpSpan[], resource: Readonly<Record<string, string>>) {
  const response = await fetch(`${tenantry.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${INGEST_KEY}`, 'content-type': 'application/x-protobuf' },
    body: Buffer.from(encodeTraceRequest(otlpRequest(spans, resource))),
  });
  if (response.status !== 200) throw new Error(`ingest answered ${response.status}: ${await response.text()}`);
}

const SHOP = { 'service.name': 'shop', 'service.version': '1.4.0' };

/** Three hours of everybody's requests up to now, spread evenly. */
async function seed(tenantry: FlowTenantry, from: number, to: number): Promise<void> {
  for (const { id, perHour } of WORLD_TENANTS) {
    const step = HOUR_MS / perHour;
    const count = Math.floor((to - from) / step);
    const spans = Array.from({ length: count }, (_, index) => requestSpans(id, index, from + index * step)).flat();
    if (id === 'noisy-inc') {
      const burst = Array.from({ length: 150 }, (_, index) =>
        requestSpans(id, 10_000 + index, to - 900_000 + index * 6_000),
      );
      spans.push(...burst.flat());
    }
    await post(tenantry, spans, SHOP);
  }
}

async function signIn(
  tenantry: FlowTenantry,
  context: BrowserContext,
  role: Role,
  tenantId: string | undefined,
): Promise<void> {
  const body = { role, ...(tenantId === undefined ? {} : { tenant_id: tenantId }) };
  const made = await tenantry.ask<{ link: string }>('/v1/sign-in-links', { method: 'POST', body });
  if (made.status !== 201) throw new Error(`no sign-in link: ${JSON.stringify(made.body)}`);
  const link = new URL(made.body.link);
  // The cookie alone: opening the first page of the role as well took half a second of each test.
  const answer = await context.request.get(`${tenantry.url}${link.pathname}${link.search}`, { maxRedirects: 0 });
  if (answer.status() >= 400) throw new Error(`signing in answered ${answer.status()}`);
}

/** `settings`: environment of the server beyond that of the flow tests. */
export async function startDashboardsWorld(settings: Readonly<Record<string, string>> = {}): Promise<DashboardsWorld> {
  const host = await startHost();
  const tenantry = await startTenantry({ TENANTRY_EMBED_ORIGINS: host.origin, ...settings });
  const seededTo = Math.floor(Date.now() / 60_000) * 60_000;
  const seededFrom = seededTo - 3 * HOUR_MS;
  await seed(tenantry, seededFrom, seededTo);
  await tenantry.loaded();
  const browser: Browser = await launchBrowser();
  /** Cookies by role and tenant: each test has a browser context of its own, and need not sign in anew for it. */
  const sessions = new Map<string, Awaited<ReturnType<BrowserContext['cookies']>>>();
  return {
    tenantry,
    host,
    seededFrom,
    seededTo,
    async signedIn(role, { tenantId, viewport } = {}) {
      const who = JSON.stringify([role, tenantId]);
      const session = sessions.get(who);
      const watched = await openPage(browser, tenantry.url, viewport === undefined ? {} : { viewport });
      const context = watched.page.context();
      if (session === undefined) {
        await signIn(tenantry, context, role, tenantId);
        sessions.set(who, await context.cookies());
      } else {
        await context.addCookies([...session]);
      }
      return watched;
    },
    async send(spans, resource = SHOP) {
      await post(tenantry, spans, resource);
      await tenantry.loaded();
    },
    contexts: () => browser.contexts(),
    async end() {
      await browser.close();
      await host.close();
      await endEverything();
    },
  };
}
