/**
 * The server as it is put together for production, in this process, on the real embedded stores and behind a real socket;
 * an identity provider that it trusts; and two tenants with something in every store, each known by words of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../../src/app/server.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createAccessClient } from './access-client.ts';
import { type SeededServer, STAFF_WORD, seedAccessWorld } from './access-seed.ts';
import { ADMIN_TOKEN, bearer, type IdentityProvider, startIdentityProvider } from './api-harness.ts';
import { silentLog } from './postgres.ts';
import { copyStoreTemplate } from './store-templates.ts';

export const INGEST_KEY = 'ingest-key-of-the-access-tests';

export interface AccessWorld extends SeededServer {
  readonly provider: IdentityProvider;
  /** A token of the operator's identity provider, good for an hour; undefined takes a claim away. */
  token(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  end(): Promise<void>;
}

/** No limits of rates, no loops that change what is asked for. */
const SETTINGS: Readonly<Record<string, string>> = {
  TENANTRY_API_PORT: '0',
  TENANTRY_ADMIN_TOKEN: ADMIN_TOKEN,
  TENANTRY_INGEST_KEY: INGEST_KEY,
  TENANTRY_LOG_LEVEL: 'silent',
  TENANTRY_SELF_CHECK_SECONDS: '0',
  TENANTRY_LATE_TENANT_SECONDS: '0',
  TENANTRY_DETECT_INTERVAL_SECONDS: '3600',
  TENANTRY_LIMIT_API_ADDRESS_PER_SECOND: '0',
  TENANTRY_LIMIT_API_USER_PER_SECOND: '0',
  TENANTRY_LIMIT_API_TENANT_PER_SECOND: '0',
  TENANTRY_LIMIT_API_KEY_PER_SECOND: '0',
  TENANTRY_LIMIT_FLAGS_KEY_PER_SECOND: '0',
};

export async function startAccessWorld(settings: Readonly<Record<string, string>> = {}): Promise<AccessWorld> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tenantry-access-'));
  for (const store of ['postgres', 'clickhouse'] as const) copyStoreTemplate(store, join(dataDir, store));
  const provider = await startIdentityProvider();
  const { jwksUrl, issuer, audience } = provider.config;
  const config = loadConfig({
    ...SETTINGS,
    TENANTRY_DATA_DIR: dataDir,
    TENANTRY_JWKS_URL: jwksUrl,
    TENANTRY_JWT_ISSUER: issuer,
    TENANTRY_JWT_AUDIENCE: audience,
    ...settings,
  });
  const server = await startServer({ config, adminToken: ADMIN_TOKEN, ingestKey: INGEST_KEY, log: silentLog });
  const client = createAccessClient(`http://127.0.0.1:${server.apiPort}`);
  const seconds = Math.floor(Date.now() / 1_000);
  const token: AccessWorld['token'] = (claims, header) =>
    provider.sign({ iat: seconds, exp: seconds + 3_600, ...claims }, header);
  const asAdmin = bearer(await token({ role: 'admin', sub: `ann.${STAFF_WORD}` }));
  const world: AccessWorld = {
    ...client,
    ...{ server, provider, dataDir, token },
    must: async <Body>(method: string, url: string, payload?: unknown) => {
      const answer = await client.send({ method, url, payload, headers: asAdmin });
      if (answer.status >= 300) throw new Error(`${method} ${url}: ${answer.status} ${answer.body}`);
      return (answer.body === '' ? undefined : JSON.parse(answer.body)) as Body;
    },
    end: async () => {
      client.close();
      await server.stop();
      await provider.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  await seedAccessWorld(world);
  return world;
}
