import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeSignals, type SignalState } from '../../src/cost/signal-judge.ts';
import { NO_WATCH, type SignalWatch, stepWatch, WATCH_TERMS } from '../../src/cost/signal-watch.ts';
import type { SignalGrade, SignalObservation } from '../../src/domain/signal.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';

const TERMS = { holdMs: 3 * DAY_MS, releaseMs: 2 * DAY_MS };

/** Hour by hour; what changed, by the hour in which it did. */
function run(grades: readonly SignalGrade[], terms = TERMS): string[] {
  let watch: SignalWatch = NO_WATCH;
  let isOpen = false;
  return grades.flatMap((grade, hour) => {
    const step = stepWatch(watch, isOpen, grade, hour * HOUR_MS, terms);
    watch = step.watch;
    if (step.change === 'none') return [];
    isOpen = step.change === 'begin';
    return [`${step.change}@${hour}`];
  });
}

const hours = (count: number, grade: SignalGrade) => new Array<SignalGrade>(count).fill(grade);

describe('a signal', () => {
  test('begins when its condition has held long enough, and ends when it has been gone long enough', () => {
    expect(run([...hours(100, 'on'), ...hours(60, 'off')])).toEqual(['begin@72', 'end@148']);
  });

  test('does not begin when the condition broke off in between, even only a little', () => {
    for (const gap of ['off', 'between'] as const) {
      expect(run([...hours(60, 'on'), gap, ...hours(60, 'on')])).toEqual([]);
    }
  });

  test('does not end while the condition comes back now and then', () => {
    const restless = Array.from({ length: 40 }, () => [...hours(40, 'off' as const), 'between' as const]).flat();
    expect(run([...hours(80, 'on'), ...restless])).toEqual(['begin@72']);
  });

  test('neither begins nor ends for want of figures', () => {
    expect(run([...hours(70, 'on'), ...hours(500, 'unknown')])).toEqual([]);
    expect(run([...hours(80, 'on'), ...hours(500, 'unknown')])).toEqual(['begin@72']);
    // What was counted before the gap counts after it.
    expect(run([...hours(70, 'on'), ...hours(5, 'unknown'), 'on'])).toEqual(['begin@75']);
  });

  test('never flaps: whatever comes, beginnings and ends are as far apart as their terms say', () => {
    const grade = fc.constantFrom<SignalGrade>('on', 'between', 'off', 'unknown');
    fc.assert(
      fc.property(fc.array(grade, { minLength: 1, maxLength: 600 }), (grades) => {
        const terms = { holdMs: 5 * HOUR_MS, releaseMs: 8 * HOUR_MS };
        let last = { change: 'end', hour: Number.NEGATIVE_INFINITY };
        for (const event of run(grades, terms)) {
          const [change = '', at = ''] = event.split('@');
          expect(change).not.toBe(last.change);
          expect(Number(at) - last.hour).toBeGreaterThanOrEqual(change === 'begin' ? 5 : 8);
          last = { change, hour: Number(at) };
        }
      }),
    );
  });
});

describe('an evaluation', () => {
  const acme = { tenantId: 'acme' as TenantId, kind: 'limited_experience', subject: '' } as const;
  const seen = (grade: SignalGrade, changes: Partial<SignalObservation> = {}): SignalObservation => ({
    ...{ ...acme, grade, strength: 10, sentence: 's', evidence: { figures: {}, links: [] } },
    ...changes,
  });
  const EMPTY: SignalState = { open: [], watches: [] };
  const ALL = new Set(['limited_experience', 'growth'] as const);

  test('makes, keeps and ends signals, and says since when', () => {
    expect(judgeSignals(EMPTY, [seen('on')], ALL, 7).begun).toMatchObject([{ ...acme, since: 7 }]);
    const open = [{ ...acme, id: '1' }];
    expect(judgeSignals({ open, watches: [] }, [seen('on')], ALL, 8)).toMatchObject({ seen: [{ id: '1' }], ended: [] });
    const leaving = judgeSignals({ open, watches: [] }, [], ALL, 9);
    expect(leaving).toMatchObject({ seen: [], ended: [], watches: [{ ...acme, offSince: 9 }] });
    const { releaseMs } = WATCH_TERMS.limited_experience;
    const after = judgeSignals({ open, watches: leaving.watches }, [], ALL, 9 + releaseMs);
    expect(after).toMatchObject({ ended: [{ id: '1' }], dropped: [acme], watches: [] });
  });

  test('ends nothing of a kind that could not be evaluated', () => {
    const open = [{ ...acme, id: '1' }];
    const watches = [{ ...acme, onSince: 1, offSince: 2 }];
    const blind = judgeSignals({ open, watches }, [], new Set(['growth']), 400 * DAY_MS);
    expect(blind).toEqual({ begun: [], seen: [], ended: [], watches: [], dropped: [] });
  });

  test('keeps nothing of conditions that do not hold', () => {
    const many = Array.from({ length: 50 }, (_, index) => seen('off', { tenantId: `t${index}` as TenantId }));
    expect(judgeSignals(EMPTY, many, ALL, 1)).toEqual({ begun: [], seen: [], ended: [], watches: [], dropped: [] });
  });
});
