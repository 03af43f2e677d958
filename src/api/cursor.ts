import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';

const positionSchema = z.strictObject({ offset: z.int().min(0), from: z.int(), to: z.int() });

/** Where the next page starts. The window travels along, so that "the last hour" does not slide between pages. */
type Position = z.infer<typeof positionSchema>;

export interface CursorSeal {
  seal(position: Position, binding: readonly unknown[]): string;
  /** @throws TenantryError BAD_REQUEST if the cursor was not sealed here for the same binding */
  open(cursor: string, binding: readonly unknown[]): Position;
}

/**
 * Opaque cursors: the position and an HMAC over it and over what it is bound to (the query and whose answer it is),
 * so that a cursor can neither be edited nor carried over to another query or caller.
 */
export function createCursorSeal(secret: Uint8Array): CursorSeal {
  const mac = (payload: string, binding: readonly unknown[]) =>
    createHmac('sha256', secret)
      .update(JSON.stringify([payload, ...binding]))
      .digest('base64url');

  return {
    seal(position, binding) {
      const payload = Buffer.from(JSON.stringify(position)).toString('base64url');
      return `${payload}.${mac(payload, binding)}`;
    },
    open(cursor, binding) {
      const [payload = '', tag = '', ...rest] = cursor.split('.');
      // The texts are compared, not what they decode to: decoding drops characters, so look-alikes would pass.
      const given = Buffer.from(tag);
      const expected = Buffer.from(mac(payload, binding));
      const authentic = rest.length === 0 && given.length === expected.length && timingSafeEqual(given, expected);
      if (!authentic) {
        throw new TenantryError('BAD_REQUEST', 'query parameter "cursor" does not belong to this query', {
          hint: 'Repeat the query unchanged and pass the next_cursor of its last page, or leave the cursor out.',
        });
      }
      return positionSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    },
  };
}
