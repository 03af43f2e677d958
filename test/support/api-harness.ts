import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { pino } from 'pino';
import { createEmbedTokens, type EmbedTokens } from '../../src/api/embed-tokens.ts';
import { createDevIssuer, type DevIssuer } from '../../src/api/issuer.ts';
import type { ApiOptions } from '../../src/api/server.ts';
import { createApi } from '../../src/api/server.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { createMemoryPorts, figuresOf, type MemoryPorts } from './api-ports.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-tests';
export const OWN = 'acme' as TenantId;
export const OTHER = 'globex' as TenantId;
export const ABSENT = 'nobody' as TenantId;
/** As the server derives them: one to sign with, and one that it was turned from. */
const EMBED_SECRETS = new Map([
  ['new', new Uint8Array(32).fill(7)],
  ['old', new Uint8Array(32).fill(9)],
]);
export const EMBED_KEYS = {
  current: { id: 'new', secret: new Uint8Array(32).fill(7) },
  find: (id: string) => EMBED_SECRETS.get(id),
};
export const START = Date.UTC(2026, 5, 15, 12);

interface Clock {
  now: number;
}

/** An identity provider on the loopback: serves its public keys, signs what it is told to. */
export interface IdentityProvider {
  readonly config: { jwksUrl: string; issuer: string; audience: string };
  /** A token with good claims (staff role `admin`, an hour to live) and these changes; undefined takes a claim away. */
  sign(changes?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** The public key as PEM-less text, for the attempt to use it as an HMAC secret. */
  readonly publicKeyJson: string;
  close(): Promise<void>;
}

export async function startIdentityProvider(): Promise<IdentityProvider> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: 'provider-1', alg: 'RS256', use: 'sig' };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [jwk] }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const config = {
    jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
    issuer: 'https://id.example.test/',
    audience: 'tenantry-tests',
  };
  return {
    config,
    publicKeyJson: JSON.stringify(jwk),
    async sign(changes = {}, header = {}) {
      const seconds = Math.floor(START / 1_000);
      const claims: Record<string, unknown> = {
        iss: config.issuer,
        aud: config.audience,
        sub: 'user-1',
        iat: seconds,
        exp: seconds + 3_600,
        role: 'admin',
        ...changes,
      };
      const kept = Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
      return new SignJWT(kept as JWTPayload)
        .setProtectedHeader({ alg: 'RS256', kid: 'provider-1', ...header })
        .sign(privateKey);
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export interface ApiUnderTest {
  readonly app: FastifyInstance;
  readonly ports: MemoryPorts;
  readonly clock: Clock;
  readonly issuer: DevIssuer;
  /** Where the issuer keeps its key and what was ended. */
  readonly issuerFolder: string;
  readonly embed: EmbedTokens;
  /** Log lines so far, as written. */
  readonly logLines: string[];
  close(): Promise<void>;
}

/** Two tenants with figures and plans, one throttle and one anomaly each. */
async function seed(ports: MemoryPorts, clock: Clock): Promise<void> {
  await ports.meters.create(
    { kind: 'system', subject: 'test' },
    {
      slug: 'tokens',
      eventType: 'prompt',
      aggregation: 'sum',
      valuePath: '$.tokens',
      groupBy: { model: '$.model' },
      unit: 'tokens',
      description: '',
    },
  );
  for (const [index, tenant] of [OWN, OTHER].entries()) {
    ports.figures.rows.push(figuresOf(tenant, { requests: 100 + index }));
    ports.usage.add(tenant, { requests: BigInt(100 + index), errors: 1n }, { requestNs: BigInt(1_000 * (index + 1)) });
    ports.queries.tenants.push(tenant);
    ports.traces.tenants.push(tenant);
    ports.plans.planOf.set(tenant, index === 0 ? 'growth' : 'enterprise');
    await ports.throttles.create(
      { kind: 'system', subject: 'detector' },
      {
        tenantId: tenant,
        scope: { service: 'checkout' },
        limit: { requestsPerSecond: 5, burst: 10 },
        mode: 'enforce',
        expiresInSeconds: 300,
        reason: `${tenant} sends 4.1 times its own baseline`,
      },
    );
    ports.anomalies.items.unshift({
      id: `anomaly-${tenant}`,
      tenantId: tenant,
      metric: 'requests',
      startedAt: clock.now - 60_000,
      detectedAt: clock.now - 30_000,
      endedAt: null,
      value: 41,
      baseline: 10,
      ratio: 4.1,
      rule: 'ratio@1',
      reason: 'requests are 4.1 times the baseline',
      throttleId: null,
    });
  }
}

export async function startApi(
  changes: Partial<ApiOptions> & { jwt?: IdentityProvider['config'] } = {},
): Promise<ApiUnderTest> {
  const { jwt, ...options } = changes;
  const clock: Clock = { now: START };
  const now = () => clock.now;
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-api-'));
  const ports = createMemoryPorts(now);
  await seed(ports, clock);
  const issuer = await createDevIssuer({ folder, production: false, baseUrl: () => 'http://127.0.0.1:7070', now });
  const embed = createEmbedTokens(EMBED_KEYS, ports.embeds, now);
  const logLines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logLines.push(String(chunk));
      done();
    },
  });
  const app = createApi({
    ports,
    auth: { adminToken: ADMIN_TOKEN, issuer, jwt, embed },
    log: pino({ level: 'info' }, sink),
    version: '1.2.3',
    now,
    ...options,
  });
  await app.ready();
  return {
    app,
    ports,
    clock,
    issuer,
    issuerFolder: folder,
    embed,
    logLines,
    async close() {
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}
