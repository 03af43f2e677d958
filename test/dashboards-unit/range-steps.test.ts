import { describe, expect, it } from 'vitest';
import { checkRange, liveRange, nextRange, previousRange } from '../../dashboards/src/shared/range-steps.ts';
import { rangeText, timeText } from '../../dashboards/src/shared/time-format.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 4, 10);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (hour: number, minute = 0) => Date.UTC(2026, 10, 23, hour, minute);

describe('steps through time', () => {
  it('go back by the length of the window, without a gap', () => {
    const first = previousRange({ kind: 'last', preset: '1h' }, NOW);
    expect(first).toEqual({ kind: 'fixed', from: at(10, 4), to: at(11, 4) });
    expect(previousRange(first, NOW)).toEqual({ kind: 'fixed', from: at(9, 4), to: at(10, 4) });
  });

  it('come forward again and end live, not in the future', () => {
    const back = previousRange(previousRange({ kind: 'last', preset: '1h' }, NOW), NOW);
    const next = nextRange(back, NOW);
    expect(next).toEqual({ kind: 'fixed', from: at(10, 4), to: at(11, 4) });
    expect(next && nextRange(next, NOW)).toEqual({ kind: 'last', preset: '1h' });
    expect(nextRange({ kind: 'last', preset: '1h' }, NOW)).toBeUndefined();
    expect(nextRange({ kind: 'fixed', from: at(12), to: at(13) }, NOW)).toBeUndefined();
  });

  it('end at the present minute where no preset is as long', () => {
    expect(nextRange({ kind: 'fixed', from: at(11), to: at(11, 45) }, NOW)).toEqual({
      kind: 'fixed',
      from: at(11, 20),
      to: at(12, 5),
    });
  });

  it.each([
    [50 * MINUTE, '1h'],
    [20 * MINUTE, '15m'],
    [20 * HOUR, '24h'],
    [400 * 24 * HOUR, '30d'],
  ])('%d ms live is the preset nearest to it', (length, preset) => {
    expect(liveRange({ kind: 'fixed', from: NOW - length, to: NOW })).toEqual({ kind: 'last', preset });
  });
});

describe('a typed range', () => {
  const check = (from: string, to: string, zone = 'UTC') => checkRange({ from, to }, zone, NOW);

  it('is read on the clocks of the chosen zone', () => {
    expect(check('2026-11-23T11:00', '2026-11-23T12:00', 'Europe/Berlin')).toEqual({
      ok: true,
      range: { kind: 'fixed', from: at(10), to: at(11) },
    });
  });

  it.each([
    ['', '2026-11-23T12:00', { from: 'Give a date and a time.' }],
    ['2026-11-23T12:00', '', { to: 'Give a date and a time.' }],
    ['2026-11-23T12:00', '2026-11-23T12:00', { to: 'The end must be after the start.' }],
    ['2026-11-23T13:00', '2026-11-23T14:00', { from: 'This is in the future: there is nothing to see yet.' }],
    ['2025-01-01T00:00', '2026-11-23T12:00', { from: 'At most 400 days can be shown at once.' }],
  ])('from %j to %j says what is wrong with it', (from, to, problems) => {
    expect(check(from, to)).toEqual({ ok: false, problems });
  });

  it('explains an hour that clocks skip', () => {
    const skipped = check('2026-03-29T02:30', '2026-03-29T04:00', 'Europe/Berlin');
    expect(!skipped.ok && skipped.problems.from).toContain('went forward');
  });
});

describe('the text of a range', () => {
  const utc = timeText('UTC');
  it('names the day once where it is the same', () => {
    expect(rangeText({ from: at(10), to: at(11, 30) }, utc)).toBe('23 Nov 10:00 – 11:30');
    expect(rangeText({ from: at(10), to: at(34) }, utc)).toBe('23 Nov 10:00 – 24 Nov 10:00');
  });
});
