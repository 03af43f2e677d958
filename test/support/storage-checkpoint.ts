import type { Checkpoint } from '../../src/aggregate/collectors/checkpoint.ts';

/** What a run has found so far, in memory, through JSON as the real one goes. */
export class MemoryCheckpoint implements Checkpoint {
  readonly steps = new Map<string, unknown>();
  /** Called after each save. */
  onSave: () => void = () => undefined;

  async load(step: string): Promise<unknown> {
    return this.steps.get(step);
  }

  async save(step: string, value: unknown): Promise<void> {
    this.steps.set(step, JSON.parse(JSON.stringify(value)));
    this.onSave();
  }

  async progress(): Promise<void> {
    // Nobody looks.
  }
}
