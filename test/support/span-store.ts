import { expect } from 'vitest';
import { startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.ts';
import type { OtlpTraceRequest } from './otlp-proto.ts';
import { segmentOf } from './spans.ts';

export interface SpanStore extends TestClickHouse {
  /** Inserts requests as one segment that arrived at `receivedAt`. */
  take(requests: OtlpTraceRequest[], keyTenant?: string): Promise<void>;
  /** The one stored span of that name, as the Collector's exporter would have written it. */
  spanNamed(name: string): Promise<Record<string, unknown>>;
}

/** The real engine, with spans put in as OTLP and read back from `otel_traces`. */
export async function startSpanStore(receivedAt: number): Promise<SpanStore> {
  const store = await startTestClickHouse();
  let tokens = 0;
  return {
    ...store,
    take: async (requests, keyTenant) => {
      tokens += 1;
      const origin = { receivedAt, ...(keyTenant === undefined ? {} : { keyTenant }) };
      await store.insert(segmentOf(requests, origin), `spans-${tokens}`);
    },
    spanNamed: async (name) => {
      const rows = await store.clickhouse.inspect<Record<string, unknown>>(
        `SELECT * FROM tenantry.otel_traces WHERE SpanName = '${name}'`,
      );
      expect(rows).toHaveLength(1);
      return rows[0] ?? {};
    },
  };
}
