import { z } from 'zod';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import {
  EXPORT_AUDIENCES,
  EXPORT_FORMATS,
  EXPORT_SECTIONS,
  JOB_STATES,
  type JobProgress,
  type TenantExport,
  type TenantRestore,
} from '../domain/tenant-archive.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { instant, tenantIdText, UUID } from './parameters.ts';
import type { TenantExportItem, TenantJobProgress, TenantRestoreItem } from './tenant-archives-contract.ts';

const uuid = z
  .string()
  .regex(UUID, 'must be an id as the API gives them')
  .transform((id) => id.toLowerCase());

const progressSchema = z.object({
  tables_done: z.int(),
  tables: z.int(),
  rows: z.int(),
  bytes: z.int(),
  table: z.string().nullable().describe('What it is at'),
});

export const tenantExportSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    format: z.enum(EXPORT_FORMATS).describe('archive is lossless and can be restored; the others are for people'),
    audience: z.enum(EXPORT_AUDIENCES).describe('tenant: what may be handed to it; operator: with what is yours'),
    sections: z.array(z.enum(EXPORT_SECTIONS)),
    from: z.string().nullable(),
    to: z.string().nullable(),
    state: z.enum(JOB_STATES),
    progress: progressSchema,
    error: z.string().nullable(),
    asked_by: z.string(),
    asked_at: z.string(),
    ended_at: z.string().nullable(),
    expires_at: z.string().nullable().describe('When its file goes'),
    file: z.string().nullable().describe('Path of the file; null: there is none'),
  })
  .meta({ id: 'TenantExport' });

export const tenantExportListSchema = z.object({ items: z.array(tenantExportSchema) }).meta({ id: 'TenantExportList' });

export const newTenantExportSchema = z
  .strictObject({
    format: z.enum(EXPORT_FORMATS),
    tenant_id: tenantIdText.exactOptional().describe("Needed from the operator's people"),
    audience: z.enum(EXPORT_AUDIENCES).exactOptional().describe('Default: tenant; of an archive always operator'),
    sections: z.array(z.enum(EXPORT_SECTIONS)).min(1).max(3).exactOptional().describe('Default: all'),
    from: instant.exactOptional().describe('Of telemetry and usage; needs `to`. Default: as far back as there is any'),
    to: instant.exactOptional(),
  })
  .meta({ id: 'NewTenantExport' });

export const tenantRestoreSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string().describe('Whose rows are written'),
    dry_run: z.boolean(),
    replace: z.boolean(),
    state: z.enum(JOB_STATES),
    progress: progressSchema,
    report: z
      .object({
        archived_at: z.string(),
        tables: z.array(
          z.object({
            table: z.string(),
            archived: z.int(),
            restored: z.int(),
            left_out: z.int(),
            matches: z.boolean().nullable().describe('null: not compared, as in a dry run'),
          }),
        ),
        notes: z.array(z.string()),
      })
      .nullable(),
    error: z.string().nullable(),
    asked_by: z.string(),
    asked_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .meta({ id: 'TenantRestore' });

export const tenantRestoreListSchema = z
  .object({ items: z.array(tenantRestoreSchema) })
  .meta({ id: 'TenantRestoreList' });

export const newTenantRestoreSchema = z
  .strictObject({
    archive: uuid.exactOptional().describe('An archive in the data directory, where `tenantry restore-tenant` lays it'),
    export_id: uuid.exactOptional().describe('A finished export of the format archive'),
    as: tenantIdText.exactOptional().describe('Under another id, beside the original'),
    dry_run: z.boolean().default(false).describe('Checks everything and writes nothing'),
    replace: z.boolean().default(false).describe('Delete first what there is of the tenant'),
    deleted_too: z.boolean().default(false).describe('Bring back a tenant that was deleted on request'),
  })
  .meta({ id: 'NewTenantRestore' });

function progressToWire({ tablesDone, tables, rows, bytes, table }: JobProgress): TenantJobProgress {
  return { tables_done: tablesDone, tables, rows, bytes, table };
}

/** Tenants do not learn who of the operator's people did something. */
export function exportToWire(made: TenantExport, reader: StaffActor | TenantActor): TenantExportItem {
  const { tenantId, format, audience, sections, window } = made.question;
  return {
    ...{ id: made.id, tenant_id: tenantId, format, audience, sections: [...sections] },
    from: nullableTime(window?.from ?? null),
    to: nullableTime(window?.to ?? null),
    ...{ state: made.state, progress: progressToWire(made.progress), error: made.error },
    asked_by: made.askedByOperator && reader.kind === 'tenant' ? 'operator' : made.askedBy,
    asked_at: rfc3339(made.askedAt),
    ended_at: nullableTime(made.endedAt),
    expires_at: nullableTime(made.expiresAt),
    file: made.state === 'done' ? `/v1/tenant-exports/${made.id}/file` : null,
  };
}

export function restoreToWire(made: TenantRestore): TenantRestoreItem {
  const { report, question } = made;
  return {
    ...{ id: made.id, tenant_id: made.tenantId, dry_run: question.dryRun, replace: question.replace },
    ...{ state: made.state, progress: progressToWire(made.progress), error: made.error },
    report:
      report === null
        ? null
        : {
            archived_at: rfc3339(report.archivedAt),
            tables: report.tables.map(({ leftOut, ...table }) => ({ ...table, left_out: leftOut })),
            notes: [...report.notes],
          },
    ...{ asked_by: made.askedBy, asked_at: rfc3339(made.askedAt), ended_at: nullableTime(made.endedAt) },
  };
}
