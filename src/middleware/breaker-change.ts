import type { BreakerPhase } from '../domain/breaker.ts';

/** A breaker that changed, as the server is told of it. */
export interface BreakerChange {
  readonly key: string;
  readonly tenantId: string;
  readonly integration: string;
  readonly phase: BreakerPhase;
  readonly calls: number;
  readonly failures: number;
  readonly lastError: string | undefined;
  /** True when it went from closed to open. */
  readonly isOpening: boolean;
}

export interface BreakerWatcher {
  changed(change: BreakerChange): void;
  forgotten(key: string): void;
}
