import type { StaffActor } from '../domain/actor.ts';
import type { QuarantinedDetail, QuarantinedRequest } from '../domain/quarantine.ts';

/** Spans or data points that were loaded nowhere but beside the others, with the reason. */
export interface SetAsideGroup {
  readonly kind: 'spans' | 'data points';
  readonly reason: string;
  readonly service: string;
  readonly keyId: string;
  readonly count: number;
  /** Unix ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Name of one of them. */
  readonly example: string;
}

export interface Quarantine {
  /** Newest first. */
  list(limit: number): Promise<{ readonly items: readonly QuarantinedRequest[]; readonly total: number }>;
  show(id: string): Promise<QuarantinedDetail | undefined>;
  /** Of the last seven days. */
  setAside(): Promise<readonly SetAsideGroup[]>;
  /** false: there is none with this id. @throws TenantryError CONFLICT for what cannot be loaded */
  replay(actor: StaffActor, id: string): Promise<boolean>;
  drop(actor: StaffActor, id: string): Promise<boolean>;
}
