/**
 * Which instance obeys which revision since when. One revision is acknowledged by every instance of an estate within
 * the same moment, so what comes together is written together: a thousand instances cost a few transactions.
 */
import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { FlagAck } from '../../domain/flag-wire.ts';
import type { Postgres } from './postgres.ts';
import { currentRevision } from './revisions.ts';

const ACK_LOG: StaffActor = { kind: 'system', subject: 'flag-feed' };
/** Short against the seconds within which people look at acknowledgements. */
const GATHER_MS = 20;
/** Flags live a day at most, so older acks say nothing about any flag in force. */
const ACKS_KEPT = '25 hours';

interface Waiting {
  readonly keyId: string;
  readonly ack: FlagAck;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class FlagAckLog {
  readonly #postgres: Postgres;
  #waiting: Waiting[] = [];

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /**
   * Notes that an app instance obeys a revision now; the first time counts.
   * @throws TenantryError CONFLICT for a revision that does not exist (the database was restored from a backup)
   */
  add(keyId: string, ack: FlagAck): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keyId, ack, resolve, reject });
      if (this.#waiting.length === 1) setTimeout(() => void this.#write(this.#waiting.splice(0)), GATHER_MS);
    });
  }

  /** Forgets acknowledgements that are older than any flag in force. */
  async prune(): Promise<void> {
    await this.#postgres.inStaffTransaction(ACK_LOG, async (transaction) => {
      transaction.unaudited('acks older than any flag in force');
      await transaction.query('delete from tenantry.flag_acks where acked_at < clock_timestamp() - $1::interval', [
        ACKS_KEPT,
      ]);
    });
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const newest = await this.#insert(batch);
      for (const { ack, resolve, reject } of batch) {
        if (ack.revision <= newest) resolve();
        else
          reject(
            new TenantryError('CONFLICT', `There is no revision ${ack.revision}`, { hint: 'Take a new snapshot.' }),
          );
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  /** @returns the newest revision; acks of later ones are left out */
  async #insert(batch: readonly Waiting[]): Promise<number> {
    return this.#postgres.inStaffTransaction(ACK_LOG, async (transaction) => {
      transaction.unaudited('acks come from machines, many a minute, and are kept in a table of their own');
      const newest = await currentRevision(transaction, 'flags');
      const valid = batch.filter(({ ack }) => ack.revision <= newest);
      await transaction.query(
        `insert into tenantry.flag_acks (key_id, service, instance_id, revision)
         select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) on conflict do nothing`,
        [
          valid.map(({ keyId }) => keyId),
          valid.map(({ ack }) => ack.service),
          valid.map(({ ack }) => ack.instance_id),
          valid.map(({ ack }) => ack.revision),
        ],
      );
      return newest;
    });
  }
}
