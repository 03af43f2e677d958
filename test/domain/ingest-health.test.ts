import { describe, expect, it } from 'vitest';
import { type IngestSituation, intakeWithin, judgeIngest, spansPerMinute } from '../../src/domain/ingest-health.ts';
import type { IngestStanding, IntakeFigures } from '../../src/domain/spool-format.ts';

const NOW = Date.UTC(2026, 10, 2, 12);
const MINUTE = 60_000;

function intakeOf(changes: Partial<IngestStanding> = {}, refused = 0): IntakeFigures {
  const buckets = Array.from({ length: 60 }, (_, index) => {
    return { at: NOW - 600_000 + index * 10_000, spans: 200, requests: 10, refused };
  });
  return {
    ...{ since: NOW - 600_000, writtenAt: NOW - 500, buckets },
    standing: {
      ...{
        startedAt: NOW - 600_000,
        httpPort: 4318,
        grpcPort: 4317,
        requests: 600,
        spans: 12_000,
        dataPoints: 0,
        bytes: 1_000_000,
      },
      ...{ logRecordsRejected: 0, retriesRecognized: 0, rejected: {}, keys: [] },
      spool: {
        ...{ bytes: 2_000_000, maxBytes: 10_000_000, sealedSegments: 1, oldestAt: null, refusal: null },
        ...{ tornBytes: 0, corruptBytes: 0 },
      },
      ...changes,
    },
  };
}

function situation(changes: Partial<IngestSituation> = {}): IngestSituation {
  return {
    ...{ now: NOW, intake: intakeOf(), delay: { p50Ms: 400, p99Ms: 900 }, quarantined: 0, newestSpanAt: NOW - MINUTE },
    loader: {
      ...{ loadedSegments: 9, waitingSegments: 0, oldestWaitingMs: 0, lastLoadMs: 800 },
      ...{ trouble: undefined, troubleSince: undefined },
    },
    ...changes,
  };
}

const loader = (changes: Partial<IngestSituation['loader']>) => ({ ...situation().loader, ...changes });

describe('judgeIngest', () => {
  it('says that all is well, how much comes and how late it is seen', () => {
    const { level, text, advice } = judgeIngest(situation());
    expect({ level, text, advice }).toEqual({
      ...{ level: 'ok', text: 'All is well: 1,200 spans a minute, queryable after 1.2 s.', advice: null },
    });
  });

  it.each([
    [
      'inserts that fail come before everything else',
      {
        loader: loader({
          ...{ trouble: 'connection refused', troubleSince: NOW - 4 * MINUTE },
          ...{ waitingSegments: 12, oldestWaitingMs: 240_000 },
        }),
        intake: undefined,
      },
      'critical',
      'ClickHouse has been refusing inserts for 4 min: connection refused',
    ],
    [
      'segments that wait too long',
      { loader: loader({ waitingSegments: 2, oldestWaitingMs: 45_000 }) },
      'warning',
      'Loading is behind: 2 segments wait in the spool (2.0 MB of 10 MB), the oldest for 45 s.',
    ],
    [
      'figures that never came',
      { intake: undefined },
      'warning',
      'No ingest process has left figures in the data folder.',
    ],
    [
      'a process that is gone',
      { intake: { ...intakeOf(), writtenAt: NOW - 90_000 } },
      'critical',
      'The ingest process has not been heard of for 90 s: telemetry is not taken.',
    ],
    [
      'a spool that takes nothing',
      { intake: intakeOf({ spool: { ...intakeOf().standing.spool, refusal: 'the spool is full' } }) },
      'critical',
      'Telemetry is refused: the spool is full.',
    ],
    [
      'many refusals, with the reason that is behind most of them and is no stranger',
      { intake: intakeOf({ rejected: { UNAUTHENTICATED: 900, BODY_TOO_LARGE: 60, OTLP_MALFORMED: 2 } }, 1) },
      'warning',
      '9 % of the requests of the last 10 min were refused.',
    ],
    [
      'silence after there was something',
      { intake: { ...intakeOf(), buckets: [] }, newestSpanAt: NOW - 12 * MINUTE },
      'warning',
      'No span has arrived for 12 min.',
    ],
    [
      'nothing ever',
      { intake: { ...intakeOf({ spans: 0 }), buckets: [] }, newestSpanAt: null },
      'warning',
      'No span has arrived yet.',
    ],
    [
      'nothing but strangers',
      { intake: { ...intakeOf({ spans: 0, rejected: { UNAUTHENTICATED: 1 } }), buckets: [] }, newestSpanAt: null },
      'warning',
      'No span has arrived yet, and 1 request was refused for want of a valid key.',
    ],
    [
      'a quarantine that is not empty, while all else is well',
      { quarantined: 2 },
      'ok',
      'Telemetry flows: 1,200 spans a minute, queryable after 1.2 s. 2 requests are in quarantine.',
    ],
  ] as const)('tells of %s', (_what, changes, level, text) => {
    const verdict = judgeIngest(situation(changes as Partial<IngestSituation>));
    expect([verdict.level, verdict.text]).toEqual([level, text]);
    expect(verdict.advice).not.toBeNull();
  });

  it('names what helps against the commonest refusal', () => {
    const intake = intakeOf({ rejected: { BODY_TOO_LARGE: 60, OTLP_MALFORMED: 2 } }, 1);
    expect(judgeIngest(situation({ intake })).advice).toContain('TENANTRY_MAX_BODY_BYTES');
  });

  it('does not judge by a handful of requests', () => {
    const intake = { ...intakeOf(), buckets: [{ at: NOW - 20_000, spans: 5, requests: 3, refused: 3 }] };
    expect(judgeIngest(situation({ intake })).level).toBe('ok');
  });
});

describe('intakeWithin', () => {
  it('counts whole buckets only, from the start of the process at the earliest', () => {
    const { buckets } = intakeOf();
    expect(intakeWithin({ buckets, since: NOW - 30_000 }, NOW + 5_000, MINUTE)).toMatchObject({
      ms: 30_000,
      spans: 600,
    });
    expect(intakeWithin({ buckets, since: NOW + 10_000 }, NOW, MINUTE)).toBeNull();
    expect(spansPerMinute({ ...intakeOf(), since: NOW - 30_000 }, NOW)).toBe(1_200);
    expect(spansPerMinute(undefined, NOW)).toBeNull();
  });
});
