import { describe, expect, it } from 'vitest';
import {
  type IngestSituation,
  ingestFindings,
  intakeWithin,
  judgeIngest,
  spansPerMinute,
} from '../../src/domain/ingest-health.ts';
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
      'a quarantine that is not empty',
      { quarantined: 2, quarantinedBytes: 1_500_000 },
      'warning',
      '2 requests are in quarantine (1.5 MB): ClickHouse refused them, and no figure counts them.',
    ],
    [
      'a spool that will be full today',
      { spoolBefore: { at: NOW - 10 * MINUTE, bytes: 1_600_000 } },
      'warning',
      'The spool fills: 2.0 MB of 10 MB, full in 3 h (at 15:20 UTC) at the present rate.',
    ],
    [
      'a spool that is about to be full',
      { spoolBefore: { at: NOW - 2 * MINUTE, bytes: 1_000_000 } },
      'critical',
      'The spool fills: 2.0 MB of 10 MB, full in 16 min (at 12:16 UTC) at the present rate.',
    ],
    [
      'a self-check that fails',
      {
        selfCheck: {
          ...{ runs: 9, lastRunAt: NOW, failingSince: NOW - 3 * MINUTE, lagMs: 900 },
          failures: [
            { stage: 'hour', fault: 'missing', text: '5 requests instead of 6 in the rollups of the hour.' },
            { stage: 'day', fault: 'missing', text: '5 requests instead of 6 in the rollups of the day.' },
          ],
        },
      },
      'critical',
      'The self-check has failed for 3 min. 5 requests instead of 6 in the rollups of the hour. (and 1 finding more)',
    ],
    [
      'spans that wait for their tenant and cannot be stored',
      { loader: loader({ late: { waitingSpans: 7, trouble: 'Code: 252.' } }) },
      'critical',
      '7 spans without a tenant of their own cannot be stored: Code: 252.',
    ],
    [
      'keys that ingest does not know of',
      { intake: intakeOf({ keysRevision: 3 }), keysRevision: { revision: 5, since: NOW - 10 * MINUTE } },
      'critical',
      'Ingest has worked with an old list of keys (revision 3, not 5) for 10 min: new keys do not work, and those that were revoked still do.',
    ],
    [
      'bytes that recovery could not read',
      { intake: intakeOf({ spool: { ...intakeOf().standing.spool, corruptBytes: 1 } }) },
      'warning',
      'When ingest started, 1 byte of the spool could not be read any more and were set apart.',
    ],
    [
      'clocks that are ahead',
      {
        clocks: [
          { service: 'shop', aheadMs: 3_000 },
          { service: 'billing', aheadMs: 95_000 },
          { service: 'mail', aheadMs: 300 },
        ],
      },
      'warning',
      'Spans of billing end up to 95 s after they arrive, and of 1 other service: clocks are ahead.',
    ],
    [
      'limits that were hit, and by which key',
      {
        intake: intakeOf({
          limited: { key_spans: 3, tenant_spans: 1_200, routes_per_tenant: 0 },
          keys: ['calm', 'greedy'].map((keyId, limited) => ({ keyId, requests: 9, items: 9, lastAt: NOW, limited })),
        }),
      },
      'warning',
      'The limit tenant_spans was hit 1,200 times since ingest started, mostly by key greedy, and 1 other limit.',
    ],
    [
      'spans in the name of another tenant than their key is bound to',
      { intake: intakeOf({ keys: [{ keyId: 'k1', requests: 9, items: 9, lastAt: NOW, tenantMismatches: 4 }] }) },
      'warning',
      'Key k1 sent 4 spans in the name of another tenant or service than it is bound to.',
    ],
    [
      'requests that come again and again',
      { intake: intakeOf({ retriesRecognized: 150 }) },
      'warning',
      '25 % of the requests since ingest started had been stored already and came again.',
    ],
  ] as const)('tells of %s', (_what, changes, level, text) => {
    const verdict = judgeIngest(situation(changes as Partial<IngestSituation>));
    expect([verdict.level, verdict.text]).toEqual([level, text]);
    expect(verdict.advice).not.toBeNull();
  });

  it.each<[string, Partial<IngestSituation>]>([
    ['a spool that breathes by a segment', { spoolBefore: { at: NOW - 10 * MINUTE, bytes: 1_900_000 } }],
    ['a spool that empties', { spoolBefore: { at: NOW - 10 * MINUTE, bytes: 9_000_000 } }],
    ['a spool that is measured over seconds', { spoolBefore: { at: NOW - 20_000, bytes: 0 } }],
    [
      'a list of keys that ingest has read',
      { intake: intakeOf({ keysRevision: 5 }), keysRevision: { revision: 5, since: 0 } },
    ],
    [
      'a list of keys that is just being read',
      { intake: intakeOf({ keysRevision: 4 }), keysRevision: { revision: 5, since: NOW - 5_000 } },
    ],
    ['an ingest that does not tell its list of keys', { keysRevision: { revision: 5, since: 0 } }],
    ['clocks that differ a little', { clocks: [{ service: 'shop', aheadMs: 1_900 }] }],
    ['a few retries', { intake: intakeOf({ retriesRecognized: 19 }) }],
    [
      'a self-check that finds nothing',
      { selfCheck: { runs: 1, lastRunAt: NOW, failures: [], failingSince: null, lagMs: 1 } },
    ],
  ])('has nothing against %s', (_what, changes) => {
    expect(ingestFindings(situation(changes))).toEqual([]);
  });

  it('tells everything that is wrong, the gravest first', () => {
    const spool = { ...intakeOf().standing.spool, corruptBytes: 9, refusal: 'the disk is full' };
    const found = ingestFindings(situation({ quarantined: 1, intake: intakeOf({ spool }) }));
    expect(found.map(({ level, text }) => [level, text.slice(0, 22)])).toEqual([
      ['critical', 'Telemetry is refused: '],
      ['warning', 'When ingest started, 9'],
      ['warning', '1 request is in quaran'],
    ]);
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
