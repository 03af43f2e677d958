import { z } from 'zod';
import { type ErrorCode, TenantryError } from '../domain/errors.ts';
import { ScimClash } from '../domain/scim.ts';

export const SCIM_TYPE = 'application/scim+json';
export const SCIM_PREFIX = '/scim/';
const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

export const scimErrorSchema = z
  .object({
    ...{ schemas: z.array(z.string()), status: z.string(), scimType: z.string().exactOptional(), detail: z.string() },
  })
  .meta({ id: 'ScimError', description: 'RFC 7644, 3.12' });

/** RFC 7644, table 9, as far as anything here answers them. */
type ScimErrorType =
  | 'uniqueness'
  | 'invalidFilter'
  | 'tooMany'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue';

/** An error that also carries the keyword that directories read. */
export class ScimError extends TenantryError {
  readonly scimType: ScimErrorType;

  constructor(scimType: ScimErrorType, detail: string, code: ErrorCode = 'BAD_REQUEST') {
    super(code, detail);
    this.scimType = scimType;
  }
}

function scimTypeOf(error: TenantryError): ScimErrorType | undefined {
  if (error instanceof ScimError) return error.scimType;
  if (error instanceof ScimClash) return 'uniqueness';
  return error.code === 'BAD_REQUEST' ? 'invalidValue' : undefined;
}

/** Any error as RFC 7644 3.12 writes it. Our own faults keep their details for the log. */
export function scimErrorOf(error: TenantryError): Record<string, unknown> {
  const hint = error.hint === undefined ? '' : ` ${error.hint}`;
  const type = scimTypeOf(error);
  return {
    schemas: [ERROR_SCHEMA],
    status: String(error.status),
    ...(type === undefined ? {} : { scimType: type }),
    detail: error.status === 500 ? 'Something went wrong on our side.' : `${error.message}${hint}`,
  };
}
