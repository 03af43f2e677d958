import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { TENANT_ROLES } from '../domain/roles.ts';
import { ROLE_RULES_MAX, type RoleRule, RULE_MATCHES, roleOf, type ScimDirectory } from '../domain/scim.ts';
import type { ApiContext } from './context.ts';
import { nullableTime } from './convert.ts';
import { oneTenantOf, personOf, refuseForeignRows } from './guard.ts';
import { lineOfText, tenantIdText } from './parameters.ts';
import type { DirectoryItem } from './scim-contract.ts';
import { SCIM_ROOT } from './scim-routes.ts';

const role = z.enum(TENANT_ROLES);
const whose = z.strictObject({
  tenant_id: tenantIdText.optional().describe("Needed from the operator's people; a tenant's own have but one"),
});
const time = z.string().nullable();

const ruleSchema = z
  .strictObject({
    match: z.enum(RULE_MATCHES).describe("display_name: whatever its case; external_id: the directory's own id"),
    value: lineOfText(1, 255),
    role,
  })
  .meta({ id: 'RoleRule' });

const keyOf = ({ match, value }: RoleRule) => `${match} ${match === 'display_name' ? value.toLowerCase() : value}`;

export const roleRulesSchema = z
  .strictObject({
    rules: z
      .array(ruleSchema)
      .max(ROLE_RULES_MAX)
      .refine((rules) => new Set(rules.map(keyOf)).size === rules.length, 'must name each group once'),
    authoritative: z
      .boolean()
      .describe('Who has no role by the rules has no access, and the last admin of the tenant may go'),
    revision: z.int().min(0).describe('Of the rules that this replaces, as read'),
  })
  .meta({ id: 'RoleRules' });

export const directorySchema = z
  .object({
    tenant_id: z.string(),
    base_path: z.string().describe('Where the directory sends to, behind the address of this server'),
    rules: z.array(z.object({ match: z.enum(RULE_MATCHES), value: z.string(), role })),
    authoritative: z.boolean(),
    revision: z.int().describe('0: nobody has set rules'),
    set_by: z.string().nullable(),
    set_at: time,
    ...{ users: z.int(), active_users: z.int(), users_with_role: z.int() },
    groups: z.array(
      z.object({
        ...{ id: z.string(), display_name: z.string(), external_id: z.string().nullable(), members: z.int() },
        role: role.nullable().describe('What the rules make of it; null: no role'),
      }),
    ),
    last_contact_at: time.describe('Noted about once a minute; null: never'),
    last_change_at: time,
  })
  .meta({ id: 'Directory' });

/** Tenants do not learn who of the operator's people did something. */
function directoryToWire(directory: ScimDirectory, reader: StaffActor | TenantActor): DirectoryItem {
  const { tenantId, rules, authoritative, revision, setBy, setByOperator, users, groups } = directory;
  return {
    ...{ tenant_id: tenantId, base_path: SCIM_ROOT, rules: [...rules], authoritative, revision },
    set_by: setBy !== null && setByOperator && reader.kind === 'tenant' ? 'operator' : setBy,
    set_at: nullableTime(directory.setAt),
    ...{ users, active_users: directory.activeUsers, users_with_role: directory.usersWithRole },
    groups: groups.map((group) => ({
      ...{ id: group.id, display_name: group.displayName, external_id: group.externalId ?? null },
      ...{ members: group.members, role: roleOf([group], rules) ?? null },
    })),
    last_contact_at: nullableTime(directory.lastContactAt),
    last_change_at: nullableTime(directory.lastChangeAt),
  };
}

/** What a tenant's directory is, and which of its groups stands for which role. */
export function scimMappingRoutes({ ports: { scim } }: ApiContext): FastifyPluginCallbackZod {
  const { directories } = scim;
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/scim',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getDirectory',
        tags: ['members'],
        summary: "How a tenant's directory (SCIM) stands, and which of its groups stand for which roles",
        querystring: whose,
        response: { 200: directorySchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const directory = await directories.read(actor, tenantId);
        refuseForeignRows(tenantId, [directory.tenantId]);
        return directoryToWire(directory, actor);
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/scim/role-rules',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'setRoleRules',
        tags: ['members'],
        summary: 'Set which groups stand for which roles; everybody gets the role that follows from it at once',
        querystring: whose,
        body: roleRulesSchema,
        response: { 200: directorySchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const { rules, authoritative, revision } = request.body;
        const directory = await directories.putMapping(actor, tenantId, { rules, authoritative }, revision);
        return directoryToWire(directory, actor);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/scim',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'forgetDirectory',
        tags: ['members'],
        summary:
          "Forget a tenant's directory with its users, groups and rules; members stay, and are people's to change",
        querystring: whose,
        response: { 204: z.undefined().describe('Forgotten') },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        if (await directories.forget(actor, tenantId)) return reply.code(204).send();
        throw new TenantryError('NOT_FOUND', 'No directory has told anything of this tenant.');
      },
    });
    done();
  };
}
