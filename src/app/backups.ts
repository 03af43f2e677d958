import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import type { Logger } from 'pino';
import type { BackupRun, Backups, KeptBackup } from '../api/backups-ports.ts';
import type { Config } from '../config/config.ts';
import type { StaffActor } from '../domain/actor.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import { HOUR_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { InsertGate } from '../store/clickhouse/insert-gate.ts';
import { AuditLog } from '../store/postgres/audit-log.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { figuresAtCut } from './backup-figures.ts';
import { findBackups, readManifest } from './backup-folder.ts';
import { takeOrder } from './backup-order-file.ts';
import { backupSources } from './backup-sources.ts';
import { noteBackup, readBackupStatus } from './backup-status.ts';
import { type BackupOrder, type BackupProgress, type BackupTaken, takeBackup } from './backup-take.ts';

/** Of those that are kept, as many are told of. */
const SHOWN = 50;

export interface BackupsOptions {
  readonly config: Pick<
    Config,
    'TENANTRY_BACKUP_DIR' | 'TENANTRY_BACKUP_KEEP' | 'TENANTRY_BACKUP_MAX_AGE_HOURS' | 'TENANTRY_BACKUP_CLICKHOUSE_DISK'
  >;
  /** Absolute. */
  readonly dataDir: string;
  readonly clickhouse: ClickHouse;
  readonly postgres: Postgres;
  /** Of a login that may become the owner of the tables. */
  readonly ownerUrl: string;
  /** Passed by what writes to ClickHouse. */
  readonly gate: InsertGate;
  readonly log: Logger;
}

/** Backups that the server makes of itself while it runs, one at a time. */
export function startBackups(options: BackupsOptions): { readonly backups: Backups; stop(): Promise<void> } {
  const desk = new BackupDesk(options);
  return { backups: desk, stop: () => desk.stop() };
}

class BackupDesk implements Backups {
  readonly #options: BackupsOptions;
  readonly #audit: Pick<AuditLog, 'append'>;
  #run: BackupRun | null = null;
  #running: Promise<void> | undefined;

  constructor(options: BackupsOptions) {
    this.#options = options;
    this.#audit = new AuditLog(options.postgres);
  }

  async look() {
    const { config, dataDir } = this.#options;
    const folder = config.TENANTRY_BACKUP_DIR;
    return {
      ...{ isConfigured: folder !== undefined, maxAgeMs: config.TENANTRY_BACKUP_MAX_AGE_HOURS * HOUR_MS },
      ...{ status: await readBackupStatus(dataDir), run: this.#run },
      kept: folder === undefined ? [] : await keptBackups(resolve(folder)),
    };
  }

  async begin(actor: StaffActor, name: string | undefined): Promise<BackupRun> {
    if (this.#running !== undefined) {
      throw new TenantryError('CONFLICT', 'A backup is being made already.', {
        hint: 'GET /v1/backups tells how far it is.',
      });
    }
    const run = this.#begun();
    const work = this.#make(actor, name);
    this.#running = work.then(
      (taken) => this.#ended({ state: 'done', ...doneOf(taken) }),
      (thrown: unknown) => {
        const error = toError(thrown);
        this.#options.log.error({ err: error }, 'backup failed');
        const isTold = error instanceof TenantryError;
        const detail = isTold ? error.message : 'An unexpected error; the log of the server has it.';
        this.#ended({ state: 'failed', detail, hint: isTold ? (error.hint ?? null) : null });
      },
    );
    return run;
  }

  async figures(_actor: StaffActor, question: Parameters<Backups['figures']>[1]) {
    return figuresAtCut(this.#options, question, Date.now());
  }

  async stop(): Promise<void> {
    await this.#running;
  }

  async #make(actor: StaffActor, name: string | undefined): Promise<BackupTaken> {
    const { dataDir } = this.#options;
    const order = name === undefined ? this.#configured() : await takeOrder(dataDir, name);
    const after = { with_secrets: order.withSecrets, keep: order.keep ?? null };
    await this.#audit.append(actor, { action: 'backup.make', resource: 'backup', after });
    const taken = await takeBackup(this.#sources(), { ...order, onProgress: (progress) => this.#note(progress) });
    await noteBackup(dataDir, taken);
    return taken;
  }

  #sources() {
    const { dataDir, clickhouse, ownerUrl: postgresUrl, gate, config } = this.#options;
    return backupSources({ dataDir, clickhouse, postgresUrl, gate, disk: config.TENANTRY_BACKUP_CLICKHOUSE_DISK });
  }

  #configured(): BackupOrder {
    const { TENANTRY_BACKUP_DIR: to, TENANTRY_BACKUP_KEEP: keep } = this.#options.config;
    if (to === undefined) {
      throw new TenantryError('BAD_REQUEST', 'No folder for backups is set.', {
        hint: 'Set TENANTRY_BACKUP_DIR, or use `tenantry backup --to <folder>` on the machine of the server.',
      });
    }
    return { to: resolve(to), keep, withSecrets: false, full: false };
  }

  #begun(): BackupRun {
    const nothing = { name: null, removed: [], heldMs: null, sharedBytes: null, detail: null, hint: null };
    const run: BackupRun = {
      ...{ id: randomUUID(), state: 'running', startedAt: Date.now(), endedAt: null, step: 'waiting' },
      ...{ done: 0, total: 0, bytes: 0, ...nothing },
    };
    this.#run = run;
    return run;
  }

  #note(progress: BackupProgress): void {
    if (this.#run !== null) this.#run = { ...this.#run, ...progress };
  }

  #ended(how: Partial<BackupRun>): void {
    this.#running = undefined;
    if (this.#run !== null) this.#run = { ...this.#run, endedAt: Date.now(), ...how };
  }
}

function doneOf({ manifest, removed }: BackupTaken): Partial<BackupRun> {
  const { name, bytes, heldMs, sharedBytes } = manifest;
  return { name, removed, bytes, heldMs, sharedBytes };
}

async function keptBackups(folder: string): Promise<readonly KeptBackup[]> {
  const found = (await findBackups(folder)).slice(0, SHOWN);
  return Promise.all(
    found.map(async ({ name, path }) => {
      const manifest = await readManifest(path).catch(() => undefined);
      const cutAt = manifest === undefined ? null : Date.parse(manifest.cutAt);
      return { name, cutAt, bytes: manifest?.bytes ?? null, version: manifest?.version ?? null };
    }),
  );
}
