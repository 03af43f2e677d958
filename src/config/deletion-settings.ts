/** Settings of the deletion of tenants. */
import { z } from 'zod';

/** 32 bytes in base64, as `openssl rand -base64 32` prints them. */
const KEY = /^[A-Za-z0-9+/]{43}=$/;

export const DELETION_SETTINGS = {
  TENANTRY_INSTALLATION_KEY: z
    .string()
    .regex(KEY, 'must be a key of 32 bytes in base64, as `openssl rand -base64 32` makes')
    .optional()
    .describe(
      'key that certificates of deletion are signed with, the same on every server; unset = made in the data directory at first use',
    ),
  TENANTRY_DELETION_WAITING_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(365)
    .default(14)
    .describe('days from a request to be deleted until it may be carried out, for tenants to think again'),
  TENANTRY_DELETION_AUTOMATIC: z
    .enum(['true', 'false', '1', '0'])
    .default('false')
    .transform((text) => text === 'true' || text === '1')
    .describe('true = requests are carried out when they are due; false = when an admin starts them'),
};
