import { z } from 'zod';

const days = (fallback: number) => z.coerce.number().min(1).default(fallback);

/** How long the stores keep what they have, and where copies of them go. */
export const KEEPING_SETTINGS = {
  TENANTRY_RETAIN_SPANS_DAYS: days(7).describe('raw spans'),
  TENANTRY_RETAIN_POINTS_DAYS: days(7).describe('data points of metrics'),
  TENANTRY_RETAIN_MINUTES_DAYS: days(30).describe('minute rollups'),
  TENANTRY_RETAIN_HOURS_DAYS: days(400).describe('hour rollups'),
  TENANTRY_RETAIN_DAYS_DAYS: days(1_830).describe('day rollups'),
  TENANTRY_TENANT_RETENTION_HOUR: z.coerce
    .number()
    .int()
    .min(0)
    .max(23)
    .default(3)
    .describe('hour of the day, UTC, at which telemetry is removed of tenants that have less kept than the rest'),
  TENANTRY_BACKUP_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the backups that are made without being told one; unset = none is made without'),
  TENANTRY_BACKUP_KEEP: z.coerce
    .number()
    .int()
    .min(1)
    .default(7)
    .describe('backups that are kept in it; older ones are removed after a new one is whole'),
  TENANTRY_BACKUP_MAX_AGE_HOURS: z.coerce
    .number()
    .min(1)
    .default(26)
    .describe('`tenantry doctor` and the page on telemetry warn when the newest backup is older'),
  TENANTRY_BACKUP_CLICKHOUSE_DISK: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a disk')
    .optional()
    .describe('with CLICKHOUSE_URL: the disk, as the server calls it, that it writes its own backups to'),
  TENANTRY_AUDIT_HEADS_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for signed heads of the audit log, one an hour and one at the stop; best a mount in which nothing can be overwritten; unset = none',
    ),
} as const;
