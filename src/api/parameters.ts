import { z } from 'zod';
import { TENANT_ID_PATTERN } from '../domain/tenant-id.ts';

/** For routes that take no query: anything in it is a mistake worth telling. */
export const noQuery = z.strictObject({});

/** A whole number written in digits only; `1e3`, ` 5` and the empty string are refused, which `z.coerce` would take. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, error).max(max, error),
  );
}

/** One line of text for people or names. No control characters: Postgres refuses NUL, and logs stay one line each. */
export function lineOfText(min: number, max: number) {
  const error = `must be text of ${min} to ${max} characters without control characters`;
  return z
    .string({ error })
    .min(min, error)
    .max(max, error)
    .refine((text) => !/\p{Cc}/u.test(text), error);
}

/** Ids that the store gives out; another text names nothing, and is not asked for. */
export const STORED_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Ids that the database makes; another text names nothing, and would be an error there. */
export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * How long a flag that somebody sets may last. At most a day, as the store holds it: what should last longer belongs into
 * a plan or into the app. Shorter than 5 s it would end before every instance has heard of it.
 */
export const flagLifeSeconds = z.int().min(5).max(86_400);

export const tenantIdText = z
  .string()
  .regex(TENANT_ID_PATTERN, 'must be a tenant id: 1 to 128 letters, digits and . _ : @ | -, first a letter or digit');

/** RFC 3339 with zone. Bounded because ClickHouse's DateTime wraps outside 1970..2106 instead of failing. */
export const instant = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z (write + as %2B)' })
  .refine((text) => {
    const time = Date.parse(text);
    return time >= Date.UTC(2000, 0) && time < Date.UTC(2100, 0);
  }, 'must be a time in the years 2000 to 2099');
