/** What a backup is, and what is written down about it. Pure. */

/** Of the folder's layout; a newer one is refused. */
export const BACKUP_FORMAT = 1;
export const MANIFEST_FILE = 'manifest.json';
/** `<sha256>  manifest.json`, as `sha256sum -c` takes it. */
export const MANIFEST_HASH_FILE = 'manifest.sha256';
/** In the data directory: the last backup and the last drill, for whoever asks how old they are. */
export const BACKUP_STATUS_FILE = 'backup-status.json';

const NAME_PATTERN = /^tenantry-\d{8}T\d{9}Z$/;
const PARTIAL_PATTERN = /^\.partial-(tenantry-\d{8}T\d{9}Z)-(\d+)$/;

/** `tenantry-20261124T021500123Z`: sorts by age. `at`: Unix ms. */
export function backupName(at: number): string {
  return `tenantry-${new Date(at).toISOString().replace(/[-:.]/g, '')}`;
}

export function isBackupName(name: string): boolean {
  return NAME_PATTERN.test(name);
}

/** What an unfinished backup is called; nothing takes it for a whole one. */
export function partialName(name: string, pid: number): string {
  return `.partial-${name}-${pid}`;
}

/** The process that makes or made an unfinished backup; undefined: the name is of something else. */
export function partialOwner(name: string): number | undefined {
  const pid = PARTIAL_PATTERN.exec(name)?.[2];
  return pid === undefined ? undefined : Number(pid);
}

export interface BackupFile {
  /** Below the backup's folder, with slashes. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface BackupMigration {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

export interface BackupPostgresTable {
  readonly name: string;
  /** Those that the file holds, in its order. */
  readonly columns: readonly string[];
  readonly rows: number;
  /** Gzipped text of COPY. */
  readonly file: string;
}

export interface BackupSequence {
  readonly name: string;
  /** Decimal. */
  readonly lastValue: string;
  readonly isCalled: boolean;
}

export interface BackupPostgres {
  readonly serverVersion: string;
  /** Of the server that was backed up; null: it tells only its administrators. */
  readonly systemIdentifier: string | null;
  /** pg_current_snapshot(): which transactions are in it. */
  readonly snapshot: string;
  readonly migrations: readonly BackupMigration[];
  /** In an order in which rows can be put in. */
  readonly tables: readonly BackupPostgresTable[];
  readonly sequences: readonly BackupSequence[];
}

interface BackupClickHouseTable {
  readonly name: string;
  readonly rows: number;
  readonly parts: number;
}

export interface BackupClickHouse {
  readonly kind: 'embedded' | 'server';
  readonly engine: string;
  /** Number of the newest migration. */
  readonly migration: number;
  readonly tables: readonly BackupClickHouseTable[];
  /** A server's own backup: the disk, as the server calls it, that holds it under this backup's name. */
  readonly disk: string | null;
}

export interface BackupSpool {
  readonly openSegments: number;
  readonly sealedSegments: number;
  readonly quarantinedFiles: number;
  readonly bytes: number;
}

export interface BackupManifest {
  readonly format: number;
  readonly name: string;
  /** Version of Tenantry. */
  readonly version: string;
  /** RFC 3339: what was acknowledged until then is in it, exactly once. */
  readonly cutAt: string;
  readonly finishedAt: string;
  /** For so long nothing was loaded into ClickHouse. */
  readonly heldMs: number;
  readonly tookMs: number;
  readonly withSecrets: boolean;
  readonly postgres: BackupPostgres;
  readonly clickhouse: BackupClickHouse;
  readonly spool: BackupSpool;
  readonly files: readonly BackupFile[];
  readonly bytes: number;
  /** Of these, so many are shared with an older backup in the same folder. */
  readonly sharedBytes: number;
}

/** The last backup as its maker left it. Times: Unix ms. */
interface BackupDone {
  readonly name: string;
  readonly folder: string;
  readonly cutAt: number;
  readonly finishedAt: number;
  readonly bytes: number;
  readonly tookMs: number;
}

export interface DrillDone {
  readonly backup: string;
  readonly tenantId: string;
  readonly finishedAt: number;
  readonly ok: boolean;
  readonly tables: number;
  readonly rows: number;
  readonly differences: number;
  /** From the order to the comparison's end: what a real restore would take at least. */
  readonly tookMs: number;
  /** Age of the backup at the drill: what would have been lost. */
  readonly backupAgeMs: number;
}

export interface BackupStatus {
  readonly lastBackup?: BackupDone;
  readonly lastDrill?: DrillDone;
}

/** Whether engine `running` may read what engine `wrote` has written: not older in any of the first two numbers. */
export function isEngineAtLeast(running: string, wrote: string): boolean {
  const numbers = (version: string) => version.split('.').slice(0, 2).map(Number);
  const [major = 0, minor = 0] = numbers(running);
  const [oldMajor = 0, oldMinor = 0] = numbers(wrote);
  return major > oldMajor || (major === oldMajor && minor >= oldMinor);
}

/** Whether somebody should see to it that a backup is made. Nobody is warned where none is wanted and none was made. */
export function isOverdue({
  isConfigured,
  maxAgeMs,
  lastCutAt,
  now,
}: {
  readonly isConfigured: boolean;
  readonly maxAgeMs: number;
  /** Unix ms. */
  readonly lastCutAt: number | undefined;
  readonly now: number;
}): boolean {
  return lastCutAt === undefined ? isConfigured : now - lastCutAt > maxAgeMs;
}
