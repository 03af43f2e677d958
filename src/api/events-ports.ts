import type { UsageEvent } from '../domain/usage-event.ts';

export interface UsageEvents {
  /** How late and how far ahead of time an event may be. */
  readonly acceptPastMs: number;
  readonly acceptFutureMs: number;
  /**
   * On disk when it has answered, each event once. All or none. `now`: Unix ms.
   * @throws TenantryError STORE_UNAVAILABLE
   */
  take(
    events: readonly UsageEvent[],
    keyId: string,
    now: number,
  ): Promise<{ readonly accepted: number; readonly repeated: number; readonly conflicting: number }>;
}
