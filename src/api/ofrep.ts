import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { evaluate, evaluateAll, mayConcern, type TenantFacts, UNKNOWN_PLAN } from '../domain/flag-evaluation.ts';
import type { ApiContext } from './context.ts';
import { matchesEtag } from './flags.ts';
import { callerOf, refuseForeignRows } from './guard.ts';
import { eventStreamOf } from './ofrep-events.ts';
import { OfrepError, type OfrepSubject, ofrepSubject } from './ofrep-subject.ts';
import { noQuery } from './parameters.ts';

const requestSchema = z
  .strictObject({
    context: z
      .looseObject({ targetingKey: z.unknown().optional().describe('The tenant') })
      .optional()
      .describe('targetingKey = tenant; `service`, `route`, `method` and `cost_class` narrow the throttles'),
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
  .object({
    flags: z.array(z.union([evaluationSchema, failureSchema])),
    eventStreams: z
      .array(
        z.object({
          type: z.literal('sse'),
          endpoint: z.object({ requestUri: z.string() }),
          inactivityDelaySec: z.int(),
        }),
      )
      .describe('Where to hear of changes; with the same credentials'),
  })
  .meta({ id: 'OfrepBulkEvaluation' });

export function ofrepRoutes({ ports: { flags, plans, planFeatures, sales } }: ApiContext): FastifyPluginCallbackZod {
  /** Flags come from memory and must not fall with the database; what it alone holds is not known then. */
  async function ifThere<Value>(read: Promise<Value>): Promise<{ readonly value: Value } | undefined> {
    try {
      return { value: await read };
    } catch (error) {
      if (error instanceof TenantryError && error.code === 'STORE_UNAVAILABLE') return undefined;
      throw error;
    }
  }

  /** `key` undefined: for every flag. Only plan and placement cost a question to the store. */
  async function factsOf(
    request: FastifyRequest,
    context: Record<string, unknown> | undefined,
    key?: string,
  ): Promise<TenantFacts & { readonly subject: OfrepSubject }> {
    const { actor } = callerOf(request);
    const subject = ofrepSubject(context, actor);
    const { tenant } = subject;
    // A key that speaks for every tenant asks as one bound to this tenant: the store lets it read no further.
    const reader: Actor = actor.kind === 'key' ? { ...actor, tenantId: tenant } : actor;
    const asks = (name: string) => key === undefined || key === name;
    const [snapshot, plan, included, placement] = await Promise.all([
      flags.snapshot(tenant),
      asks('plan') ? ifThere(plans.plans(reader, [tenant])) : undefined,
      asks('plan.features') ? ifThere(planFeatures.of(tenant)) : undefined,
      asks('placement') ? ifThere(sales.placements.placement(reader, tenant)) : undefined,
    ]);
    refuseForeignRows(
      subject.tenant,
      snapshot.flags.map((flag) => flag.tenant_id),
    );
    const inForce = snapshot.flags.filter((flag) => flag.ttl_ms > 0 && mayConcern(flag, subject.scope));
    return {
      flags: inForce,
      plan: plan === undefined ? UNKNOWN_PLAN : plan.value.get(tenant),
      features: included?.value.features,
      placement: placement?.value,
      subject,
    };
  }

  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags/:key',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'evaluateFlag',
        tags: ['ofrep'],
        summary:
          'OpenFeature: one flag (throttle, suspended, degrade.ai, breaker.<integration>, plan, plan.features, placement)',
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
          'Keys: throttle, suspended, degrade.ai, breaker.<integration>, plan, plan.features, placement.',
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
        const { subject, ...facts } = await factsOf(request, request.body.context);
        const body = { flags: evaluateAll(facts), eventStreams: [eventStreamOf(subject.tenant)] };
        const etag = `"${createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 22)}"`;
        reply.header('etag', etag).header('cache-control', 'private, no-cache');
        if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
        return reply.send(body);
      },
    });
    done();
  };
}
