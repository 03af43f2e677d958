import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TenantStage } from '../domain/automation.ts';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { approvalToWire, standingToWire, stepToWire } from './control-convert.ts';
import {
  approvalListSchema,
  approvalSchema,
  newAnswerSchema,
  newRuleStageSchema,
  newTenantStageSchema,
  ruleStageDetailSchema,
  ruleStageListSchema,
  tenantStageListSchema,
  tenantStageSchema,
} from './control-schemas.ts';
import { rfc3339 } from './convert.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { lineOfText, noQuery, tenantIdText, wholeNumber } from './parameters.ts';

function noSuchRule(): TenantryError {
  return new TenantryError('NOT_FOUND', 'No rule of this name and version runs here.', {
    hint: 'GET /v1/control/rules lists those that do; write / as %2F.',
  });
}

function tenantStageToWire({ tenantId, at, ...stage }: TenantStage) {
  return { tenant_id: tenantId, ...stage, at: rfc3339(at) };
}

function ruleRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const url = '/v1/control/rules/:rule/stage';
  const params = z.object({ rule: lineOfText(1, 100) });
  return (app, _options, done) => {
    app.get(
      '/v1/control/rules',
      {
        schema: {
          operationId: 'listRules',
          tags: ['control'],
          summary: 'Rules that may throttle: where each stands, on whose word, and what its next stage lacks',
          querystring: noQuery,
          response: { 200: ruleStageListSchema },
        },
      },
      async (request) => ({ items: (await control.promotions.rules(staffOf(request))).map(standingToWire) }),
    );
    app.get(
      url,
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getRuleStage',
          tags: ['control'],
          summary: 'Where one rule stands, and every step that it took',
          params,
          querystring: noQuery,
          response: { 200: ruleStageDetailSchema },
        },
      },
      async (request) => {
        const [actor, { rule }] = [staffOf(request), request.params];
        const standing = await control.promotions.rule(actor, rule);
        if (standing === undefined) throw noSuchRule();
        const steps = await control.promotions.steps(actor, rule);
        return { ...standingToWire(standing), steps: steps.map(stepToWire) };
      },
    );
    app.put(
      url,
      {
        config: { errors: ['NOT_FOUND', 'CONFLICT'] },
        schema: {
          operationId: 'setRuleStage',
          tags: ['control'],
          summary:
            'Move a rule to a stage. Back at once; forward one stage at a time, after the one before was watched for ' +
            'long enough, on a backtest that passes, and (202) when a second person approves',
          params,
          querystring: noQuery,
          body: newRuleStageSchema,
          response: {
            200: ruleStageDetailSchema,
            202: ruleStageDetailSchema.describe('It waits for a second person, see `pending`'),
          },
        },
      },
      async (request, reply) => {
        const [actor, { rule }] = [staffOf(request), request.params];
        const { stage, reason, unproven_because: unprovenBecause = null } = request.body;
        const moved = await control.promotions.move(actor, rule, { stage, reason, unprovenBecause });
        if (moved === undefined) throw noSuchRule();
        const steps = await control.promotions.steps(actor, rule);
        const answer = { ...standingToWire(moved.standing), steps: steps.map(stepToWire) };
        return moved.approvalId === null ? answer : reply.code(202).send(answer);
      },
    );
    done();
  };
}

function tenantStageRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const url = '/v1/control/tenant-stages/:tenant_id';
  const params = z.object({ tenant_id: tenantIdText });
  const tenantOf = (text: string) => {
    const tenantId = parseTenantId(text);
    if (tenantId === undefined) throw noSuchTenant();
    return tenantId;
  };
  return (app, _options, done) => {
    app.get(
      '/v1/control/tenant-stages',
      {
        schema: {
          operationId: 'listTenantStages',
          tags: ['control'],
          summary: 'Tenants that automation goes less far with than its rules',
          querystring: noQuery,
          response: { 200: tenantStageListSchema },
        },
      },
      async (request) => ({
        items: (await control.tenants.tenantStages(staffOf(request))).map(tenantStageToWire),
      }),
    );
    app.put(
      url,
      {
        schema: {
          operationId: 'setTenantStage',
          tags: ['control'],
          summary: 'Go no farther with a tenant than this stage, whatever the rules may',
          params,
          querystring: noQuery,
          body: newTenantStageSchema,
          response: { 200: tenantStageSchema },
        },
      },
      async (request) => {
        const { stage, reason } = request.body;
        const tenantId = tenantOf(request.params.tenant_id);
        return tenantStageToWire(await control.tenants.putTenantStage(staffOf(request), tenantId, stage, reason));
      },
    );
    app.delete(
      url,
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'removeTenantStage',
          tags: ['control'],
          summary: 'Let a tenant follow the rules again',
          params,
          querystring: noQuery,
          response: { 204: z.undefined().describe('Removed') },
        },
      },
      async (request, reply) => {
        const tenantId = tenantOf(request.params.tenant_id);
        if (await control.tenants.removeTenantStage(staffOf(request), tenantId)) return reply.code(204).send();
        throw new TenantryError('NOT_FOUND', 'This tenant has no stage of its own.', {
          hint: 'GET /v1/control/tenant-stages lists those that have.',
        });
      },
    );
    done();
  };
}

function approvalRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const answers = [
    { verb: 'approve', verdict: 'approved', summary: 'Agree: the policy writes the throttle if it still would' },
    { verb: 'deny', verdict: 'denied', summary: 'Decide against it: nothing is done' },
  ] as const;
  return (app, _options, done) => {
    app.get(
      '/v1/control/approvals',
      {
        schema: {
          operationId: 'listApprovals',
          tags: ['control'],
          summary: 'What waits, or waited, for a person, newest first',
          querystring: z.strictObject({
            pending: z.enum(['true', 'false']).default('false').describe('true: only what can still be answered'),
            limit: wholeNumber(1, 500).default(50),
          }),
          response: { 200: approvalListSchema },
        },
      },
      async (request) => {
        const { pending, limit } = request.query;
        const filter = { pendingOnly: pending === 'true', limit };
        return { items: (await control.approvals.list(staffOf(request), filter)).map(approvalToWire) };
      },
    );
    for (const { verb, verdict, summary } of answers) {
      app.post(
        `/v1/control/approvals/:id/${verb}`,
        {
          config: { errors: ['NOT_FOUND'] },
          schema: {
            operationId: `${verb}Approval`,
            tags: ['control'],
            summary,
            params: z.object({ id: z.string() }),
            querystring: noQuery,
            body: newAnswerSchema,
            response: { 200: approvalSchema },
          },
        },
        async (request) => {
          const { note = null } = request.body;
          const decided = await control.approvals.decide(staffOf(request), request.params.id, verdict, note);
          if (decided !== undefined) return approvalToWire(decided);
          throw new TenantryError('NOT_FOUND', 'Nothing waits under this id.', {
            hint: 'GET /v1/control/approvals?pending=true lists what does; it may have been answered or have run out.',
          });
        },
      );
    }
    done();
  };
}

/** How far automation may go, and what it asks people. */
export function promotionRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(ruleRoutes(context));
    app.register(tenantStageRoutes(context));
    app.register(approvalRoutes(context));
    done();
  };
}
