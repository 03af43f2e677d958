import { type DedicatedConnection, openDedicatedConnection } from './dedicated-connection.ts';
import { asTenantryError } from './retryable.ts';

/** Keeps our locks apart from those of other programs in the same database. */
const LOCK_CLASS = 7_070;

/** Leadership that ends with the connection that it hangs on. */
export interface Lease {
  /** Aborted when the connection is gone: somebody else may lead from then on. */
  readonly lost: AbortSignal;
  /** Asks the server. Call it before every act: a broken connection may not have been noticed yet. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Leadership of `name` among all processes on this database, or undefined if another has it.
 * Works by a session-level advisory lock: when the holder dies or loses its connection, the server frees it.
 * @throws TenantryError STORE_UNAVAILABLE
 */
export async function tryLead(url: string, name: string): Promise<Lease | undefined> {
  const connection = await openDedicatedConnection(url, `lease ${name}`);
  try {
    const { rows } = await connection.client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock($1, hashtext($2)) as locked',
      [LOCK_CLASS, name],
    );
    if (rows[0]?.locked === true) return leaseOn(connection);
  } catch (error) {
    await connection.close();
    throw asTenantryError(error);
  }
  await connection.close();
  return undefined;
}

function leaseOn(connection: DedicatedConnection): Lease {
  return {
    lost: connection.lost,
    // The lock lives exactly as long as its session, so an answer on this connection is the proof.
    isHeld: () => connection.check(),
    release: () => connection.close(),
  };
}
