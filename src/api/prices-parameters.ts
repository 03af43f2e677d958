import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { lineOfText } from './parameters.ts';
import { wholeHour } from './prices-schemas.ts';

export const endQuery = z.strictObject({
  effective_to: wholeHour.optional().describe('Ends the price there. Without it, as if it had never been'),
  reason: lineOfText(1, 1_000).default('ended by hand'),
});

export function noSuchPrice(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no such price here.', {
    hint: 'GET /v1/prices lists them; a price that was changed has a new id.',
  });
}
