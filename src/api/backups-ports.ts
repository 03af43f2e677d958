import type { StaffActor } from '../domain/actor.ts';
import type { BackupStatus } from '../domain/backup.ts';
import type { BackupFigures, BackupFiguresQuestion } from '../domain/backup-figures.ts';

export interface BackupRun {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  /** Unix ms. */
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly step: string;
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
  /** Of the backup, once it is whole. */
  readonly name: string | null;
  readonly removed: readonly string[];
  readonly heldMs: number | null;
  readonly sharedBytes: number | null;
  /** Why it failed. */
  readonly detail: string | null;
  readonly hint: string | null;
}

export interface KeptBackup {
  readonly name: string;
  /** Unix ms; null: its manifest cannot be read. */
  readonly cutAt: number | null;
  readonly bytes: number | null;
  readonly version: string | null;
}

export interface BackupsAnswer {
  /** Whether backups are made without being told a folder. */
  readonly isConfigured: boolean;
  readonly maxAgeMs: number;
  /** In the configured folder, newest first. */
  readonly kept: readonly KeptBackup[];
  readonly status: BackupStatus;
  /** The one under way, or the last since the start. */
  readonly run: BackupRun | null;
}

export interface Backups {
  look(): Promise<BackupsAnswer>;
  /**
   * Begins one; `order` names what a command has left in the data directory.
   * @throws TenantryError CONFLICT while one is made, NOT_FOUND, BAD_REQUEST where no folder is configured
   */
  begin(actor: StaffActor, order: string | undefined): Promise<BackupRun>;
  /** What the running stores have of a tenant, as of the moment of a backup. */
  figures(actor: StaffActor, question: BackupFiguresQuestion): Promise<BackupFigures>;
}
