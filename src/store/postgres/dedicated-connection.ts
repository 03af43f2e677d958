/** A connection outside the pool, for what belongs to a session: LISTEN and advisory locks. It touches no table. */
import pg from 'pg';
import { asTenantryError } from './retryable.ts';

const CONNECT_TIMEOUT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 5_000;

export interface DedicatedConnection {
  readonly client: pg.Client;
  /** Aborted when the connection is gone, whatever the cause. */
  readonly lost: AbortSignal;
  /** Whether the server still answers on it; a half-open connection is closed. */
  check(): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws TenantryError STORE_UNAVAILABLE */
export async function openDedicatedConnection(url: string, purpose: string): Promise<DedicatedConnection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    application_name: `tenantry ${purpose}`,
  });
  const lost = new AbortController();
  const lose = () => lost.abort();
  client.on('error', lose);
  client.on('end', lose);
  // `end` waits for the answer to a goodbye, which a dead peer never sends.
  const close = async () => {
    lose();
    await Promise.race([client.end().catch(() => undefined), timeout(ANSWER_TIMEOUT_MS)]);
  };
  try {
    await client.connect();
  } catch (error) {
    await close();
    throw asTenantryError(error);
  }
  return {
    client,
    lost: lost.signal,
    check: async () => {
      if (lost.signal.aborted) return false;
      try {
        await client.query('select 1');
        return true;
      } catch {
        void close();
        return false;
      }
    },
    close,
  };
}

function timeout(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
