import type { FastifyError, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERRORS, type ErrorCode, TenantryError } from '../domain/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    hint: z.string().exactOptional(),
    pointer: z.string().exactOptional().describe('Field of the body that is at fault, as RFC 6901 says it'),
    request_id: z.string(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. `code` is stable; `detail` and `hint` are for people.' });

/** Errors that fastify itself raises, by its code. */
const FASTIFY_ERRORS: Readonly<Record<string, { code: ErrorCode; detail: string; hint?: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', detail: 'The body is longer than this route accepts.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    detail: 'This content type cannot be read here.',
    hint: 'Send application/json.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'BAD_REQUEST', detail: 'The body is not valid JSON.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'BAD_REQUEST',
    detail: 'The body is empty but its content type says JSON.',
    hint: 'Send a JSON object, or leave the content-type header out.',
  },
  FST_ERR_BAD_URL: { code: 'BAD_REQUEST', detail: 'The path is not a valid percent-encoded path.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'NOT_FOUND', detail: 'There is nothing at this path.' },
  FST_ERR_HANDLER_TIMEOUT: {
    code: 'QUERY_TIMEOUT',
    detail: 'The answer was not ready in time.',
    hint: 'Ask for a shorter time, or try again in a moment.',
  },
};

const CONTEXT_WORDS: Readonly<Record<string, string>> = {
  querystring: 'query parameter',
  body: 'body field',
  params: 'path parameter',
  headers: 'header',
};

/** A JSON key as it may stand in an answer or a log: short, one line. */
function quoteKey(key: string): string {
  return JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key);
}

function allowedKeys(request: FastifyRequest, context: string): string | undefined {
  const schemas: Readonly<Record<string, unknown>> = { ...request.routeOptions.schema };
  const schema = schemas[context];
  if (!(schema instanceof z.ZodObject)) return undefined;
  const keys = Object.keys(schema.shape);
  return keys.length === 0
    ? `This route takes no ${CONTEXT_WORDS[context] ?? 'field'}s.`
    : `Allowed: ${keys.join(', ')}.`;
}

/** The first thing that is wrong, with its name and what is allowed. Values are never repeated. */
function fromValidation(
  error: { validation: readonly ValidationIssue[]; validationContext?: string | undefined },
  request: FastifyRequest,
): TenantryError {
  const context = error.validationContext ?? 'body';
  const word = CONTEXT_WORDS[context] ?? 'field';
  const [issue] = error.validation;
  const path = (issue?.instancePath ?? '').split('/').filter((part) => part !== '');
  const unknownKeys = issue?.keyword === 'unrecognized_keys' ? issue.params['keys'] : undefined;
  if (Array.isArray(unknownKeys)) {
    const names = unknownKeys.slice(0, 3).map((key) => quoteKey([...path, String(key)].join('.')));
    const hint = path.length === 0 ? allowedKeys(request, context) : undefined;
    return new TenantryError('BAD_REQUEST', `unknown ${word} ${names.join(', ')}`, {
      ...(hint === undefined ? {} : { hint }),
      ...pointerTo(context, [...path, String(unknownKeys[0])]),
    });
  }
  const subject =
    path.length === 0 ? `the ${context === 'body' ? 'body' : word}` : `${word} ${quoteKey(path.join('.'))}`;
  return new TenantryError('BAD_REQUEST', `${subject}: ${issue?.message ?? 'not valid'}`, {
    hint: '/openapi.json describes every parameter and field.',
    ...pointerTo(context, path),
  });
}

/** Forms show a problem beside the field that it is about; other parts of a request have no forms. */
function pointerTo(context: string, path: readonly string[]): { pointer?: string } {
  if (context !== 'body' || path.length === 0) return {};
  return { pointer: path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('') };
}

interface ValidationIssue {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/** Any thrown value as one of our errors; what is not known to be the caller's fault is INTERNAL and says nothing. */
export function toTenantryError(error: unknown, request: FastifyRequest): TenantryError {
  if (error instanceof TenantryError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return fromValidation(error, request);
  if (isFastifyError(error)) {
    const known = FASTIFY_ERRORS[error.code];
    if (known !== undefined) {
      return new TenantryError(known.code, known.detail, known.hint === undefined ? {} : { hint: known.hint });
    }
  }
  // Only fastify's own word (and its JSON parser's) that the request is at fault counts: a status on any other error
  // was meant for somebody else's caller.
  const isFastifys = isFastifyError(error) ? error.code.startsWith('FST_ERR_') : error instanceof SyntaxError;
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (isFastifys && typeof status === 'number' && status < 500) {
    return new TenantryError('BAD_REQUEST', 'The request could not be read.', { cause: error });
  }
  return new TenantryError('INTERNAL', 'unexpected error', { cause: error });
}

/** The RFC 9457 body of an error. Our own faults (status 500) keep their details for the log. */
export function problemOf(error: TenantryError, requestId: string): z.infer<typeof problemSchema> {
  const { status, title } = ERRORS[error.code];
  const ours = status === 500;
  const hint = ours ? 'Try again; if it stays, tell your operator the request_id.' : error.hint;
  return {
    type: `urn:tenantry:error:${error.code}`,
    title,
    status,
    code: error.code,
    detail: ours ? 'Something went wrong on our side.' : error.message,
    ...(hint === undefined ? {} : { hint }),
    ...(ours || error.pointer === undefined ? {} : { pointer: error.pointer }),
    request_id: requestId,
  };
}
