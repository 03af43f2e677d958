import { setTimeout as delay } from 'node:timers/promises';
import type { Collector } from '../aggregate/collectors/checkpoint.ts';
import { ClickHouseCollector } from '../aggregate/collectors/clickhouse-collector.ts';
import type { HttpOptions } from '../aggregate/collectors/http-ask.ts';
import { PineconeCollector } from '../aggregate/collectors/pinecone-collector.ts';
import { PostgresCollector } from '../aggregate/collectors/postgres/postgres-collector.ts';
import { QdrantCollector } from '../aggregate/collectors/qdrant-collector.ts';
import { S3Collector } from '../aggregate/collectors/s3-collector.ts';
import { WeaviateCollector } from '../aggregate/collectors/weaviate-collector.ts';
import { shareOut } from '../cost/share.ts';
import type { SecretRef, StorageRun, StorageTarget } from '../domain/storage-target.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { ownStorageTables, serverStorageTables } from '../store/clickhouse/storage-tables.ts';
import { openStorageDatabase } from '../store/postgres/storage-database.ts';

export interface CollectorSources {
  /** Tenantry's own store, for targets that mean it. */
  readonly clickhouse: ClickHouse;
  readonly secret: (ref: SecretRef) => Promise<string>;
  /** Every tenant that is known. */
  readonly tenants: () => Promise<readonly TenantId[]>;
}

const http: Omit<HttpOptions, 'signal'> = { sleep: (ms) => delay(ms, undefined, { ref: false }) };

/** What measures one target. Secrets are read now and kept nowhere. @throws TenantryError CONFIG_INVALID */
export async function collectorOf(
  target: StorageTarget,
  run: StorageRun,
  sources: CollectorSources,
): Promise<Collector> {
  const { settings } = target;
  const { secret, tenants } = sources;
  const optional = async (ref: SecretRef | null) => (ref === null ? undefined : secret(ref));
  switch (settings.kind) {
    case 'postgres': {
      const url = await secret(settings.urlRef);
      const { tenantColumns, exclude, pageShare, pauseMs } = settings;
      return new PostgresCollector({
        open: () => openStorageDatabase({ url, tenantColumns, exclude }),
        shareOut,
        pageShare,
        // Each run picks other pages, so that what one misses the next one meets.
        seed: Math.floor(run.startedAt / 1_000),
        pause: () => delay(pauseMs),
      });
    }
    case 'clickhouse': {
      const { server, ...options } = settings;
      if (server === null) {
        return new ClickHouseCollector({ open: async () => ownStorageTables(sources.clickhouse, options), shareOut });
      }
      const password = await optional(server.passwordRef);
      return new ClickHouseCollector({
        open: async () => serverStorageTables({ ...server, password }, options),
        shareOut,
      });
    }
    case 's3':
      return new S3Collector({
        target: settings,
        accessKeyId: await secret(settings.accessKeyRef),
        secretAccessKey: await secret(settings.secretKeyRef),
        http,
      });
    case 'qdrant':
      return new QdrantCollector({ target: settings, apiKey: await optional(settings.apiKeyRef), tenants, http });
    case 'pinecone':
      return new PineconeCollector({ target: settings, apiKey: await secret(settings.apiKeyRef), http });
    case 'weaviate':
      return new WeaviateCollector({ target: settings, apiKey: await optional(settings.apiKeyRef), http });
  }
}
