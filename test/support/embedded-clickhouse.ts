import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ViewSettings } from '../../src/aggregate/view-macros.ts';
import { declaredViews, type View } from '../../src/aggregate/views.ts';
import { TENANT_ATTRIBUTE_ALIASES } from '../../src/domain/attributes.ts';
import type { SegmentSignal } from '../../src/domain/spool-format.ts';
import type { QueryLimits } from '../../src/store/clickhouse/clickhouse.ts';
import type { DdlOptions } from '../../src/store/clickhouse/ddl-macros.ts';
import { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';
import { migrateClickHouse } from '../../src/store/clickhouse/migrate.ts';
import { copyStoreTemplate } from './store-templates.ts';

export const TEST_DDL: DdlOptions = {
  cluster: undefined,
  retention: { spansDays: 7, pointsDays: 7, minutesDays: 30, hoursDays: 400, daysDays: 1_830 },
};

const VIEW_SETTINGS: ViewSettings = {
  tenantAttributes: TENANT_ATTRIBUTE_ALIASES,
  acceptPastHours: 48,
  acceptFutureSeconds: 300,
  slowDbCallMs: 200,
  activitySeconds: 10,
  lateTenants: false,
};

/** Spans without a tenant are stored at once: nothing here runs the loop that would bring them out of their waiting. */
export const TEST_VIEWS = declaredViews(VIEW_SETTINGS);
export const LATE_TENANT_VIEWS = declaredViews({ ...VIEW_SETTINGS, lateTenants: true });

export interface TestClickHouse {
  readonly clickhouse: EmbeddedClickHouse;
  readonly folder: string;
  /** Inserts a segment made of these bytes, as the loader would; of traces unless said otherwise. */
  insert(segment: Uint8Array, token: string, signal?: SegmentSignal, waitingBatch?: string): Promise<void>;
  stop(): Promise<void>;
}

/** The real engine on a folder of its own, migrated. One per test file: chDB takes one folder per process. */
export async function startTestClickHouse({
  views = TEST_VIEWS,
  ...options
}: {
  limits?: QueryLimits;
  sessions?: number;
  drainAfterError?: boolean;
  views?: readonly View[];
} = {}): Promise<TestClickHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-clickhouse-'));
  copyStoreTemplate('clickhouse', join(folder, 'db'));
  const clickhouse = new EmbeddedClickHouse({ path: join(folder, 'db'), ...options });
  await migrateClickHouse(clickhouse, views, TEST_DDL);
  let files = 0;
  return {
    clickhouse,
    folder,
    insert: async (segment, token, signal = 'traces', waitingBatch = '') => {
      files += 1;
      const path = join(folder, `segment-${files}.otlp`);
      writeFileSync(path, segment);
      await clickhouse.insertSegment({ signal, path, token, waitingBatch });
    },
    stop: async () => {
      await clickhouse.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
