import type { StaffActor } from '../../domain/actor.ts';
import type { Postgres } from './postgres.ts';
import { fromUnixMs, unixMs } from './sql-time.ts';

const ROLLUP: StaffActor = { kind: 'system', subject: 'storage-rollup' };
const BOOKKEEPING = 'says what has to be counted anew, and decides nothing by itself';

/** From when on (Unix ms) byte-hours have to be counted anew. */
export interface StaleMark {
  readonly from: number;
  readonly marks: number;
}

/** Outlives a crash between the writing of gauges and the counting of their byte-hours. */
export class StorageStaleMark {
  readonly #postgres: Postgres;

  constructor(postgres: Postgres) {
    this.#postgres = postgres;
  }

  /** To be called before gauges are written. `from` is Unix ms. */
  async set(from: number): Promise<void> {
    await this.#write(
      `update tenantry.storage_rollup set marks = marks + 1, stale_from = least(stale_from, ${fromUnixMs('$1')})`,
      [from],
    );
  }

  async read(): Promise<StaleMark | undefined> {
    const [row] = await this.#postgres.inStaffTransaction(ROLLUP, (transaction) =>
      transaction.query<{ from: number | null; marks: number }>(
        `select ${unixMs('stale_from')} as "from", marks::float8 as marks from tenantry.storage_rollup`,
      ),
    );
    return row === undefined || row.from === null ? undefined : { from: row.from, marks: row.marks };
  }

  /** Everything up to `until` is counted; a mark that came meanwhile stays. */
  async clear({ marks }: StaleMark, until: number): Promise<void> {
    await this.#write(`update tenantry.storage_rollup set stale_from = ${fromUnixMs('$2')} where marks = $1`, [
      marks,
      until,
    ]);
  }

  async #write(text: string, values: readonly unknown[]): Promise<void> {
    await this.#postgres.inStaffTransaction(ROLLUP, async (transaction) => {
      transaction.unaudited(BOOKKEEPING);
      await transaction.query(text, values);
    });
  }
}
