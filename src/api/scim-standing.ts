import { TenantryError } from '../domain/errors.ts';
import { lowerRole, type ScimStanding } from '../domain/scim.ts';
import type { Authenticator, Caller } from './authenticate.ts';
import type { Scim } from './scim-ports.ts';

/** What the person may do at most, as the directory says. @throws TenantryError UNAUTHENTICATED when that is nothing */
function held(caller: Caller, standing: ScimStanding): Caller {
  const { actor } = caller;
  switch (standing.kind) {
    case 'unknown':
      return caller;
    case 'ended':
      throw new TenantryError('UNAUTHENTICATED', "Your organisation's directory has ended your access.", {
        hint: 'Ask who keeps the directory of your organisation.',
      });
    case 'no_role':
      throw new TenantryError('UNAUTHENTICATED', "No group of your organisation's directory gives you a role here.", {
        hint: 'Ask who keeps the directory of your organisation to put you in a group that does.',
      });
    case 'active':
      if (standing.most === undefined || actor.kind !== 'tenant') return caller;
      return { ...caller, actor: { ...actor, role: lowerRole(actor.role, standing.most) } };
  }
}

/**
 * Holds a tenant's people to what their directory says of them: tokens and sessions that are still good open nothing once
 * access has ended, and no more than the role that the directory gives. Keys, frames and the operator's people are not of
 * any directory.
 */
export function heldByDirectory(authenticator: Authenticator, scim: Pick<Scim, 'standing'>): Authenticator {
  return {
    async identify(request) {
      const caller = await authenticator.identify(request);
      if (caller?.actor.kind !== 'tenant' || caller.via === 'embed') return caller;
      return held(caller, await scim.standing(caller.actor.tenantId, caller.actor.subject));
    },
  };
}
