import type { Window } from '../domain/window.ts';

/** A minute in which tenants were hurt on a service, and what can be said of who did it. */
export interface NeighborVerdict {
  /** Unix ms, start of the minute. */
  readonly at: number;
  readonly kind: 'culprit' | 'global_slowdown' | 'unclear';
  readonly reason: string;
  readonly victims: readonly {
    readonly tenantId: string;
    readonly p95Ms: number;
    readonly usualP95Ms: number;
    readonly requests: number;
  }[];
  readonly suspects: readonly {
    readonly tenantId: string;
    readonly score: number;
    readonly meter: 'cpu' | 'db' | 'requests';
    readonly now: number;
    readonly usual: number;
    readonly excessShare: number;
    readonly requestsPerMinute: number;
    readonly usualRequestsPerMinute: number;
  }[];
}

/** Who used how much of a service, largest share first; null: not known what is usual. */
export interface NeighborLoad {
  /** Unix ms, start of the minute. */
  readonly at: number;
  readonly meter: 'cpu' | 'db' | 'requests';
  readonly tenants: readonly {
    readonly tenantId: string;
    readonly now: number;
    readonly usual: number | null;
    readonly share: number;
    readonly usualShare: number | null;
    readonly requestsPerMinute: number;
    readonly usualRequestsPerMinute: number | null;
    readonly p95Ms: number | null;
    readonly usualP95Ms: number | null;
  }[];
}

export interface Neighbors {
  /** Verdicts oldest first. Without a service: of the busy one in which tenants were hurt last. */
  look(question: { readonly service: string | undefined; readonly window: Window }): Promise<{
    readonly service: string | undefined;
    readonly services: readonly string[];
    readonly verdicts: readonly NeighborVerdict[];
    /** Of the minute of the last verdict, or the newest one. */
    readonly load: NeighborLoad | undefined;
  }>;
}
