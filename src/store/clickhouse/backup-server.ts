/**
 * A ClickHouse server backs itself up: it alone reaches its parts, knows its replicas, and writes to where it has been
 * allowed to (https://clickhouse.com/docs/operations/backup). Rows over HTTP would take hours that the server does not.
 * What a server's backup does not carry are the tokens of past inserts, which is why nothing may be half inserted.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { BackupClickHouse } from '../../domain/backup.ts';
import { TenantryError } from '../../domain/errors.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import { quoted } from './sql-text.ts';

const POLL_MS = 500;

type Server = Pick<ClickHouse, 'inspect' | 'command'>;

/**
 * Resolves when the server has written all of it; nothing may be inserted meanwhile.
 * @throws TenantryError CONFIG_INVALID without a disk; what the server says
 */
export async function backUpOnServer(
  clickhouse: Server,
  disk: string | undefined,
  name: string,
): Promise<BackupClickHouse> {
  if (disk === undefined) {
    throw new TenantryError('CONFIG_INVALID', 'TENANTRY_BACKUP_CLICKHOUSE_DISK is not set.', {
      hint: 'Name a disk that is in <allowed_disk> of <backups> in the configuration of the ClickHouse server.',
    });
  }
  const [about] = await clickhouse.inspect<{ engine: string; migration: number }>(
    `SELECT version() AS engine, toUInt32(max(Number)) AS migration FROM ${DATABASE}.schema_log WHERE Kind = 'migration'`,
  );
  const tables = await clickhouse.inspect<{ name: string; rows: number; parts: number }>(
    `SELECT table AS name, toFloat64(sum(rows)) AS rows, toFloat64(count()) AS parts FROM system.parts
     WHERE database = '${DATABASE}' AND active GROUP BY table ORDER BY table`,
  );
  await runOnServer(clickhouse, `BACKUP DATABASE ${DATABASE} TO Disk(${quoted(disk)}, ${quoted(name)})`, name);
  return { kind: 'server', engine: about?.engine ?? '', migration: about?.migration ?? 0, tables, disk };
}

/** @throws TenantryError TARGET_NOT_EMPTY; what the server says */
export async function restoreOnServer(clickhouse: Server, { disk }: BackupClickHouse, name: string): Promise<void> {
  const [table] = await clickhouse.inspect<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' LIMIT 1`,
  );
  if (table !== undefined) {
    throw new TenantryError('TARGET_NOT_EMPTY', `The ClickHouse server has tables in the database ${DATABASE}.`, {
      hint: 'Restore into a new server. Nothing was changed.',
    });
  }
  await runOnServer(
    clickhouse,
    `RESTORE DATABASE ${DATABASE} FROM Disk(${quoted(disk ?? '')}, ${quoted(name)})`,
    `restore-${name}`,
  );
}

/** In the background of the server: a request that is open for hours does not survive the way there. */
async function runOnServer(clickhouse: Server, statement: string, id: string): Promise<void> {
  await clickhouse.command(`${statement} SETTINGS id = ${quoted(id)} ASYNC`);
  for (;;) {
    const [row] = await clickhouse.inspect<{ status: string; error: string }>(
      `SELECT toString(status) AS status, error FROM system.backups WHERE id = ${quoted(id)}`,
    );
    if (row?.status === 'BACKUP_CREATED' || row?.status === 'RESTORED') return;
    if (row === undefined || !/^(?:CREATING_BACKUP|RESTORING)$/.test(row.status)) {
      throw new TenantryError(
        'STORE_UNAVAILABLE',
        `The ClickHouse server did not finish its part: ${row?.status ?? 'unknown'}.`,
        {
          hint: 'The server tells the reason in system.backups.',
          cause: new Error(row?.error ?? ''),
        },
      );
    }
    await delay(POLL_MS);
  }
}
