import { channelOf, type Stream } from './change-listener.ts';
import type { Transaction } from './transaction.ts';

/**
 * Takes the next revision of a stream and announces it. Holds the stream's row lock until the transaction ends: the
 * next writer waits, so revisions are committed in the order of their numbers. Take it before reading the clock.
 */
export async function nextRevision(transaction: Transaction, stream: Stream): Promise<number> {
  const [row] = await transaction.query<{ revision: string }>(
    `with bumped as (update tenantry.revisions set revision = revision + 1 where stream = $1 returning revision)
     select revision, pg_notify($2, revision::text) from bumped`,
    [stream, channelOf(stream)],
  );
  return Number(row?.revision);
}

/** The newest committed revision. Everything up to it is visible to statements that come after. */
export async function currentRevision(transaction: Transaction, stream: Stream): Promise<number> {
  const [row] = await transaction.query<{ revision: string }>(
    'select revision from tenantry.revisions where stream = $1',
    [stream],
  );
  return Number(row?.revision);
}
