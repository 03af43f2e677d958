import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { differenceToWire, ruleFromWire, ruleSetToWire } from './bills-convert.ts';
import {
  allocationRuleSetSchema,
  allocationRulesSchema,
  allocationRuleVersionListSchema,
} from './bills-rules-schemas.ts';
import { allocationChangeSchema } from './bills-schemas.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { lineOfText, noQuery, wholeNumber } from './parameters.ts';

/** 500 rules with long lists of patterns. */
const BODY_LIMIT_BYTES = 1024 * 1024;
const PREVIEW_TIMEOUT_MS = 10 * 60_000;

const newRules = z
  .strictObject({
    based_on: z.int().min(0).describe('The version that was changed: somebody else’s change is not written over'),
    rules: allocationRulesSchema,
    comment: lineOfText(1, 1_000).nullable().default(null),
  })
  .meta({ id: 'NewAllocationRules' });

const trial = z.strictObject({ bill_id: z.uuid(), rules: allocationRulesSchema }).meta({ id: 'AllocationTrial' });

/** The rules by which bills are shared out. */
export function billRuleRoutes({ ports: { bills } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/allocation-rules',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getAllocationRules',
        tags: ['costs'],
        summary: 'The rules by which bills are shared out, now or in an earlier version',
        querystring: z.strictObject({ version: wholeNumber(0, 2_147_483_647).optional() }),
        response: { 200: allocationRuleSetSchema },
      },
      handler: async (request) => {
        const found = await bills.rules(staffOf(request), request.query.version);
        if (found === undefined) {
          throw new TenantryError('NOT_FOUND', 'There is no such version of the rules.', {
            hint: 'GET /v1/allocation-rules/versions lists them.',
          });
        }
        return ruleSetToWire(found);
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/allocation-rules/versions',
      schema: {
        operationId: 'listAllocationRuleVersions',
        tags: ['costs'],
        summary: 'Who changed the rules when',
        querystring: noQuery,
        response: { 200: allocationRuleVersionListSchema },
      },
      handler: async (request) => ({
        items: (await bills.ruleVersions(staffOf(request))).map(({ version, comment, createdBy, createdAt }) => ({
          ...{ version, comment, created_by: createdBy, created_at: rfc3339(createdAt) },
        })),
      }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/allocation-rules',
      bodyLimit: BODY_LIMIT_BYTES,
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'changeAllocationRules',
        tags: ['costs'],
        summary: 'Make a new version of the rules. Bills keep their shares until they are allocated again',
        querystring: noQuery,
        body: newRules,
        response: { 200: allocationRuleSetSchema },
      },
      handler: async (request) => {
        const { based_on: basedOn, rules, comment } = request.body;
        return ruleSetToWire(
          await bills.changeRules(staffOf(request), { basedOn, rules: rules.map(ruleFromWire), comment }),
        );
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/allocation-rules/preview',
      bodyLimit: BODY_LIMIT_BYTES,
      handlerTimeout: PREVIEW_TIMEOUT_MS,
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'previewAllocationRules',
        tags: ['costs'],
        summary: 'What a bill would come to for whom by other rules. Nothing is kept',
        querystring: noQuery,
        body: trial,
        response: { 200: allocationChangeSchema },
      },
      handler: async (request) => {
        const { bill_id: id, rules } = request.body;
        const change = await bills.preview(staffOf(request), id, rules.map(ruleFromWire));
        if (change === undefined) {
          throw new TenantryError('NOT_FOUND', 'There is no current bill with this id.', {
            hint: 'GET /v1/bills lists them.',
          });
        }
        return differenceToWire(change);
      },
    });
    done();
  };
}
