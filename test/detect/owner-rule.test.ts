import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OwnerRuleParams, RuleFinding, SeriesState } from '../../src/detect/owner-rule.ts';
import { baselineBefore, evaluate, ownerRuleParams } from '../../src/detect/owner-rule.ts';
import type { Counts } from '../../src/detect/ports.ts';
import { at, rates, seriesOf } from '../support/detect-series.ts';

const PARAMS = ownerRuleParams('requests');
const HOUR = 360;
/** A whole hour of history lies before the window that the first judged interval is in. */
const WARM = HOUR + 10;

/** Runs a whole story, `step` intervals per call, beginning after the first hour as the detector would. */
function replay(counts: Counts, params: OwnerRuleParams = PARAMS, step = 1, from = WARM) {
  let state: SeriesState | undefined;
  const findings: RuleFinding[] = [];
  for (let done = from; done < counts.length; ) {
    const fresh = Math.min(step, counts.length - done);
    done += fresh;
    const result = evaluate(state, seriesOf(counts.slice(0, done), fresh), at(done), params);
    state = result.state;
    findings.push(...result.findings);
  }
  return { state, findings };
}

const changes = (counts: Counts, params?: OwnerRuleParams) =>
  replay(counts, params)
    .findings.filter(({ change }) => change !== 'updated')
    .map(({ change }) => change);

describe('a finding opens', () => {
  it('with the third interval of five above three times the baseline', () => {
    const { findings } = replay(rates([WARM, 2], [2, 8], [1, 2], [1, 8]));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      change: 'opened',
      endedAt: null,
      surge: { startedAt: at(WARM), detectedAt: at(WARM + 4), baseline: 2, aboveIntervals: 3, aboveSum: 24 },
    });
  });

  it.each([
    ['two of five are above', rates([WARM, 2], [2, 8], [3, 2])],
    ['three are above, but spread over more than five', rates([WARM, 2], [2, 8], [3, 2], [1, 8])],
    ['it is just below three times', rates([WARM, 2], [20, 5.9])],
    ['it is below the volume floor, whatever the ratio', rates([WARM, 0.1], [20, 0.9])],
    ['intervals above are missing', rates([WARM, 2], [2, 8], [3, null])],
  ])('not while %s', (_what, counts) => {
    expect(changes(counts)).toEqual([]);
  });

  it('exactly at the line', () => {
    expect(changes(rates([WARM, 2], [3, 6]))).toEqual(['opened']);
    expect(changes(rates([WARM, 0.1], [3, 1]))).toEqual(['opened']);
  });

  it('at another ratio when the operator says so', () => {
    expect(changes(rates([WARM, 2], [5, 8]), { ...PARAMS, ratio: 5 })).toEqual([]);
    expect(changes(rates([WARM, 2], [5, 10]), { ...PARAMS, ratio: 5 })).toEqual(['opened']);
  });
});

describe('the baseline', () => {
  const stateFrom = (activeSince: number): SeriesState => ({ activeSince, open: null, surges: [] });
  const usual = (counts: Counts, state = stateFrom(at(0)), params = PARAMS) =>
    baselineBefore(state, seriesOf(counts, 0), counts.length, params);

  it('is the mean of the trailing hour, no more', () => {
    expect(usual(rates([HOUR, 50], [180, 1], [180, 3]))).toBe(2);
  });

  it('ignores missing intervals instead of taking them for zero', () => {
    expect(usual(rates([100, 2], [100, null], [160, 2]))).toBe(2);
  });

  it('counts a measured zero', () => {
    expect(usual(rates([180, 2], [180, 0]))).toBe(1);
  });

  it('does not exist with less history than asked for, or when half of it was not measured', () => {
    expect(usual(rates([HOUR - 1, 2]))).toBeUndefined();
    expect(usual(rates([HOUR, 2]), stateFrom(at(1)))).toBeUndefined();
    expect(usual(rates([179, 2], [181, null]))).toBeUndefined();
    expect(usual(rates([180, 2], [180, null]))).toBe(2);
    expect(usual(rates([6, 2]), stateFrom(at(0)), { ...PARAMS, minHistorySeconds: 60 })).toBe(2);
  });

  it('does not contain the intervals that are judged', () => {
    // A mean over the five judged ones as well would put the line at 6.25.
    expect(changes(rates([WARM, 2], [5, 6]))).toEqual(['opened']);
  });

  it('stays as it was at the opening while the finding is open, and does not learn from it afterwards', () => {
    const surge = rates([WARM, 2], [180, 8], [10, 2]);
    const { state, findings } = replay(surge);
    expect(findings.at(-1)).toMatchObject({ change: 'ended', surge: { baseline: 2, aboveIntervals: 180 } });
    expect(state && usual(surge, state)).toBe(2);
    expect(changes([...surge, ...rates([3, 6])])).toEqual(['opened', 'ended', 'opened']);
  });

  it('becomes the new normal when a finding lasts two hours', () => {
    const moved = rates([WARM, 2], [720, 8]);
    const { findings, state } = replay(moved);
    expect(findings.at(-1)).toMatchObject({ change: 'ended', endedAt: at(WARM + 720) });
    expect(state && usual(moved, state)).toBe(8);
    expect(changes([...moved, ...rates([60, 8])])).toEqual(['opened', 'ended']);
  });
});

describe('a finding ends', () => {
  const open = rates([WARM, 2], [5, 8]);

  it('after five quiet intervals in a row, with the first of them', () => {
    const { findings, state } = replay([...open, ...rates([5, 3.9])]);
    expect(findings.at(-1)).toMatchObject({ change: 'ended', endedAt: at(WARM + 5) });
    expect(state?.open).toBeNull();
  });

  it.each([
    ['four quiet ones', rates([4, 2])],
    ['twice the baseline', rates([20, 4])],
    ['quiet ones with one at twice the baseline among them', rates([4, 2], [1, 4], [4, 2])],
    ['silence of the data', rates([20, null])],
  ])('not after %s', (_what, after) => {
    expect(changes([...open, ...after])).toEqual(['opened']);
  });

  it('after five quiet intervals with a gap in the data among them', () => {
    expect(changes([...open, ...rates([3, 2], [4, null], [2, 2])])).toEqual(['opened', 'ended']);
  });

  it('below two thirds of the volume floor where that is the line', () => {
    const tiny = rates([WARM, 0.01], [3, 1.2]);
    expect(changes([...tiny, ...rates([9, 0.7])])).toEqual(['opened']);
    expect(changes([...tiny, ...rates([5, 0.6])])).toEqual(['opened', 'ended']);
  });
});

describe('history', () => {
  it('begins with the first activity: a launch is not a surge', () => {
    const launch = rates([HOUR, 0], [20, 0.5], [HOUR - 20, 50]);
    expect(changes(launch)).toEqual([]);
  });

  it('begins anew after an hour of silence', () => {
    const { state } = evaluate(
      { activeSince: at(0), open: null, surges: [] },
      seriesOf(rates([HOUR, 0]), 1),
      at(HOUR),
      PARAMS,
    );
    expect(state).toBeUndefined();
  });

  it('is not lost in an hour without data', () => {
    const known = { activeSince: at(0), open: null, surges: [] };
    expect(evaluate(known, seriesOf(rates([HOUR, null]), 1), at(HOUR), PARAMS).state).toBe(known);
  });
});

describe('replay', () => {
  const story = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(null, 0, 1, 2, 3, 5, 6, 7, 12, 40)), {
      maxLength: 30,
    })
    .map((runs) => rates([WARM, 2], ...runs));
  const stripped = (findings: readonly RuleFinding[]) =>
    findings
      .filter(({ change }) => change !== 'updated')
      .map(({ change, endedAt, surge: { startedAt, baseline } }) => ({ change, endedAt, startedAt, baseline }));

  it('gives the same findings however many intervals a call brings', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 2, max: 60 }), (counts, step) => {
        const [single, bundled] = [replay(counts), replay(counts, PARAMS, step)];
        expect(stripped(bundled.findings)).toEqual(stripped(single.findings));
        const withoutDetection = (state: SeriesState | undefined) => ({
          ...state,
          open: state?.open && { ...state.open, detectedAt: 0 },
        });
        expect(withoutDetection(bundled.state)).toEqual(withoutDetection(single.state));
      }),
    );
  });

  it('alternates openings and ends, and survives JSON in between', () => {
    fc.assert(
      fc.property(story, fc.nat(), (counts, cut) => {
        const kinds = stripped(replay(counts).findings).map(({ change }) => change);
        expect(kinds).toEqual(kinds.map((_, index) => (index % 2 === 0 ? 'opened' : 'ended')));

        const middle = WARM + (cut % (counts.length - WARM + 1));
        const first = replay(counts.slice(0, middle));
        const state = first.state && (JSON.parse(JSON.stringify(first.state)) as SeriesState);
        const fresh = counts.length - middle;
        const second = evaluate(state, seriesOf(counts, fresh), at(counts.length), PARAMS);
        expect(stripped([...first.findings, ...second.findings])).toEqual(stripped(replay(counts).findings));
      }),
    );
  });
});
