import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { isOverdue } from '../domain/backup.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import { HOUR_MS, MINUTE_MS } from '../domain/window.ts';
import type { BackupFiguresBody, BackupList, BackupRunItem } from './backups-contract.ts';
import type { BackupRun, BackupsAnswer } from './backups-ports.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { noQuery, tenantIdText } from './parameters.ts';

/** The figures of a large tenant are read from all of its rows. */
const FIGURES_TIMEOUT_MS = 20 * MINUTE_MS;

const count = z.number().min(0);

const backupRunSchema = z
  .object({
    id: z.string(),
    state: z.enum(['running', 'done', 'failed']),
    started_at: z.string(),
    ended_at: z.string().nullable(),
    step: z.string(),
    done: count.describe('Files written of those of the step'),
    total: count,
    bytes: count,
    name: z.string().nullable(),
    removed: z.array(z.string()).describe('Older backups that were removed for it'),
    held_ms: count.nullable().describe('For so long nothing was loaded into ClickHouse'),
    shared_bytes: count.nullable().describe('Shared with an older backup'),
    detail: z.string().nullable().describe('Why it failed'),
    hint: z.string().nullable(),
  })
  .meta({ id: 'BackupRun' });

export const backupListSchema = z
  .object({
    configured: z.boolean().describe('Whether TENANTRY_BACKUP_DIR is set'),
    max_age_hours: count,
    overdue: z.boolean(),
    last_backup: z
      .object({ name: z.string(), cut_at: z.string(), finished_at: z.string(), bytes: count, took_ms: count })
      .nullable(),
    last_drill: z
      .object({
        ...{ backup: z.string(), tenant_id: z.string(), finished_at: z.string(), ok: z.boolean() },
        ...{ tables: count, rows: count, differences: count, took_ms: count, backup_age_ms: count },
      })
      .nullable(),
    run: backupRunSchema.nullable(),
    items: z.array(
      z.object({
        name: z.string(),
        cut_at: z.string().nullable(),
        bytes: count.nullable(),
        version: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'BackupList' });

export const backupFiguresSchema = z
  .object({
    bounds: z.object({ untouched_until: z.number(), kept_from: z.number() }),
    clickhouse: z.array(
      z.object({ table: z.string(), rows: count, digest: z.string(), sums: z.record(z.string(), z.string()) }),
    ),
    postgres: z.array(z.object({ table: z.string(), rows: count, hashes: z.array(z.string()), every_manieth: count })),
    readers: z.array(z.object({ question: z.string(), answer: z.string() })),
  })
  .meta({ id: 'BackupFigures' });

function runToWire({ startedAt, endedAt, heldMs, sharedBytes, removed, ...rest }: BackupRun): BackupRunItem {
  return {
    ...{ ...rest, removed: [...removed], held_ms: heldMs, shared_bytes: sharedBytes },
    ...{ started_at: rfc3339(startedAt), ended_at: nullableTime(endedAt) },
  };
}

function listToWire({ isConfigured, maxAgeMs, kept, status, run }: BackupsAnswer, now: number): BackupList {
  const { lastBackup: last, lastDrill: drill } = status;
  return {
    ...{ configured: isConfigured, max_age_hours: maxAgeMs / HOUR_MS },
    overdue: isOverdue({ isConfigured, maxAgeMs, lastCutAt: last?.cutAt, now }),
    last_backup:
      last === undefined
        ? null
        : {
            ...{ name: last.name, bytes: last.bytes, took_ms: last.tookMs },
            ...{ cut_at: rfc3339(last.cutAt), finished_at: rfc3339(last.finishedAt) },
          },
    last_drill:
      drill === undefined
        ? null
        : {
            ...{
              backup: drill.backup,
              tenant_id: drill.tenantId,
              finished_at: rfc3339(drill.finishedAt),
              ok: drill.ok,
            },
            ...{ tables: drill.tables, rows: drill.rows, differences: drill.differences },
            ...{ took_ms: drill.tookMs, backup_age_ms: drill.backupAgeMs },
          },
    run: run === null ? null : runToWire(run),
    items: kept.map(({ name, cutAt, bytes, version }) => ({ name, cut_at: nullableTime(cutAt), bytes, version })),
  };
}

/** Backups of the whole: how old the last one is, and a new one. */
export function backupRoutes({ ports: { backups }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/backups',
      {
        schema: {
          operationId: 'listBackups',
          tags: ['operations'],
          summary: 'The last backup, the last drill, the backup that is being made, and those that are kept',
          querystring: noQuery,
          response: { 200: backupListSchema },
        },
      },
      async () => listToWire(await backups.look(), now()),
    );
    app.post(
      '/v1/backups',
      {
        config: { errors: ['CONFLICT', 'NOT_FOUND', 'BAD_REQUEST'] },
        schema: {
          operationId: 'beginBackup',
          tags: ['operations'],
          summary: 'Begin a backup of both stores and the spool; GET tells how far it is',
          body: z.strictObject({
            order: z
              .string()
              .regex(/^[0-9a-f]{32}$/)
              .optional()
              .describe('What `tenantry backup` left in the data directory; absent: into TENANTRY_BACKUP_DIR'),
          }),
          querystring: noQuery,
          response: { 202: backupRunSchema },
        },
      },
      async (request, reply) =>
        reply.code(202).send(runToWire(await backups.begin(staffOf(request), request.body.order))),
    );
    app.post(
      '/v1/backups/figures',
      {
        handlerTimeout: FIGURES_TIMEOUT_MS,
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getBackupFigures',
          tags: ['operations'],
          summary: 'What the stores have of a tenant, as of the moment of a backup: what a drill compares',
          body: z.strictObject({
            tenant_id: tenantIdText,
            cut_at: z.int().min(0).describe('Unix milliseconds'),
            snapshot: z
              .string()
              .regex(/^\d{1,20}:\d{1,20}:[\d,]{0,20000}$/)
              .describe('pg_current_snapshot()'),
          }),
          querystring: noQuery,
          response: { 200: backupFiguresSchema },
        },
      },
      async (request): Promise<BackupFiguresBody> => {
        const { tenant_id: tenantId, cut_at: cutAt, snapshot } = request.body;
        if (!isTenantId(tenantId)) throw noSuchTenant();
        const { bounds, clickhouse, postgres, readers } = await backups.figures(staffOf(request), {
          ...{ tenantId, cutAt, snapshot },
        });
        return {
          bounds: { untouched_until: bounds.untouchedUntil, kept_from: bounds.keptFrom },
          clickhouse: clickhouse.map((figures) => ({ ...figures, sums: { ...figures.sums } })),
          postgres: postgres.map(({ hashes, everyManieth, ...rest }) => ({
            ...{ ...rest, hashes: [...hashes], every_manieth: everyManieth },
          })),
          readers: [...readers],
        };
      },
    );
    done();
  };
}
