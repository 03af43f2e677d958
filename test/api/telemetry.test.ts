// What is told of Tenantry itself, and the types of it that clients are written against.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { attributionSchema } from '../../src/api/attribution.ts';
import type { AttributionBody } from '../../src/api/attribution-contract.ts';
import type { auditChainSchema, auditListSchema } from '../../src/api/audit.ts';
import type { AuditChain, AuditList } from '../../src/api/audit-contract.ts';
import type { backupFiguresSchema, backupListSchema } from '../../src/api/backups.ts';
import type { BackupFiguresBody, BackupList } from '../../src/api/backups-contract.ts';
import type { detectorRunListSchema } from '../../src/api/detector-runs.ts';
import type { DetectorRunList } from '../../src/api/detector-runs-contract.ts';
import type { ingestHealthSchema } from '../../src/api/ingest-health.ts';
import type { IngestHealthBody } from '../../src/api/ingest-health-contract.ts';
import type { quarantineDetailSchema, quarantineListSchema } from '../../src/api/quarantine.ts';
import type { QuarantineDetail, QuarantineList } from '../../src/api/quarantine-contract.ts';
import type { setupSchema } from '../../src/api/setup.ts';
import type { SetupBody } from '../../src/api/setup-contract.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, startApi } from '../support/api-harness.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

const AGREEMENTS: {
  attribution: Agree<typeof attributionSchema, AttributionBody>;
  audit: Agree<typeof auditListSchema, AuditList>;
  chain: Agree<typeof auditChainSchema, AuditChain>;
  runs: Agree<typeof detectorRunListSchema, DetectorRunList>;
  ingest: Agree<typeof ingestHealthSchema, IngestHealthBody>;
  quarantine: Agree<typeof quarantineListSchema, QuarantineList>;
  quarantined: Agree<typeof quarantineDetailSchema, QuarantineDetail>;
  setup: Agree<typeof setupSchema, SetupBody>;
  backups: Agree<typeof backupListSchema, BackupList>;
  backupFigures: Agree<typeof backupFiguresSchema, BackupFiguresBody>;
} = {
  ...{ attribution: true, audit: true, chain: true, runs: true, ingest: true, quarantine: true, quarantined: true },
  ...{ setup: true, backups: true, backupFigures: true },
};

const AT = Date.UTC(2026, 5, 15, 12);
const ID = '1790000000000-00112233445566ff_3';
let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.quarantine.items.length = 0;
});

async function ask<Body>(url: string, method: 'GET' | 'POST' | 'DELETE' = 'GET') {
  const answer = await api.app.inject({ method, url, headers: bearer(ADMIN_TOKEN) });
  return { status: answer.statusCode, body: (answer.body === '' ? null : answer.json()) as Body };
}

test('clients are written against what the server checks', () => {
  expect(Object.values(AGREEMENTS).every(Boolean)).toBe(true);
});

describe('the quarantine', () => {
  const item = {
    ...({ id: ID, kind: 'refused', signal: 'traces', reason: 'no such type', bytes: 12, quarantinedAt: AT } as const),
    ...{ receivedAt: null, keyId: 'key-7', keyTenant: null, texts: ['shop'] },
  };

  test('is listed, shown, and left by two ways in the name of whoever asks', async () => {
    api.ports.quarantine.items.push(item, { ...item, id: 'other' });
    const { body } = await ask<QuarantineList>('/v1/quarantine?limit=1');
    expect(body).toMatchObject({
      total: 2,
      items: [{ id: ID, quarantined_at: '2026-06-15T12:00:00.000Z', key_id: 'key-7' }],
    });
    expect((await ask<QuarantineDetail>(`/v1/quarantine/${ID}`)).body).toMatchObject({
      texts: ['shop'],
      received_at: null,
    });
    expect((await ask(`/v1/quarantine/${ID}/replay`, 'POST')).status).toBe(204);
    expect((await ask('/v1/quarantine/other', 'DELETE')).status).toBe(204);
    expect(api.ports.quarantine.acts).toEqual([`replay ${ID} by admin-token`, 'drop other by admin-token']);
    expect((await ask(`/v1/quarantine/${ID}/replay`, 'POST')).status).toBe(404);
  });
});

describe('attribution', () => {
  test('is told as shares, with steps that fit the time that is asked about', async () => {
    api.ports.attribution.services = [
      {
        ...{ service: 'shop', spans: 8, attributed: 6, adopted: 2, waiting: 3 },
        steps: [{ at: AT, spans: 8, attributed: 6, adopted: 2 }],
        ...{ sources: [{ source: null, spans: 3 }], bareRoutes: [{ route: 'GET /a', requests: 2 }] },
      },
    ];
    const { body } = await ask<AttributionBody>('/v1/attribution?from=2026-06-01T00:00:00Z&to=2026-06-15T00:00:00Z');
    expect(body).toMatchObject({ step_seconds: 3_600, spans: 8, attributed: 6, adopted: 2, waiting: 4, share: 0.75 });
    expect(body.services).toEqual([
      {
        ...{ service: 'shop', spans: 8, attributed: 6, adopted: 2, waiting: 3, share: 0.75, points: [[AT, 0.75]] },
        ...{ sources: [{ source: null, requests: 3 }], routes_without_tenant: [{ route: 'GET /a', requests: 2 }] },
      },
    ]);
    api.ports.attribution.services = [];
    expect((await ask<AttributionBody>('/v1/attribution')).body.share).toBeNull();
  });
});

describe('ingest', () => {
  test('without figures says so instead of zeros', async () => {
    const { body } = await ask<IngestHealthBody>('/v1/ingest');
    expect(body).toMatchObject({ ingest: null, spans_per_minute: null, lag: { end_to_end_ms: null, load_ms: 900 } });
    expect(body.history.minutes).toEqual([[1_750_000_000_000, null, null, null, 0]]);
  });

  test('tells refusals with what to do, most frequent first', async () => {
    const spool = {
      bytes: 5,
      maxBytes: 9,
      sealedSegments: 1,
      oldestAt: 1_749_999_990_000,
      refusal: null,
      tornBytes: 0,
      corruptBytes: 0,
    };
    const standing = {
      ...{
        startedAt: AT,
        httpPort: 4318,
        grpcPort: 4317,
        requests: 4,
        spans: 3,
        dataPoints: 2,
        bytes: 100,
        logRecordsRejected: 1,
        retriesRecognized: 0,
      },
      ...{ rejected: { BODY_TOO_LARGE: 1, UNAUTHENTICATED: 4 }, spool, keys: [] },
    };
    api.ports.ingestHealth.answer = {
      ...api.ports.ingestHealth.answer,
      intake: { since: AT, writtenAt: AT, buckets: [], standing },
    };
    const { ingest } = (await ask<IngestHealthBody>('/v1/ingest')).body;
    expect(ingest?.rejected.map(({ reason, requests }) => [reason, requests])).toEqual([
      ['UNAUTHENTICATED', 4],
      ['BODY_TOO_LARGE', 1],
    ]);
    expect(ingest?.spool).toMatchObject({ bytes: 5, max_bytes: 9, oldest_seconds: 10 });
  });
});

describe('runs of the detectors', () => {
  test('come with their length and the age of what they judged', async () => {
    const run = { startedAt: AT, series: 3, findings: 1, skipped: null, failure: null };
    api.ports.detectorRuns.loops = [
      {
        ...{ name: 'owner-rule', everyMs: 5_000, leader: true, total: 9, skipped: 0, failed: 0 },
        runs: [10, 30, 20].map((tookMs) => ({ ...run, tookMs, dataUntil: AT - 2_000 })),
      },
    ];
    const [loop] = (await ask<DetectorRunList>('/v1/detector/runs?limit=1')).body.items;
    expect(loop).toMatchObject({ every_seconds: 5, took_p50_ms: 20, took_max_ms: 30, runs: { length: 1 } });
    expect(loop?.runs[0]).toMatchObject({ took_ms: 10, data_age_seconds: 2, started_at: '2026-06-15T12:00:00.000Z' });
  });
});
