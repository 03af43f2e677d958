import type { SegmentSignal } from '../../domain/spool-format.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { OTLP_SIGNALS } from './otlp-schema.ts';

/** A table of the landing table's shape that keeps nothing and has no views: inserting into it reads and no more. */
export function checkTableOf(signal: SegmentSignal): string {
  return `${OTLP_SIGNALS[signal].table}_check`;
}

/** Made when first needed, as segments are hardly ever refused, and anew by each process: the shape may have changed. */
export class CheckTables {
  readonly #clickhouse: Pick<ClickHouse, 'command'>;
  readonly #made = new Map<SegmentSignal, Promise<void>>();

  constructor(clickhouse: Pick<ClickHouse, 'command'>) {
    this.#clickhouse = clickhouse;
  }

  ready(signal: SegmentSignal): Promise<void> {
    const known = this.#made.get(signal);
    if (known !== undefined) return known;
    const made = this.#make(signal);
    this.#made.set(signal, made);
    made.catch(() => this.#made.delete(signal));
    return made;
  }

  async #make(signal: SegmentSignal): Promise<void> {
    const table = `${DATABASE}.${checkTableOf(signal)}`;
    await this.#clickhouse.command(`DROP TABLE IF EXISTS ${table}`);
    await this.#clickhouse.command(
      `CREATE TABLE IF NOT EXISTS ${table} AS ${DATABASE}.${OTLP_SIGNALS[signal].table} ENGINE = Null`,
    );
  }
}
