import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addFigures,
  compareFigures,
  figuresOfSpan,
  isP95Of,
  knownSpans,
  NO_FIGURES,
  ROLLUP_MS,
  type SelfCheckFigures,
} from '../../src/domain/self-check.ts';
import { SelfCheckLedger, type StoredBatch } from '../../src/domain/self-check-ledger.ts';
import { floorTo, MINUTE_MS } from '../../src/domain/window.ts';

const AT = Date.UTC(2026, 10, 2, 12, 0, 30);
const STAGES = ['minute', 'hour', 'day'] as const;
const whole = (batch: number, at: number) => knownSpans(batch, at).map(figuresOfSpan).reduce(addFigures);

/** What a store without a fault holds of batches that were sent at these times. */
function storedOf(times: readonly number[]) {
  const batches = times.map(
    (at, index): StoredBatch => ({ traceId: `t${index}`, receivedAt: at, figures: whole(index, at) }),
  );
  const spans = times.flatMap((at, index) => knownSpans(index, at));
  const steps = (stage: (typeof STAGES)[number]) => {
    const starts = [...new Set(spans.map(({ startMs }) => floorTo(startMs, ROLLUP_MS[stage])))];
    return starts.map((at) => {
      const own = spans.filter(({ startMs }) => floorTo(startMs, ROLLUP_MS[stage]) === at);
      const durations = own.filter(({ kind }) => kind === 'server').map(({ durationMs }) => durationMs);
      const p95Ms = durations.toSorted((a, b) => a - b)[Math.floor(0.95 * (durations.length - 1))] ?? null;
      const figures: SelfCheckFigures = own.map(figuresOfSpan).reduce(addFigures);
      return { at, figures: stage === 'minute' ? { ...figures, query_calls: 0 } : figures, p95Ms };
    });
  };
  const activity = [...new Set(times.map((at) => floorTo(at, 10_000)))].map((at) => {
    const own = times
      .flatMap((time, index) => (floorTo(time, 10_000) === at ? [whole(index, time)] : []))
      .reduce(addFigures);
    return { at, requests: own.requests, aiTokens: own.input_tokens + own.output_tokens };
  });
  return {
    batches,
    stored: { rollups: { minute: steps('minute'), hour: steps('hour'), day: steps('day') }, activity },
  };
}

function ledgerOf(times: readonly number[]): SelfCheckLedger {
  const ledger = new SelfCheckLedger(10);
  times.forEach((at, index) => {
    ledger.sent(`t${index}`, knownSpans(index, at), at);
    ledger.acknowledged(`t${index}`, at + 5);
  });
  return ledger;
}

describe('compareFigures', () => {
  const of = { stage: 'hour', where: 'in the hour' } as const;
  it.each([
    ['fewer', { requests: 1 }, 'missing', '1 requests instead of 2 in the hour.'],
    ['more', { db_calls: 2 }, 'doubled', '2 database calls instead of 1 in the hour.'],
    ['other tokens', { input_tokens: 7 }, 'wrong_value', '7 input tokens instead of 1000 in the hour.'],
    ['fewer and other tokens', { input_tokens: 7, ai_calls: 0 }, 'missing', '0 AI calls instead of 1 in the hour.'],
  ])('names %s', (_what, change, fault, text) => {
    const expected = whole(0, AT);
    expect(compareFigures(expected, { ...expected, ...change }, of)).toEqual({ stage: 'hour', fault, text });
  });
});

it('a P95 is within one percent of a duration at its rank, and no other', () => {
  const durations = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([95, 94.9, 96].map((p95) => isP95Of(p95, durations))).toEqual([true, true, true]);
  expect([90, 99, 0].map((p95) => isP95Of(p95, durations))).toEqual([false, false, false]);
});

it('whatever was sent within the time that is looked at, a store without a fault is found to be without one', () => {
  const times = fc.uniqueArray(fc.integer({ min: 0, max: 9 * 60 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(times, (seconds) => {
      const sent = seconds.toSorted((a, b) => a - b).map((second) => AT + second * 1_000);
      const now = AT + 9 * MINUTE_MS + 20_000;
      const { batches, stored } = storedOf(sent);
      const ledger = ledgerOf(sent);
      expect(ledger.compareSpans(batches, now, 30_000)).toEqual({ failures: [], isPending: false });
      expect(ledger.compareRollups(stored, now)).toEqual([]);
      // And one figure of one stage that is off by one is always found, there and nowhere else.
      const [first, ...others] = stored.rollups.day;
      if (first === undefined) throw new Error('no day');
      const off = { ...first, figures: { ...first.figures, cache_hits: first.figures.cache_hits + 1 } };
      const found = ledger.compareRollups({ ...stored, rollups: { ...stored.rollups, day: [off, ...others] } }, now);
      expect(found.map(({ stage, fault }) => [stage, fault])).toEqual([['day', 'doubled']]);
    }),
    { numRuns: 60 },
  );
});

describe('spans that are not there', () => {
  const { batches } = storedOf([AT, AT + 10_000]);
  const ask = (found: readonly StoredBatch[], now: number) =>
    ledgerOf([AT, AT + 10_000]).compareSpans(found, now, 30_000);

  it('are awaited, then late', () => {
    expect(ask([], AT + 11_000)).toEqual({ failures: [], isPending: true });
    expect(ask([], AT + 60_000).failures.map(({ fault }) => fault)).toEqual(['late', 'late']);
  });

  it('are missing once something later came', () => {
    expect(ask(batches.slice(1), AT + 11_000).failures.map(({ fault }) => fault)).toEqual(['missing']);
  });

  it('may be there or not when nobody acknowledged them', () => {
    const ledger = new SelfCheckLedger(10);
    ledger.sent('t0', knownSpans(0, AT), AT);
    expect(ledger.compareSpans([], AT + 99_000, 30_000)).toEqual({ failures: [], isPending: false });
    expect(ledger.compareSpans(batches.slice(0, 1), AT + 99_000, 30_000).failures).toEqual([]);
    expect(ledger.compareRollups(storedOf([AT]).stored, AT + 99_000)).toEqual([]);
  });

  it('were found before and are gone', () => {
    const ledger = ledgerOf([AT]);
    expect(ledger.compareSpans(batches.slice(0, 1), AT + 1_000, 30_000).failures).toEqual([]);
    expect(ledger.compareSpans([], AT + 2_000, 30_000).failures.map(({ fault }) => fault)).toEqual(['missing']);
    const empty = { rollups: { minute: [], hour: [], day: [] }, activity: [] };
    expect(ledger.compareRollups(empty, AT + 2_000).map(({ stage }) => stage)).toEqual([...STAGES, 'activity']);
    expect(NO_FIGURES.spans).toBe(0);
  });
});
