import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import {
  type StateCommand,
  SUSPENSION_EFFECTS,
  SUSPENSION_REASONS,
  TENANT_STATUSES,
  type TenantStanding,
} from '../domain/tenant-state.ts';
import type { ApiContext } from './context.ts';
import { nullableTime } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, staffOf } from './guard.ts';
import { instant, lineOfText, noQuery } from './parameters.ts';
import type { TenantStateItem } from './tenant-state-contract.ts';

const MAX_VERSION = 2_147_483_647;
const params = z.object({ id: z.string() });
const reason = lineOfText(1, 500).describe("Why, in one sentence for the operator's people; kept with the change");
const version = z
  .int()
  .min(0)
  .max(MAX_VERSION)
  .exactOptional()
  .describe('Of the state on top of which this is decided, as in If-Match; absent: of whatever there is');

const tenantStateSchema = z
  .object({
    tenant_id: z.string(),
    status: z.enum(TENANT_STATUSES),
    version: z.int().describe('One more with every change; also the ETag'),
    effect: z.enum(SUSPENSION_EFFECTS).nullable().describe('refuse: every request; read_only: those that change'),
    reason_code: z.enum(SUSPENSION_REASONS).nullable().describe("What the tenant's own people are told"),
    reason: z.string().nullable().describe("null for the tenant's own people"),
    until: z.string().nullable().describe('When the suspension ends by itself; null: somebody ends it'),
    since: z.string().nullable().describe('null: nobody has ever decided anything'),
    by: z.string().nullable(),
  })
  .meta({ id: 'TenantState' });

const newSuspensionSchema = z
  .strictObject({
    reason_code: z.enum(SUSPENSION_REASONS),
    reason,
    effect: z.enum(SUSPENSION_EFFECTS).exactOptional().describe('Default: refuse'),
    until: instant.exactOptional().describe('When it ends by itself; absent: somebody ends it'),
    version,
  })
  .meta({ id: 'NewSuspension' });

const stateReasonSchema = z.strictObject({ reason, version }).meta({ id: 'StateReason' });

/** Tenants learn how they stand and until when, and not who of the operator's people decided it in which words. */
function stateToWire(standing: TenantStanding, isOwn: boolean): TenantStateItem {
  const { tenantId, status, effect, reasonCode, changedBy } = standing;
  return {
    ...{ tenant_id: tenantId, status, version: standing.version, effect, reason_code: reasonCode },
    reason: isOwn ? null : standing.reason,
    ...{ until: nullableTime(standing.until), since: nullableTime(standing.changedAt) },
    by: isOwn && changedBy !== null ? 'operator' : changedBy,
  };
}

/**
 * The version in If-Match, which the body may name as well.
 * @throws TenantryError BAD_REQUEST for what is no version, or for two
 */
function versionOf(request: FastifyRequest, inBody: number | undefined): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return inBody;
  const text = /^"(\d{1,10})"$/.exec(header.trim())?.[1];
  const given = text === undefined ? Number.NaN : Number(text);
  if (given <= MAX_VERSION && (inBody === undefined || inBody === given)) return given;
  throw new TenantryError(
    'BAD_REQUEST',
    'header "If-Match": must be the ETag of GET /v1/tenants/{id}/state, such as "3".',
    {
      hint: 'Send the version there or in the body; if in both, the same.',
    },
  );
}

function tenantOf(text: string): TenantId {
  const tenantId = parseTenantId(text);
  if (tenantId === undefined) throw noSuchTenant();
  return tenantId;
}

/** Where tenants stand: active, suspended for a while, or closed. */
export function tenantStateRoutes({ ports: { lifecycle } }: ApiContext): FastifyPluginCallbackZod {
  const { states } = lifecycle;

  async function command(
    request: FastifyRequest<{ Params: { id: string } }>,
    reply: FastifyReply,
    wanted: StateCommand,
    inBody: number | undefined,
  ): Promise<TenantStateItem> {
    const given = versionOf(request, inBody);
    const standing = await states.command(staffOf(request), tenantOf(request.params.id), wanted, given);
    if (standing === undefined) throw noSuchTenant();
    reply.header('etag', `"${standing.version}"`);
    return stateToWire(standing, false);
  }

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/state',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantState',
        tags: ['tenants'],
        summary: 'Where a tenant stands, since when and until when',
        params,
        querystring: noQuery,
        response: { 200: tenantStateSchema },
      },
      handler: async (request, reply) => {
        const { actor } = callerOf(request);
        const tenantId = narrowTo(actor, tenantOf(request.params.id));
        const standing = tenantId === undefined ? undefined : await states.standing(tenantId);
        if (standing === undefined) throw noSuchTenant();
        reply.header('etag', `"${standing.version}"`);
        return stateToWire(standing, actor.kind !== 'staff');
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/tenants/:id/suspend',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'suspendTenant',
        tags: ['tenants'],
        summary:
          'Suspend a tenant: apps refuse its requests (or those that change something), its people read only, nothing is lost',
        params,
        querystring: noQuery,
        body: newSuspensionSchema,
        response: { 200: tenantStateSchema },
      },
      handler: (request, reply) => {
        const { effect = 'refuse', reason_code: reasonCode, reason: why, until, version: inBody } = request.body;
        const end = until === undefined ? null : Date.parse(until);
        return command(request, reply, { kind: 'suspend', effect, reasonCode, reason: why, until: end }, inBody);
      },
    });
    app.register(simpleCommands(command));
    done();
  };
}

const SIMPLE = {
  resume: 'End a suspension before its time',
  close: 'Close a tenant: apps refuse all its requests, and ingest what its own keys send',
  reopen: 'Open a closed tenant again',
} as const;

function simpleCommands(
  command: (
    request: FastifyRequest<{ Params: { id: string } }>,
    reply: FastifyReply,
    wanted: StateCommand,
    inBody: number | undefined,
  ) => Promise<TenantStateItem>,
): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    for (const kind of ['resume', 'close', 'reopen'] as const) {
      app.route({
        method: 'POST',
        url: `/v1/tenants/:id/${kind}`,
        config: { errors: ['NOT_FOUND', 'CONFLICT'] },
        schema: {
          operationId: `${kind}Tenant`,
          tags: ['tenants'],
          summary: SIMPLE[kind],
          params,
          querystring: noQuery,
          body: stateReasonSchema,
          response: { 200: tenantStateSchema },
        },
        handler: (request, reply) =>
          command(request, reply, { kind, reason: request.body.reason }, request.body.version),
      });
    }
    done();
  };
}
