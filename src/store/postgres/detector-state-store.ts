import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';

const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const OWN_MEMORY = 'the memory of the detector changes every minute and decides nothing by itself';

/** One part of the detector's memory. Times are unix minutes. */
export interface SavedShard {
  readonly shard: number;
  readonly judgedUntil: number;
  readonly toldUntil: number;
  readonly state: Uint8Array;
}

/** Where the minute detectors keep their memory over restarts. */
export class DetectorStateStore {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  async load(): Promise<readonly SavedShard[]> {
    return this.#postgres.inStaffTransaction(DETECTOR, (transaction) =>
      transaction.query<SavedShard>(
        `select shard, judged_until::float8 as "judgedUntil", told_until::float8 as "toldUntil", state
         from tenantry.detector_state order by shard`,
      ),
    );
  }

  async save(shards: readonly SavedShard[]): Promise<void> {
    if (shards.length === 0) return;
    await this.#postgres.inStaffTransaction(DETECTOR, async (transaction) => {
      transaction.unaudited(OWN_MEMORY);
      for (const { shard, judgedUntil, toldUntil, state } of shards) {
        await transaction.query(
          `insert into tenantry.detector_state as d (shard, judged_until, told_until, state) values ($1, $2, $3, $4)
           on conflict (shard) do update set judged_until = excluded.judged_until, told_until = excluded.told_until,
             state = excluded.state, saved_at = clock_timestamp()`,
          [shard, judgedUntil, toldUntil, Buffer.from(state)],
        );
      }
    });
  }
}
