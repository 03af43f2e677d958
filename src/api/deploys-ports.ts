import type { StaffActor } from '../domain/actor.ts';
import type { Deploy, NewDeploy } from '../domain/deploy.ts';
import type { Window } from '../domain/window.ts';

export interface Deploys {
  /**
   * Notes a deploy; one that is known already is told again.
   * @throws TenantryError CONFLICT for a key that stands for another deploy, RATE_LIMITED for too many in an hour
   */
  mark(actor: StaffActor, deploy: NewDeploy): Promise<{ readonly deploy: Deploy; readonly isNew: boolean }>;
  /** Newest first. */
  list(
    actor: StaffActor,
    filter: { readonly window: Window; readonly service: string | undefined; readonly limit: number },
  ): Promise<readonly Deploy[]>;
}
