import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { rejectionAdvice } from '../domain/ingest-health.ts';
import { SELF_CHECK_STAGES } from '../domain/self-check.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import type { IngestHealthBody } from './ingest-health-contract.ts';
import type { IngestHealthAnswer } from './ingest-health-ports.ts';
import { noQuery } from './parameters.ts';

const count = z.number().min(0);
const time = z.string();
const ms = count.nullable();
/** One fault shows at many stages and steps. */
const MOST_FAILURES = 20;

const verdict = z.object({
  level: z.enum(['ok', 'warning', 'critical']),
  text: z.string(),
  advice: z.string().nullable().describe('What to do; null: nothing'),
});

export const ingestHealthSchema = z
  .object({
    checked_at: time,
    verdict,
    findings: z
      .array(verdict)
      .describe('Everything that is wrong, the gravest first; the first of them is the verdict'),
    self_check: z
      .object({
        ...{ runs: count, last_run_at: time.nullable(), failing_since: time.nullable(), lag_ms: ms },
        failures: z.array(
          z.object({
            stage: z.enum(SELF_CHECK_STAGES),
            fault: z.enum(['not_acknowledged', 'late', 'missing', 'doubled', 'wrong_value']),
            text: z.string(),
          }),
        ),
      })
      .nullable()
      .describe('Known spans that the server sends to itself and reads back; null: switched off'),
    clocks: z
      .array(z.object({ service: z.string(), ahead_ms: count }))
      .describe('Services whose spans lately ended after they arrived: their clocks are ahead'),
    spans_per_minute: count.nullable().describe('Of the last minute; null: not known yet'),
    lag: z
      .object({ end_to_end_ms: ms, export_p50_ms: ms, export_p99_ms: ms, load_ms: ms })
      .describe('From the end of a span to its arrival (export) and on to its being queryable (load)'),
    ingest: z
      .object({
        started_at: time.describe('Counts are since then'),
        written_at: time,
        requests: count,
        spans: count,
        data_points: count,
        bytes: count,
        log_records_rejected: count,
        retries_recognized: count.describe('Requests that had been stored already and were answered as the first time'),
        rejected: z.array(z.object({ reason: z.string(), requests: count, advice: z.string() })),
        refusal: z.string().nullable().describe('Why telemetry is refused now; null: it is taken'),
        spool: z.object({
          bytes: count,
          max_bytes: count,
          sealed_segments: count,
          oldest_seconds: count.nullable(),
          torn_bytes: count.describe('Of unfinished requests, cut off at start'),
          corrupt_bytes: count.describe('Set apart at start'),
          full_at: time.nullable().describe('At the present rate; null: it does not fill'),
        }),
      })
      .nullable()
      .describe('null: ingest has left no figures in the data folder'),
    loader: z.object({
      loaded_segments: count,
      waiting_segments: count,
      oldest_waiting_seconds: count,
      trouble: z.string().nullable(),
      trouble_since: time.nullable(),
      late_spans_waiting: count.describe('Spans that wait for the tenant of their trace'),
    }),
    quarantined: count,
    quarantined_bytes: count,
    services: z.array(z.object({ service: z.string(), last_seen: time, spans: count.describe('Of the last hour') })),
    keys: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        service: z.string().nullable(),
        active: z.boolean(),
        last_seen: time.nullable(),
        requests: count,
        items: count.describe('Spans and data points since ingest started'),
      }),
    ),
    history: z.object({
      since: time,
      step_seconds: count,
      minutes: z
        .array(z.tuple([z.number(), ms, ms, ms, count]))
        .describe('Unix ms, spans, refused requests, most bytes in the spool, longest wait in ms; null: not measured'),
    }),
  })
  .meta({ id: 'IngestHealth' });

function ingestToWire({ intake, checkedAt, spoolFullAt }: IngestHealthAnswer): IngestHealthBody['ingest'] {
  if (intake === undefined) return null;
  const { startedAt, dataPoints, logRecordsRejected, rejected, spool, requests, spans, bytes } = intake.standing;
  const { maxBytes, sealedSegments, oldestAt, refusal, tornBytes, corruptBytes } = spool;
  return {
    ...{ started_at: rfc3339(startedAt), written_at: rfc3339(intake.writtenAt), requests, spans, bytes, refusal },
    ...{ data_points: dataPoints, log_records_rejected: logRecordsRejected },
    // An older ingest did not count them.
    retries_recognized: intake.standing.retriesRecognized ?? 0,
    rejected: Object.entries(rejected)
      .map(([reason, n]) => ({ reason, requests: n, advice: rejectionAdvice(reason) }))
      .toSorted((a, b) => b.requests - a.requests),
    spool: {
      ...{ bytes: spool.bytes, max_bytes: maxBytes, sealed_segments: sealedSegments },
      oldest_seconds: oldestAt === null ? null : Math.max(0, (checkedAt - oldestAt) / SECOND_MS),
      ...{ torn_bytes: tornBytes, corrupt_bytes: corruptBytes, full_at: nullableTime(spoolFullAt) },
    },
  };
}

function selfCheckToWire(standing: IngestHealthAnswer['selfCheck']): IngestHealthBody['self_check'] {
  if (standing === undefined) return null;
  const { runs, lastRunAt, failingSince, lagMs, failures } = standing;
  return {
    ...{ runs, last_run_at: nullableTime(lastRunAt), failing_since: nullableTime(failingSince), lag_ms: lagMs },
    failures: failures.slice(0, MOST_FAILURES).map((failure) => ({ ...failure })),
  };
}

function toWire(answer: IngestHealthAnswer): IngestHealthBody {
  const { loader, delay, history, verdict } = answer;
  return {
    ...{ checked_at: rfc3339(answer.checkedAt), verdict: { ...verdict }, spans_per_minute: answer.spansPerMinute },
    ...{ findings: answer.findings.map((finding) => ({ ...finding })), self_check: selfCheckToWire(answer.selfCheck) },
    clocks: answer.clocks.map(({ service, aheadMs }) => ({ service, ahead_ms: aheadMs })),
    lag: {
      ...{ end_to_end_ms: answer.endToEndMs, load_ms: loader.lastLoadMs ?? null },
      ...{ export_p50_ms: delay?.p50Ms ?? null, export_p99_ms: delay?.p99Ms ?? null },
    },
    ingest: ingestToWire(answer),
    loader: {
      ...{ loaded_segments: loader.loadedSegments, waiting_segments: loader.waitingSegments },
      oldest_waiting_seconds: loader.oldestWaitingMs / SECOND_MS,
      ...{ trouble: loader.trouble ?? null, trouble_since: nullableTime(loader.troubleSince ?? null) },
      late_spans_waiting: loader.late?.waitingSpans ?? 0,
    },
    ...{ quarantined: answer.quarantined, quarantined_bytes: answer.quarantinedBytes },
    services: answer.services.map(({ service, lastAt, spans }) => ({ service, last_seen: rfc3339(lastAt), spans })),
    keys: answer.keys.map(({ lastAt, ...key }) => ({ ...key, last_seen: nullableTime(lastAt) })),
    history: {
      ...{ since: rfc3339(history.since), step_seconds: 60 },
      minutes: history.minutes.map(({ at, spans, refused, spoolBytes, waitingMs }) => {
        return [at, spans, refused, spoolBytes, waitingMs];
      }),
    },
  };
}

/** How telemetry flows from the apps to the store. */
export function ingestHealthRoutes({ ports: { ingestHealth } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/ingest',
      {
        schema: {
          operationId: 'getIngestHealth',
          tags: ['ingest'],
          summary: 'How telemetry flows: one verdict, what was taken and refused, lag, spool, who sent last',
          querystring: noQuery,
          response: { 200: ingestHealthSchema },
        },
      },
      async (request) => toWire(await ingestHealth.look(staffOf(request))),
    );
    done();
  };
}
