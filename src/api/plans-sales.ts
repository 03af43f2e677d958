/** What the api needs of plans, quotas and what follows from them for sales. */
import type { PlanBook } from './plans-ports.ts';
import type { BurstCredits, Quotas } from './quotas-ports.ts';
import type { Placements, Signals } from './signals-ports.ts';

export interface Sales {
  readonly plans: PlanBook;
  readonly quotas: Quotas;
  readonly burst: BurstCredits;
  readonly signals: Signals;
  readonly placements: Placements;
}
