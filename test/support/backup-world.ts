/** Stores, spool and loader of a running Tenantry in this process, with spans that keep coming. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Spool } from '../../ingest/spool.ts';
import { backupSources } from '../../src/app/backup-sources.ts';
import type { BackupSources } from '../../src/app/backup-take.ts';
import { openStores, type Stores } from '../../src/app/stores.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { SPOOL_FOLDERS } from '../../src/domain/spool-format.ts';
import { InsertGate } from '../../src/store/clickhouse/insert-gate.ts';
import { SegmentLoader } from '../../src/store/clickhouse/segment-loader.ts';
import { until } from './flow-waiting.ts';
import { encodeTraceRequest } from './otlp-proto.ts';
import { silentLog } from './postgres.ts';
import { otlpRequest, otlpSpan } from './spans.ts';
import { copyStoreTemplate } from './store-templates.ts';

const TENANTS = ['one', 'two', 'three'] as const;

export interface BackupWorld {
  readonly folder: string;
  readonly dataDir: string;
  readonly config: Config;
  readonly stores: Stores;
  readonly sources: BackupSources;
  /** Numbers of the spans that were acknowledged, in their order; span `n` is called `s<n>`. */
  readonly acknowledged: readonly number[];
  /** Resolves once all that was acknowledged is loaded. */
  stopSending(): Promise<void>;
  /** Ends what loads and serves. */
  close(): Promise<void>;
}

export function backupFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tenantry-backup-'));
}

export function backupConfig(dataDir: string): Config {
  return loadConfig({ TENANTRY_DATA_DIR: dataDir, TENANTRY_LATE_TENANT_SECONDS: '0' });
}

export async function startBackupWorld(): Promise<BackupWorld> {
  const folder = backupFolder();
  const dataDir = join(folder, 'data');
  copyStoreTemplate('postgres', join(dataDir, 'postgres'));
  copyStoreTemplate('clickhouse', join(dataDir, 'clickhouse'));
  const config = backupConfig(dataDir);
  const stores = await openStores(config, silentLog);
  const spoolFolder = join(dataDir, 'spool');
  const spool = await Spool.open({
    ...{ folder: spoolFolder, segmentBytes: 1_000_000, segmentAgeMs: 1_000, maxBytes: 100_000_000, log: silentLog },
    retryWindowMs: 60_000,
  });
  const gate = new InsertGate();
  const loader = new SegmentLoader({ spoolFolder, clickhouse: stores.clickhouse, log: silentLog, gate });
  await loader.start();
  const acknowledged: number[] = [];
  let isSending = true;
  const sending = send();

  async function send(): Promise<void> {
    for (let number = 0; isSending; number += 1) {
      const message = encodeTraceRequest(otlpRequest([spanOf(number)]));
      await spool.append('traces', message, { receivedAt: Date.now(), keyId: 'key', keyTenant: undefined });
      acknowledged.push(number);
      await delay(5);
    }
  }

  return {
    ...{ folder, dataDir, config, stores, acknowledged },
    sources: backupSources({
      ...{ dataDir, clickhouse: stores.clickhouse, gate },
      postgresUrl: stores.postgresOwnerUrl ?? stores.postgresUrl,
    }),
    stopSending: async () => {
      isSending = false;
      await sending;
      await spool.close();
      const sealed = join(spoolFolder, SPOOL_FOLDERS.sealed);
      await until('the spool to be empty', () => readdirSync(sealed).length === 0);
    },
    close: async () => {
      await loader.stop();
      await stores.close();
    },
  };
}

function spanOf(number: number) {
  return otlpSpan({
    ...{ name: `s${number}`, kind: 2, start: Date.now(), durationMs: 5 + (number % 50) },
    attributes: {
      ...{ tenant_id: TENANTS[number % TENANTS.length] ?? 'one', 'http.request.method': 'GET' },
      ...{ 'http.route': '/orders', 'http.response.status_code': 200 },
    },
  });
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
