import { Histogram, type Registry } from 'prom-client';
import type { SegmentSignal } from '../domain/spool-format.ts';
import { SECOND_MS } from '../domain/window.ts';
import { sampleSpans } from '../store/clickhouse/segment-sample.ts';

const BUCKETS = [0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 900, 3_600, 14_400];

/**
 * How late telemetry is, measured on what is loaded: at most 64 spans at the head of each segment, which are those that
 * waited the longest. A span is queryable when the insert of its segment has ended, rollups and all.
 */
export class LoadLag {
  readonly #endToEnd = new Histogram({
    name: 'tenantry_lag_end_to_end_seconds',
    help: 'From the end of a span (clock of its app) to its being queryable, of a sample of every segment',
    buckets: BUCKETS,
    registers: [],
  });
  readonly #sinceReceipt = new Histogram({
    name: 'tenantry_lag_receipt_to_queryable_seconds',
    help: 'From the receipt of a span (clock of ingest) to its being queryable, of a sample of every segment',
    buckets: BUCKETS,
    registers: [],
  });

  register(registry: Registry): void {
    registry.registerMetric(this.#endToEnd);
    registry.registerMetric(this.#sinceReceipt);
  }

  /** Called while the file is still there. `queryableAt`: Unix ms. Rejects when the file cannot be read. */
  async loaded(path: string, signal: SegmentSignal, queryableAt: number): Promise<void> {
    if (signal !== 'traces') return;
    for (const { endedAt, receivedAt } of await sampleSpans(path)) {
      // Clocks of apps may be ahead of ours: a span from the future took no negative time.
      this.#endToEnd.observe(Math.max(0, queryableAt - endedAt) / SECOND_MS);
      this.#sinceReceipt.observe(Math.max(0, queryableAt - receivedAt) / SECOND_MS);
    }
  }
}
