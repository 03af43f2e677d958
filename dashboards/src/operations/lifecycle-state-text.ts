/** Words of where a customer stands, and of what a change of it does. */
import type { DirectoryItem } from '../../../src/api/lifecycle-contract.ts';

export const REASON_WORDS = {
  payment: 'Payment',
  abuse: 'Abuse',
  security: 'Security',
  request: 'At their request',
  other: 'Other',
} as const;

export const EFFECT_WORDS = {
  refuse: 'Refuse every request',
  read_only: 'Let them read, refuse changes',
} as const;

export type StateChange = 'suspend' | 'resume' | 'close' | 'reopen';

/** What may be done from where the customer stands, in the order of weight. */
export function stateChanges({ status }: Pick<DirectoryItem, 'status'>): readonly StateChange[] {
  switch (status) {
    case 'active':
      return ['suspend', 'close'];
    case 'suspended':
      return ['resume', 'suspend', 'close'];
    case 'closed':
      return ['reopen'];
  }
}

/** What a change does, sentence by sentence. `apps`: live instances that hear of it; undefined: not known. */
export function stateEffects(
  change: StateChange,
  { effect, until, apps }: { effect: string; until: string; apps: number | undefined },
): readonly string[] {
  const heard =
    apps === undefined
      ? 'Apps hear of it within seconds.'
      : apps === 0
        ? 'No app is connected to the flags right now: each obeys as soon as it is.'
        : `${apps} connected app ${apps === 1 ? 'instance hears' : 'instances hear'} of it within seconds.`;
  switch (change) {
    case 'suspend':
      return [
        effect === 'read_only'
          ? 'Apps answer requests that change something with 403; reading goes on. AI is blocked.'
          : 'Apps answer every request with 403, but for routes that they keep open. AI is blocked.',
        'Its own people can still sign in here and read. Telemetry is still taken, so nothing is lost.',
        heard,
        until === ''
          ? 'It lasts until somebody ends it.'
          : 'It ends by itself at that time, also if nothing more is heard of Tenantry.',
      ];
    case 'close':
      return [
        'Apps answer every request with 403, and ingest refuses what its own keys send.',
        'Nothing is deleted. Detector and alerts leave it alone. Its own people can read, and take their data away.',
        heard,
      ];
    case 'resume':
      return ['Everything is as before the suspension.', heard];
    case 'reopen':
      return ['It is active again, with its plan, people and keys.', heard];
  }
}

/** `Suspended (payment), changes refused, until 3 July` as parts. `day` writes a date. */
export function standingText({ status, state }: DirectoryItem, day: (text: string) => string): string {
  if (status === 'active') return 'active';
  if (status === 'closed') return state === null ? 'closed' : `closed: ${state.reason}`;
  if (state === null) return 'suspended';
  const what = state.effect === 'read_only' ? 'may read' : 'all refused';
  const end = state.until === null ? '' : `, until ${day(state.until)}`;
  return `suspended, ${what}${end}: ${state.reason}`;
}
