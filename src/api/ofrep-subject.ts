import type { FastifyRequest } from 'fastify';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { type EvaluationScope, scopeOf } from '../domain/flag-evaluation.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import { ownTenantOf } from './guard.ts';

/** OpenFeature Remote Evaluation Protocol 0.3.0 (open-feature/protocol, service/openapi.yaml). */
type OfrepErrorCode = 'PARSE_ERROR' | 'TARGETING_KEY_MISSING' | 'INVALID_CONTEXT' | 'FLAG_NOT_FOUND' | 'GENERAL';

/** An error that also carries the members that OFREP clients read. */
export class OfrepError extends TenantryError {
  readonly errorCode: OfrepErrorCode;

  constructor(errorCode: OfrepErrorCode, detail: string, hint: string) {
    super(errorCode === 'FLAG_NOT_FOUND' ? 'NOT_FOUND' : 'BAD_REQUEST', detail, { hint });
    this.errorCode = errorCode;
  }
}

/** Members of RFC 9457's "extension" kind: one body serves readers of problems and OFREP clients alike. */
export function ofrepMembers(error: TenantryError, request: FastifyRequest): Record<string, string> {
  const { key } = { ...(request.params as { key?: unknown } | undefined) };
  const code = error instanceof OfrepError ? error.errorCode : error.status === 400 ? 'PARSE_ERROR' : 'GENERAL';
  return {
    ...(typeof key === 'string' ? { key } : {}),
    errorCode: code,
    errorDetails: error.status === 500 ? 'Something went wrong on our side.' : error.message,
  };
}

export interface OfrepSubject {
  readonly tenant: TenantId;
  readonly scope: EvaluationScope;
}

/** Whom an evaluation is about. @throws OfrepError TARGETING_KEY_MISSING, INVALID_CONTEXT */
export function ofrepSubject(context: Record<string, unknown> | undefined, actor: Actor): OfrepSubject {
  const { targetingKey: key } = context ?? {};
  if (key === undefined || key === null || key === '') {
    throw new OfrepError('TARGETING_KEY_MISSING', 'The context has no targetingKey.', 'Set it to the tenant id.');
  }
  const own = ownTenantOf(actor);
  // One answer for malformed, absent and other tenants: a key that is bound to a tenant learns nothing of the rest.
  if (!isTenantId(key) || (own !== undefined && key !== own)) {
    throw new OfrepError(
      'INVALID_CONTEXT',
      'The targetingKey is no tenant that these credentials may ask about.',
      'Use a tenant id, and a key that is not bound to another tenant.',
    );
  }
  return { tenant: key, scope: scopeOf(context ?? {}) };
}
