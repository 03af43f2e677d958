import { describe, expect, it } from 'vitest';
import { AUTOMATION_LONGEST_MS, endedSuspension, judgeState, LEAVE_ALONE_MS } from '../../src/control/tenant-state.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { StateCommand, StateVerdict, TenantStanding } from '../../src/domain/tenant-state.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const NEW: TenantStanding = {
  ...{ tenantId: 'acme' as TenantId, version: 0, status: 'active', effect: null, reasonCode: null, reason: null },
  ...{ until: null, changedAt: null, changedBy: null, byPerson: false },
};
const suspend = (changes: Partial<Extract<StateCommand, { kind: 'suspend' }>> = {}): StateCommand => ({
  ...{ kind: 'suspend', effect: 'refuse', reasonCode: 'payment', reason: 'unpaid since May', until: null },
  ...changes,
});
const just = (kind: 'resume' | 'close' | 'reopen'): StateCommand => ({ kind, reason: 'because' });
const PERSON = { isPerson: true, version: undefined };
const MACHINE = { isPerson: false, version: undefined };

/** What the store makes of a verdict. */
function decided(standing: TenantStanding, verdict: StateVerdict, isPerson = true, at = NOW): TenantStanding {
  if (verdict.kind !== 'changed') throw new Error(`not changed: ${JSON.stringify(verdict)}`);
  const { version } = standing;
  return { ...standing, ...verdict.next, version: version + 1, changedAt: at, changedBy: 'x', byPerson: isPerson };
}
const SUSPENDED = decided(NEW, judgeState(NEW, suspend(), PERSON, NOW));
const CLOSED = decided(NEW, judgeState(NEW, just('close'), PERSON, NOW));

describe('where a tenant stands', () => {
  it.each([
    ['active', NEW, suspend(), 'suspended'],
    ['suspended', SUSPENDED, just('resume'), 'active'],
    ['suspended, otherwise', SUSPENDED, suspend({ effect: 'read_only' }), 'suspended'],
    ['active', NEW, just('close'), 'closed'],
    ['suspended', SUSPENDED, just('close'), 'closed'],
    ['closed', CLOSED, just('reopen'), 'active'],
  ])('goes from %s by a command', (_from, standing, command, status) => {
    expect(judgeState(standing, command, PERSON, NOW)).toMatchObject({ kind: 'changed', next: { status } });
  });

  it.each([
    ['suspend', CLOSED, suspend()],
    ['resume', CLOSED, just('resume')],
    ['reopen', SUSPENDED, just('reopen')],
  ])('does not %s what stands elsewhere', (_kind, standing, command) => {
    expect(judgeState(standing, command, PERSON, NOW)).toMatchObject({ kind: 'refused', code: 'CONFLICT' });
  });

  it.each([
    [SUSPENDED, suspend()],
    [NEW, just('resume')],
    [NEW, just('reopen')],
    [CLOSED, just('close')],
  ])('stays as it is by the same again', (standing, command) => {
    expect(judgeState(standing, command, PERSON, NOW)).toEqual({ kind: 'unchanged' });
  });

  it('leaves nothing of a suspension behind', () => {
    const nothing = { effect: null, reasonCode: null, until: null };
    const held = decided(NEW, judgeState(NEW, suspend({ until: NOW + 1 }), PERSON, NOW));
    expect(judgeState(held, just('close'), PERSON, NOW)).toMatchObject({ next: { status: 'closed', ...nothing } });
    expect(judgeState(held, just('resume'), PERSON, NOW)).toMatchObject({ next: { status: 'active', ...nothing } });
  });

  it('is decided on top of what was seen, or not at all', () => {
    const seen = (version: number) => judgeState(SUSPENDED, just('resume'), { isPerson: true, version }, NOW);
    expect(seen(1)).toMatchObject({ kind: 'changed' });
    for (const stale of [0, 2]) expect(seen(stale)).toMatchObject({ kind: 'refused', code: 'CONFLICT' });
  });
});

describe('a suspension with an end', () => {
  const until = NOW + 1_000;
  const held = decided(NEW, judgeState(NEW, suspend({ until }), PERSON, NOW));

  it('ends by itself, at its moment and not before', () => {
    expect(endedSuspension(held, until - 1)).toBeUndefined();
    expect(endedSuspension(held, until)).toMatchObject({ status: 'active', effect: null });
    expect(endedSuspension(SUSPENDED, NOW + 1e12)).toBeUndefined();
    expect(endedSuspension(CLOSED, NOW + 1e12)).toBeUndefined();
  });

  it('that is over is none: resuming writes it down, suspending begins another one', () => {
    expect(judgeState(held, just('resume'), PERSON, until)).toMatchObject({ next: { status: 'active' } });
    expect(judgeState(held, just('reopen'), PERSON, until)).toMatchObject({ next: { status: 'active' } });
    const again = judgeState(held, suspend({ until: until + 5 }), PERSON, until);
    expect(again).toMatchObject({ next: { status: 'suspended', until: until + 5 } });
  });

  it.each([NOW, NOW - 1, NOW + 11 * 366 * 86_400_000])('does not end at %d', (wrong) => {
    expect(judgeState(NEW, suspend({ until: wrong }), PERSON, NOW)).toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('automation', () => {
  const soon = suspend({ until: NOW + 60_000 });

  it('suspends for a while that ends by itself, and ends what it began', () => {
    expect(judgeState(NEW, soon, MACHINE, NOW)).toMatchObject({ kind: 'changed' });
    const own = decided(NEW, judgeState(NEW, soon, MACHINE, NOW), false);
    expect(judgeState(own, just('resume'), MACHINE, NOW)).toMatchObject({ kind: 'changed' });
    for (const until of [null, NOW + AUTOMATION_LONGEST_MS + 1]) {
      expect(judgeState(NEW, suspend({ until }), MACHINE, NOW)).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('never closes, reopens, or changes what a person decided', () => {
    for (const [standing, command] of [
      [NEW, just('close')],
      [CLOSED, just('reopen')],
      [SUSPENDED, just('resume')],
      [SUSPENDED, soon],
      [CLOSED, soon],
    ] as const) {
      expect(judgeState(standing, command, MACHINE, NOW)).toMatchObject({ kind: 'refused', code: 'FORBIDDEN' });
    }
  });

  it('leaves a tenant alone for a day after a person let it go', () => {
    const letGo = decided(SUSPENDED, judgeState(SUSPENDED, just('resume'), PERSON, NOW));
    const at = (now: number) => judgeState(letGo, suspend({ until: now + 1 }), MACHINE, now);
    expect(at(NOW + LEAVE_ALONE_MS - 1)).toMatchObject({ code: 'FORBIDDEN' });
    expect(at(NOW + LEAVE_ALONE_MS)).toMatchObject({ kind: 'changed' });
  });
});

it('any way through the states stays one of the states, whoever commands', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  let standing = NEW;
  let now = NOW;
  const counts = { changed: 0, unchanged: 0, refused: 0 };
  for (let step = 0; step < 5_000; step += 1) {
    now += random(3) * 40_000_000;
    const until = random(2) === 0 ? null : now + 1 + random(100_000_000);
    const effect = random(2) === 0 ? 'refuse' : 'read_only';
    const commands = [suspend({ until, effect }), just('resume'), just('close'), just('reopen')] as const;
    const isPerson = random(3) > 0;
    const command = commands[random(4)] ?? just('resume');
    const verdict = judgeState(standing, command, { isPerson, version: standing.version }, now);
    counts[verdict.kind] += 1;
    if (verdict.kind !== 'changed') continue;
    const { next } = verdict;
    expect([next.effect === null, next.reasonCode === null]).toEqual(Array(2).fill(next.status !== 'suspended'));
    if (next.status !== 'suspended') expect(next.until).toBeNull();
    if (!isPerson) expect(standing.byPerson && standing.status !== 'active' && standing.until === null).toBe(false);
    standing = decided(standing, verdict, isPerson, now);
  }
  expect(Math.min(counts.changed, counts.unchanged, counts.refused)).toBeGreaterThan(100);
});
