import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { alertVault } from '../../src/app/alert-vault.ts';
import { ALLOWANCES } from '../../src/control/alert-budget.ts';
import type { Alert, AlertCondition, AlertRoute, NewAlertRoute } from '../../src/domain/alert.ts';
import type { ClaimAllowance } from '../../src/store/postgres/alert-outbox.ts';

export const ALERT_START = Date.UTC(2026, 5, 15, 12);

export function alertOf(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'a1b2c3d4-0000-4000-8000-000000000001',
    tenantId: 'acme',
    plan: 'growth',
    kind: 'finding',
    key: 'requests',
    severity: 'warning',
    title: 'acme: requests at 4.1x its baseline',
    reason: 'acme sent 4.1x its usual requests (8,240 against 2,010)',
    link: '/tenants/acme?from=2026-06-15T11%3A30%3A00.000Z&to=2026-06-15T12%3A30%3A00.000Z',
    startedAt: ALERT_START,
    endedAt: null,
    ackedAt: null,
    ackedBy: null,
    ...changes,
  };
}

export function conditionOf(changes: Partial<AlertCondition> = {}): AlertCondition {
  const { tenantId, key, kind, severity, title, reason, startedAt, link } = alertOf();
  return { tenantId, key, kind, severity, title, reason, startedAt, link, ...changes };
}

export function newRouteOf(changes: Partial<NewAlertRoute> = {}): NewAlertRoute {
  return {
    name: 'on call',
    target: { channel: 'webhook', url: 'https://hooks.example.com/x', signingSecret: `whsec_${'A'.repeat(32)}` },
    match: { tenants: [], plans: [], kinds: [], minSeverity: 'info' },
    groupBy: ['tenant'],
    groupWaitSeconds: 0,
    groupIntervalSeconds: 0,
    repeatSeconds: null,
    escalation: null,
    quietHours: null,
    ...changes,
  };
}

export function routeOf(id: string, changes: Partial<AlertRoute> = {}): AlertRoute {
  const { target, ...terms } = newRouteOf();
  return { ...terms, id, channel: target.channel, createdBy: 'test', createdAt: 0, ...changes };
}

export const TEST_KEY = Buffer.alloc(32, 7);
/** A vault with one key of the tests. */
export const testVault = alertVault({
  current: { id: 'test', key: TEST_KEY },
  all: new Map([['test', TEST_KEY]]),
  inFile: false,
});

/** What a server may tell that has told nothing yet. */
export const FULL_ALLOWANCE: ClaimAllowance = {
  byRoute: {},
  byChannel: Object.fromEntries(Object.entries(ALLOWANCES).map(([channel, { burst }]) => [channel, burst])),
};

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Status and headers of the next answers; stays until changed. */
  answer: { status: number; headers?: Record<string, string>; body?: string };
  close(): Promise<void>;
}

/** A real HTTP server that keeps what it is sent. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const receiver = { received, answer: { status: 200 } as Receiver['answer'] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      });
      const { status, headers = {}, body = 'ok' } = receiver.answer;
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
