import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { calendarRoutes } from './control-calendar.ts';
import type { AllowListItem, DecisionItem, KillSwitchItem } from './control-contract.ts';
import type { AllowListEntry, DecisionChain, KillSwitchState } from './control-ports.ts';
import { promotionRoutes } from './control-promotion.ts';
import { reachSchema } from './control-schemas.ts';
import { flagStatus, nullableTime, rfc3339 } from './convert.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { lineOfText, noQuery, tenantIdText, wholeNumber } from './parameters.ts';

const MAX_LISTED_SECONDS = 366 * 86_400;

const killSwitchSchema = z
  .object({
    on: z.boolean(),
    reason: z.string(),
    by: z.string().nullable(),
    at: z.string().nullable(),
    source: z
      .enum(['environment', 'file', 'shared'])
      .describe('environment: only a restart without the setting ends it; shared: set on another server'),
    revision: z.int().nullable().describe('Of the flags, at which all servers were told; null: it holds here alone'),
  })
  .meta({ id: 'KillSwitch' });

const newKillSwitchSchema = z
  .strictObject({ on: z.boolean(), reason: lineOfText(1, 500).describe('One sentence for people') })
  .meta({ id: 'NewKillSwitch' });

const allowListItemSchema = z
  .object({
    tenant_id: z.string(),
    owner: z.string().describe('Who answers for it'),
    reason: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string(),
  })
  .meta({ id: 'AllowListEntry' });

const newAllowListItemSchema = z
  .strictObject({
    owner: lineOfText(1, 200),
    reason: lineOfText(1, 500),
    expires_in_seconds: z.int().min(60).max(MAX_LISTED_SECONDS),
  })
  .meta({ id: 'NewAllowListEntry' });

const decisionItemSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    at: z.string(),
    kind: z.enum(['throttle', 'alert', 'lift', 'ask']).describe('ask: a person was asked, see /v1/control/approvals'),
    held_back_by: z.array(z.string()).describe('Guards, in the order in which they spoke'),
    explanation: z.string(),
    finding: z
      .object({
        id: z.string(),
        metric: z.string(),
        value: z.number(),
        baseline: z.number(),
        ratio: z.number(),
        rule: z.string(),
        reason: z.string(),
        started_at: z.string(),
        ended_at: z.string().nullable(),
      })
      .nullable(),
    throttle: z
      .object({
        id: z.string(),
        revision: z.int(),
        mode: z.enum(['enforce', 'shadow']),
        requests_per_second: z.number(),
        expires_at: z.string(),
        acks: z.array(z.object({ instance_id: z.string(), service: z.string(), acked_at: z.string() })),
        status: z.enum(['active', 'expired', 'lifted']),
        ended_at: z.string().nullable(),
        lifted_by: z.string().nullable(),
      })
      .nullable(),
    effect: z
      .object({ victims_p95_before_ms: z.number().nullable(), victims_p95_after_ms: z.number().nullable() })
      .describe('P95 of the tenant that suffers most, when it was decided and as last seen under the throttle'),
  })
  .meta({ id: 'Decision' });

function switchToWire({ at, ...state }: KillSwitchState): KillSwitchItem {
  return { ...state, at: nullableTime(at) };
}

function entryToWire(entry: AllowListEntry): AllowListItem {
  return {
    tenant_id: entry.tenantId,
    owner: entry.owner,
    reason: entry.reason,
    created_by: entry.createdBy,
    created_at: rfc3339(entry.createdAt),
    expires_at: rfc3339(entry.expiresAt),
  };
}

function throttleOf({ throttle }: DecisionChain, now: number): DecisionItem['throttle'] {
  if (throttle === undefined) return null;
  const { flag, liftedAt, liftedBy, acks } = throttle;
  return {
    id: flag.id,
    revision: flag.revision,
    mode: flag.mode,
    requests_per_second: flag.limit.requestsPerSecond,
    expires_at: rfc3339(flag.expiresAt),
    acks: acks.map(({ instanceId, service, ackedAt }) => ({
      instance_id: instanceId,
      service,
      acked_at: rfc3339(ackedAt),
    })),
    ...flagStatus({ expiresAt: flag.expiresAt, liftedAt }, now),
    lifted_by: liftedBy,
  };
}

function findingOf({ finding }: DecisionChain): DecisionItem['finding'] {
  if (finding === undefined) return null;
  const { id, metric, value, baseline, ratio, rule, reason, startedAt, endedAt } = finding;
  const figures = { id, metric, value, baseline, ratio, rule, reason };
  return { ...figures, started_at: rfc3339(startedAt), ended_at: nullableTime(endedAt) };
}

function decisionToWire(chain: DecisionChain, now: number): DecisionItem {
  const { id, tenantId, at, kind, heldBackBy, explanation, victimsP95Before, victimsP95After } = chain;
  return {
    ...{ id, tenant_id: tenantId, at: rfc3339(at), kind, held_back_by: [...heldBackBy], explanation },
    finding: findingOf(chain),
    throttle: throttleOf(chain, now),
    effect: { victims_p95_before_ms: victimsP95Before, victims_p95_after_ms: victimsP95After },
  };
}

function tenantOf(text: string) {
  const tenantId = parseTenantId(text);
  if (tenantId === undefined) throw noSuchTenant();
  return tenantId;
}

function killSwitchRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const url = '/v1/control/kill-switch';
  const shared = { tags: ['control'], querystring: noQuery, response: { 200: killSwitchSchema } };
  return (app, _options, done) => {
    app.get(
      url,
      { schema: { ...shared, operationId: 'getKillSwitch', summary: 'Whether automatic throttling is switched off' } },
      async () => switchToWire(control.killSwitch.state()),
    );
    app.put(
      url,
      {
        schema: {
          ...shared,
          operationId: 'setKillSwitch',
          summary:
            'While on, no server sets an automatic throttle or tells apps of one. Works without a database, for this ' +
            'server alone until it is back. What people set stays in force',
          body: newKillSwitchSchema,
        },
      },
      async (request) => {
        const { on, reason } = request.body;
        return switchToWire(await control.killSwitch.set(staffOf(request), on, reason));
      },
    );
    app.get(
      '/v1/control/reach',
      {
        schema: {
          operationId: 'getReach',
          tags: ['control'],
          summary: 'Which live app instances obey a revision of the flags, and since when',
          querystring: z.strictObject({ revision: wholeNumber(0, Number.MAX_SAFE_INTEGER) }),
          response: { 200: reachSchema },
        },
      },
      async (request) => {
        const { revision } = request.query;
        const reached = await control.killSwitch.reach(staffOf(request), revision);
        const items = reached.map(({ service, instanceId, ackedAt }) => ({
          ...{ service, instance_id: instanceId, acked_at: nullableTime(ackedAt) },
        }));
        return { revision, items };
      },
    );
    done();
  };
}

function allowListRoutes({ ports: { control } }: ApiContext): FastifyPluginCallbackZod {
  const params = z.object({ tenant_id: tenantIdText });
  return (app, _options, done) => {
    app.get(
      '/v1/control/allow-list',
      {
        schema: {
          operationId: 'listAllowed',
          tags: ['control'],
          summary: 'Tenants that automation leaves alone',
          querystring: noQuery,
          response: { 200: z.object({ items: z.array(allowListItemSchema) }).meta({ id: 'AllowList' }) },
        },
      },
      async (request) => ({ items: (await control.allowList.list(staffOf(request))).map(entryToWire) }),
    );
    app.put(
      '/v1/control/allow-list/:tenant_id',
      {
        schema: {
          operationId: 'allowTenant',
          tags: ['control'],
          summary: 'Keep automation away from a tenant for a while',
          params,
          querystring: noQuery,
          body: newAllowListItemSchema,
          response: { 200: allowListItemSchema },
        },
      },
      async (request) => {
        const { owner, reason, expires_in_seconds: expiresInSeconds } = request.body;
        const tenantId = tenantOf(request.params.tenant_id);
        return entryToWire(
          await control.allowList.put(staffOf(request), tenantId, { owner, reason, expiresInSeconds }),
        );
      },
    );
    app.delete(
      '/v1/control/allow-list/:tenant_id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'disallowTenant',
          tags: ['control'],
          summary: 'Let automation act on a tenant again',
          params,
          querystring: noQuery,
          response: { 204: z.undefined().describe('Removed') },
        },
      },
      async (request, reply) => {
        if (await control.allowList.remove(staffOf(request), tenantOf(request.params.tenant_id))) {
          return reply.code(204).send();
        }
        throw new TenantryError('NOT_FOUND', 'The allow-list has no such tenant.', {
          hint: 'GET /v1/control/allow-list shows who is on it.',
        });
      },
    );
    done();
  };
}

/** What steers automation (kill switch, allow-list), and what it decided. */
export function controlRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(killSwitchRoutes(context));
    app.register(allowListRoutes(context));
    app.register(promotionRoutes(context));
    app.register(calendarRoutes(context));
    app.get(
      '/v1/decisions',
      {
        schema: {
          operationId: 'listDecisions',
          tags: ['control'],
          summary: 'What automation decided, newest first: finding, guards, throttle, who obeys it, effect, end',
          querystring: z.strictObject({
            tenant_id: tenantIdText.optional(),
            limit: wholeNumber(1, 500).default(50),
          }),
          response: { 200: z.object({ items: z.array(decisionItemSchema) }).meta({ id: 'DecisionList' }) },
        },
      },
      async (request) => {
        const { tenant_id: asked, limit } = request.query;
        const tenantId = parseTenantId(asked);
        const filter = { limit, ...(tenantId === undefined ? {} : { tenantId }) };
        const chains = await context.ports.control.decisions(staffOf(request), filter);
        return { items: chains.map((chain) => decisionToWire(chain, context.now())) };
      },
    );
    done();
  };
}
