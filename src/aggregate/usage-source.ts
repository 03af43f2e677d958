import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import type { Window } from '../domain/window.ts';

export const USAGE_STEPS = ['minute', 'hour', 'day', 'month'] as const;

/** Calendar steps in UTC. */
export type UsageStep = (typeof USAGE_STEPS)[number];

export interface UsageQuestion {
  /** Widened to whole minutes: rollups know nothing finer. */
  readonly window: Window;
  readonly metrics: readonly UsageKey[];
  /** Absent: everybody, with the names that stand for more than one tenant or none (isReservedTenant). */
  readonly tenants?: readonly TenantId[] | undefined;
}

export interface UsageSourceQuestion extends UsageQuestion {
  /** Absent: one sum over the window. */
  readonly step?: UsageStep | undefined;
}

/** What one tenant used in one step. A metric that is absent was not measured, which is not zero. */
export interface UsageRow {
  readonly tenantId: TenantId;
  /** Unix ms of the step's start, which may lie before the window's; of a sum over the window that of the window. */
  readonly at: number;
  readonly values: ReadonlyMap<UsageKey, bigint>;
}

/** Where some of the metrics come from: one for each way of measuring, and the reader puts them together. */
export interface UsageSource {
  answers(metric: UsageKey): boolean;
  /** `metrics` holds only what it answers, at least one. Each tenant and step at most once, in any order. */
  read(question: UsageSourceQuestion): Promise<readonly UsageRow[]>;
}
