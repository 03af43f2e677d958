import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declaredViews } from '../../src/aggregate/views.ts';
import { TENANT_ATTRIBUTE_ALIASES } from '../../src/domain/attributes.ts';
import type { SegmentSignal } from '../../src/domain/spool-format.ts';
import type { QueryLimits } from '../../src/store/clickhouse/clickhouse.ts';
import type { DdlOptions } from '../../src/store/clickhouse/ddl-macros.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';

export const TEST_DDL: DdlOptions = {
  cluster: undefined,
  retention: { spansDays: 7, pointsDays: 7, minutesDays: 30, hoursDays: 400, daysDays: 1_830 },
};

export const TEST_VIEWS = declaredViews({
  tenantAttributes: TENANT_ATTRIBUTE_ALIASES,
  acceptPastHours: 48,
  acceptFutureSeconds: 300,
  slowDbCallMs: 200,
  activitySeconds: 10,
});

export interface TestClickHouse {
  readonly clickhouse: EmbeddedClickHouse;
  readonly folder: string;
  /** Inserts a segment made of these bytes, as the loader would; of traces unless said otherwise. */
  insert(segment: Uint8Array, token: string, signal?: SegmentSignal): Promise<void>;
  stop(): Promise<void>;
}

/** The real engine on a folder of its own, migrated. One per test file: chDB takes one folder per process. */
export async function startTestClickHouse(
  options: { limits?: QueryLimits; sessions?: number; drainAfterError?: boolean } = {},
): Promise<TestClickHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-clickhouse-'));
  const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'db'), ...options });
  await migrateClickHouse(clickhouse, TEST_VIEWS, TEST_DDL);
  let files = 0;
  return {
    clickhouse,
    folder,
    insert: async (segment, token, signal = 'traces') => {
      files += 1;
      const path = join(folder, `segment-${files}.otlp`);
      writeFileSync(path, segment);
      await clickhouse.insertSegment({ signal, path, token });
    },
    stop: async () => {
      await clickhouse.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
