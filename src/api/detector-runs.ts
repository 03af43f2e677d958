import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { SECOND_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import type { DetectorLoopItem, DetectorRunItem } from './detector-runs-contract.ts';
import { LOOP_NAMES, type LoopRun, type LoopStanding } from './detector-runs-ports.ts';
import { wholeNumber } from './parameters.ts';

const count = z.number().min(0);

export const detectorRunListSchema = z
  .object({
    items: z.array(
      z.object({
        name: z.enum(LOOP_NAMES),
        every_seconds: count,
        leader: z.boolean().nullable().describe('false: another server does the work; null: not known yet'),
        total: count.describe('Since this server started'),
        skipped: count,
        failed: count,
        took_p50_ms: count.nullable(),
        took_max_ms: count.nullable(),
        runs: z
          .array(
            z.object({
              started_at: z.string(),
              took_ms: count,
              series: count.nullable().describe("Tenants' series that were looked at"),
              data_until: z.string().nullable(),
              data_age_seconds: count.nullable().describe('How old the data was that it judged on'),
              findings: count.nullable().describe('Open after it'),
              skipped: z.string().nullable().describe('Why nothing was judged; null: it was'),
              failure: z.string().nullable(),
            }),
          )
          .describe('Newest first'),
      }),
    ),
  })
  .meta({ id: 'DetectorRunList' });

function runToWire({ startedAt, tookMs, dataUntil, ...rest }: LoopRun): DetectorRunItem {
  const age = dataUntil === null ? null : Math.max(0, (startedAt - dataUntil) / SECOND_MS);
  const times = { started_at: rfc3339(startedAt), took_ms: tookMs, data_until: nullableTime(dataUntil) };
  return { ...times, data_age_seconds: age, ...rest };
}

function loopToWire({ everyMs, runs, ...rest }: LoopStanding, limit: number): DetectorLoopItem {
  const took = runs.map(({ tookMs }) => tookMs).toSorted((a, b) => a - b);
  return {
    ...{ ...rest, every_seconds: everyMs / SECOND_MS },
    ...{ took_p50_ms: took[Math.floor(took.length / 2)] ?? null, took_max_ms: took.at(-1) ?? null },
    runs: runs.slice(0, limit).map(runToWire),
  };
}

/** How the loops that judge and act have run on this server. */
export function detectorRunRoutes({ ports: { detectorRuns } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/detector/runs',
      {
        schema: {
          operationId: 'listDetectorRuns',
          tags: ['anomalies'],
          summary:
            'The last runs of the loops that judge and act on this server: how long, on what, and what was skipped',
          querystring: z.strictObject({ limit: wholeNumber(1, 240).default(60).describe('Runs of each loop') }),
          response: { 200: detectorRunListSchema },
        },
      },
      async (request) => ({ items: detectorRuns.read().map((loop) => loopToWire(loop, request.query.limit)) }),
    );
    done();
  };
}
