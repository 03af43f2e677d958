import { describe, expect, it } from 'vitest';
import { standingText, stateChanges, stateEffects } from '../../dashboards/src/operations/lifecycle-state-text.ts';
import type { DirectoryItem } from '../../src/api/contract.ts';

type Status = DirectoryItem['status'];
const state = (changes: Partial<NonNullable<DirectoryItem['state']>> = {}): DirectoryItem['state'] => ({
  ...{ version: 1, effect: 'refuse', reason_code: 'payment', reason: 'unpaid', until: null },
  ...{ since: '2026-06-01T00:00:00Z', by: 'ada', ...changes },
});
const of = (status: Status, how: DirectoryItem['state'] = null) => ({ status, state: how }) as DirectoryItem;
const day = (text: string) => text.slice(0, 10);

describe('what may be done with a customer', () => {
  it.each([
    ['active', ['suspend', 'close']],
    ['suspended', ['resume', 'suspend', 'close']],
    ['closed', ['reopen']],
  ] as const)('from %s is %j', (status, changes) => {
    expect(stateChanges({ status })).toEqual(changes);
  });
});

describe('what is said before it is done', () => {
  const about = { effect: 'refuse', until: '', apps: 2 };

  it('names what apps do, what stays, who hears of it, and when it ends', () => {
    expect(stateEffects('suspend', about).join(' ')).toMatch(
      /every request with 403.*lost\. 2 connected.*somebody ends it/,
    );
    const mild = stateEffects('suspend', { effect: 'read_only', until: '2026-07-01T00:00', apps: 1 }).join(' ');
    expect(mild).toMatch(/reading goes on.*1 connected app instance hears.*ends by itself/);
  });

  it('does not claim to know how many apps hear of it', () => {
    expect(stateEffects('close', { ...about, apps: undefined }).join(' ')).toContain('Apps hear of it within seconds');
    expect(stateEffects('resume', { ...about, apps: 0 }).join(' ')).toContain('No app is connected');
    expect(stateEffects('reopen', about)).toHaveLength(2);
  });
});

describe('where a customer stands, in words', () => {
  it.each([
    ['active', of('active')],
    ['active', of('active', state())],
    ['suspended, all refused: unpaid', of('suspended', state())],
    [
      'suspended, may read, until 2026-07-01: unpaid',
      of('suspended', state({ effect: 'read_only', until: '2026-07-01T10:00:00Z' })),
    ],
    ['suspended', of('suspended')],
    ['closed: left us', of('closed', state({ effect: null, reason: 'left us' }))],
    ['closed', of('closed')],
  ])('is: %s', (text, tenant) => {
    expect(standingText(tenant, day)).toBe(text);
  });
});
