import type { MeasuredSize } from '../../domain/storage.ts';
import type { Skipped, StorageProgress } from '../../domain/storage-target.ts';

/** What a run has found so far, by step. What is saved survives a kill, and the next attempt goes on from there. */
export interface Checkpoint {
  load(step: string): Promise<unknown>;
  /** `value` is JSON. A second save of a step takes the place of the first. */
  save(step: string, value: unknown): Promise<void>;
  /** How far the run has come, for people. */
  progress(figures: StorageProgress): Promise<void>;
}

/** What a finished run tells: every tenant that has anything, and what has to be known about it. */
export interface Collected {
  readonly sizes: readonly MeasuredSize[];
  readonly progress: StorageProgress;
  /** What could not be measured, and why. */
  readonly skipped: readonly Skipped[];
}

/** One way of finding out what tenants store. */
export interface Collector {
  /**
   * Goes on where `checkpoint` says. Rejects when it cannot go on now; another attempt may.
   * @throws TenantryError
   */
  collect(checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected>;
}
