import type { StateCommand, StateVerdict, TenantStanding, TenantState } from '../domain/tenant-state.ts';
import { DAY_MS } from '../domain/window.ts';

/** A suspension that no person stands behind must end by itself within this. */
export const AUTOMATION_LONGEST_MS = 7 * DAY_MS;
/** So long after a person has let a tenant go automation does not suspend it again. */
export const LEAVE_ALONE_MS = DAY_MS;
const LONGEST_MS = 3_660 * DAY_MS;

export interface Commander {
  /** False for the role `automation` and for Tenantry itself. */
  readonly isPerson: boolean;
  /** The version on top of which it is decided; undefined: whatever there is. */
  readonly version: number | undefined;
}

type Refused = Extract<StateVerdict, { kind: 'refused' }>;

/**
 *   active --suspend--> suspended --resume, until--> active
 *   active, suspended --close--> closed --reopen--> active
 *
 * The same again changes nothing. What a person decided is changed by persons alone.
 * @param now Unix ms
 */
export function judgeState(standing: TenantStanding, command: StateCommand, by: Commander, now: number): StateVerdict {
  if (by.version !== undefined && by.version !== standing.version) return changedMeanwhile(standing);
  const current = endedSuspension(standing, now) ?? standing;
  const refusal = by.isPerson ? undefined : refuseAutomation(standing, current.status, command, now);
  if (refusal !== undefined) return refusal;
  switch (command.kind) {
    case 'suspend':
      return suspend(current, command, now);
    case 'resume':
      if (current.status === 'closed') return conflict('The tenant is closed.', 'Reopen it instead.');
      return current.status === 'active' ? settled(standing, now) : changed(active(command.reason));
    case 'close':
      return current.status === 'closed'
        ? { kind: 'unchanged' }
        : changed({ ...active(command.reason), status: 'closed' });
    case 'reopen':
      if (current.status === 'suspended')
        return conflict('The tenant is not closed but suspended.', 'Resume it instead.');
      return current.status === 'active' ? settled(standing, now) : changed(active(command.reason));
  }
}

/** What a suspension becomes once its time is over; undefined: it is not. */
export function endedSuspension(
  standing: Pick<TenantStanding, 'status' | 'until'>,
  now: number,
): TenantState | undefined {
  const { status, until } = standing;
  if (status !== 'suspended' || until === null || until > now) return undefined;
  return active('The time of the suspension is over.');
}

function active(reason: string): TenantState {
  return { status: 'active', effect: null, reasonCode: null, reason, until: null };
}

function changed(next: TenantState): StateVerdict {
  return { kind: 'changed', next };
}

/** A suspension that has run out is written down as over, which is no decision of whoever came upon it. */
function settled(standing: TenantStanding, now: number): StateVerdict {
  const over = endedSuspension(standing, now);
  return over === undefined ? { kind: 'unchanged' } : changed(over);
}

function suspend(
  current: Pick<TenantStanding, 'status' | 'effect' | 'reasonCode' | 'reason' | 'until'>,
  { effect, reasonCode, reason, until }: Extract<StateCommand, { kind: 'suspend' }>,
  now: number,
): StateVerdict {
  if (current.status === 'closed')
    return conflict('The tenant is closed, which is more than suspended.', 'Reopen it first.');
  if (until !== null && (until <= now || until > now + LONGEST_MS)) {
    return {
      ...{
        kind: 'refused',
        code: 'BAD_REQUEST',
        detail: 'body field "until": must lie in the future, within ten years.',
      },
      hint: 'Leave it out for a suspension that somebody ends.',
    };
  }
  const isSame =
    current.status === 'suspended' &&
    current.effect === effect &&
    current.reasonCode === reasonCode &&
    current.reason === reason &&
    current.until === until;
  return isSame ? { kind: 'unchanged' } : changed({ status: 'suspended', effect, reasonCode, reason, until });
}

function refuseAutomation(
  { byPerson, changedAt, status }: TenantStanding,
  statusNow: TenantState['status'],
  command: StateCommand,
  now: number,
): Refused | undefined {
  if (command.kind === 'close' || command.kind === 'reopen') return forbidden('Only people close and reopen tenants.');
  if (byPerson && statusNow !== 'active') return forbidden('A person has decided where this tenant stands.');
  if (command.kind !== 'suspend') return undefined;
  if (command.until === null || command.until > now + AUTOMATION_LONGEST_MS) {
    return forbidden('A suspension by automation ends by itself within 7 days.');
  }
  // A person's suspension that ran out by itself is no word against another one.
  const letGo = byPerson && status === 'active' && changedAt !== null && now < changedAt + LEAVE_ALONE_MS;
  return letGo ? forbidden('A person has let this tenant go within the last 24 hours.') : undefined;
}

function forbidden(detail: string): Refused {
  return { kind: 'refused', code: 'FORBIDDEN', detail, hint: 'Ask an admin or an SRE.' };
}

function conflict(detail: string, hint: string): Refused {
  return { kind: 'refused', code: 'CONFLICT', detail, hint };
}

function changedMeanwhile({ version }: TenantStanding): Refused {
  return conflict(
    `Somebody has changed the state of this tenant since: it has version ${version} now.`,
    'Read it again (GET /v1/tenants/{id}/state) and decide on top of that.',
  );
}
