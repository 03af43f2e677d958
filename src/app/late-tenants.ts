import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { LateTenants } from '../store/clickhouse/late-tenants.ts';
import { settleMs } from './data-until.ts';

/** From the end of its wait until a span is counted: its batch has to close, and the loader to look. */
export const LATE_BATCH_MS = 10 * SECOND_MS;

export interface LateTenantSources {
  readonly config: Config;
  readonly spoolFolder: string;
  readonly clickhouse: ClickHouse;
  readonly log: Logger;
}

/**
 * How long a span without a tenant waits for that of its trace; 0: not at all. A cluster's replicas show each other's
 * inserts late, so that what waits could not be frozen there: no span waits, and none is lost or counted twice.
 */
export function lateTenantMs(config: Config): number {
  return config.CLICKHOUSE_CLUSTER === undefined ? config.TENANTRY_LATE_TENANT_SECONDS * SECOND_MS : 0;
}

/** What stores the spans that wait; also with no wait, for those of a start that had one. Nothing in a cluster. */
export async function startLateTenants({
  config,
  spoolFolder,
  clickhouse,
  log,
}: LateTenantSources): Promise<{ readonly late?: LateTenants }> {
  if (config.CLICKHOUSE_CLUSTER !== undefined) return {};
  const owner = await ownerOf(spoolFolder);
  return {
    late: new LateTenants({ clickhouse, owner, waitMs: lateTenantMs(config), settleMs: settleMs(config), log }),
  };
}

/** What tells this spool's loader from others that fill the same database; made once. */
async function ownerOf(spoolFolder: string): Promise<string> {
  const path = join(spoolFolder, 'loader-id');
  const known = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f]{16}$/.test(known)) return known;
  const made = randomBytes(8).toString('hex');
  await mkdir(spoolFolder, { recursive: true });
  await writeFile(`${path}.new`, made);
  await rename(`${path}.new`, path);
  return made;
}
