import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { WireFlag } from '../domain/flag-wire.ts';
import { isTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { matchesEtag } from './flags.ts';
import { callerOf, ownTenantOf, refuseForeignRows } from './guard.ts';
import { evaluate, evaluateAll, type TenantFacts, UNKNOWN_PLAN } from './ofrep-flags.ts';
import { noQuery } from './parameters.ts';

/** OpenFeature Remote Evaluation Protocol 0.3.0 (open-feature/protocol, service/openapi.yaml). */
type OfrepErrorCode = 'PARSE_ERROR' | 'TARGETING_KEY_MISSING' | 'INVALID_CONTEXT' | 'FLAG_NOT_FOUND' | 'GENERAL';

/** An error that also carries the members that OFREP clients read. */
class OfrepError extends TenantryError {
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

const requestSchema = z
  .strictObject({
    context: z
      .looseObject({ targetingKey: z.unknown().optional().describe('The tenant') })
      .optional()
      .describe('targetingKey = tenant; `service` and `route` narrow the throttles'),
  })
  .meta({ id: 'OfrepRequest' });

const evaluationSchema = z
  .object({
    key: z.string(),
    value: z.unknown().exactOptional().describe("Absent: use the code's default"),
    reason: z.enum(['STATIC', 'TARGETING_MATCH']),
    variant: z.string().exactOptional(),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  })
  .meta({ id: 'OfrepEvaluation' });

const failureSchema = z
  .object({ key: z.string(), errorCode: z.literal('GENERAL'), errorDetails: z.string() })
  .meta({ id: 'OfrepFailure' });

const bulkSchema = z
  .object({ flags: z.array(z.union([evaluationSchema, failureSchema])) })
  .meta({ id: 'OfrepBulkEvaluation' });

interface Subject {
  readonly tenant: TenantId;
  readonly service: string | undefined;
  readonly route: string | undefined;
}

function subjectOf(context: Record<string, unknown> | undefined, actor: Actor): Subject {
  const { targetingKey: key, service, route } = context ?? {};
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
  return {
    tenant: key,
    service: typeof service === 'string' ? service : undefined,
    route: typeof route === 'string' ? route : undefined,
  };
}

function inScope(flag: WireFlag, { service, route }: Subject): boolean {
  const { scope = {} } = flag;
  const fits = (limitedTo: string | undefined, asked: string | undefined) =>
    limitedTo === undefined || asked === undefined || limitedTo === asked;
  return fits(scope.service, service) && fits(scope.route, route);
}

export function ofrepRoutes({ ports: { flags, plans } }: ApiContext): FastifyPluginCallbackZod {
  /** A key that speaks for every tenant asks as one bound to this tenant: the store lets it read no further. */
  async function planOf(actor: Actor, tenant: TenantId): Promise<TenantFacts['plan']> {
    const reader = actor.kind === 'key' ? { ...actor, tenantId: tenant } : actor;
    try {
      return (await plans.plans(reader, [tenant])).get(tenant);
    } catch (error) {
      // Flags come from memory and must not fall with the database; the plan alone is not known then.
      if (error instanceof TenantryError && error.code === 'STORE_UNAVAILABLE') return UNKNOWN_PLAN;
      throw error;
    }
  }

  /** `key` undefined: for every flag. Only the plan costs a question to the store. */
  async function factsOf(
    request: FastifyRequest,
    context: Record<string, unknown> | undefined,
    key?: string,
  ): Promise<TenantFacts> {
    const { actor } = callerOf(request);
    const subject = subjectOf(context, actor);
    const [snapshot, plan] = await Promise.all([
      flags.snapshot(subject.tenant),
      key === undefined || key === 'plan' ? planOf(actor, subject.tenant) : undefined,
    ]);
    refuseForeignRows(
      subject.tenant,
      snapshot.flags.map((flag) => flag.tenant_id),
    );
    const inForce = snapshot.flags.filter((flag) => flag.ttl_ms > 0 && inScope(flag, subject));
    return { flags: inForce, plan };
  }

  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags/:key',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'evaluateFlag',
        tags: ['ofrep'],
        summary: 'OpenFeature: one flag (throttle, degrade.ai, breaker.<integration>, plan, placement)',
        params: z.object({ key: z.string() }),
        querystring: noQuery,
        body: requestSchema,
        response: { 200: evaluationSchema },
      },
      handler: async (request) => {
        const { key } = request.params;
        const evaluation = evaluate(key, await factsOf(request, request.body.context, key));
        if (evaluation !== undefined && 'errorCode' in evaluation) {
          throw new TenantryError('STORE_UNAVAILABLE', evaluation.errorDetails);
        }
        if (evaluation !== undefined) return evaluation;
        throw new OfrepError(
          'FLAG_NOT_FOUND',
          'There is no flag with this key.',
          'Keys: throttle, degrade.ai, breaker.<integration>, plan, placement.',
        );
      },
    });

    app.route({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags',
      schema: {
        operationId: 'evaluateFlags',
        tags: ['ofrep'],
        summary: 'OpenFeature: every flag of one tenant (If-None-Match)',
        // Clients that were told of a change by an event stream send these two along.
        querystring: z.strictObject({
          flagConfigEtag: z.string().max(128).optional(),
          flagConfigLastModified: z.string().max(64).optional(),
        }),
        body: requestSchema,
        response: { 200: bulkSchema, 304: z.undefined().describe('Nothing changed since that ETag') },
      },
      handler: async (request, reply) => {
        const body = { flags: evaluateAll(await factsOf(request, request.body.context)) };
        const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 22)}"`;
        reply.header('etag', etag).header('cache-control', 'private, no-cache');
        if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
        return reply.send(body);
      },
    });
    done();
  };
}
