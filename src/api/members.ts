import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { MEMBER_STATES, type Member, mayGrant } from '../domain/member.ts';
import { TENANT_ROLES, type TenantRole } from '../domain/roles.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { oneTenantOf, personOf, refuseForeignRows } from './guard.ts';
import { CODE_LIFE_MS } from './issuer.ts';
import type { MemberItem } from './members-contract.ts';
import { noQuery, tenantIdText, UUID } from './parameters.ts';
import { ofThisServer, signInLinkSchema } from './sign-in.ts';

const role = z.enum(TENANT_ROLES);
const standing = z.enum(['invited', 'active']).describe('active: somebody says that they have access by now');
const whose = z.strictObject({
  tenant_id: tenantIdText.optional().describe("Needed from the operator's people; a tenant's own have but one"),
});
const params = z.object({ id: z.string() });

export const memberItemSchema = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    email: z.string(),
    role,
    state: z.enum(MEMBER_STATES),
    added_by: z.string(),
    added_at: z.string(),
    changed_at: z.string(),
    kept_by_directory: z.boolean().describe("By the tenant's directory (SCIM): people cannot change it here"),
  })
  .meta({ id: 'Member' });

export const memberListSchema = z
  .object({
    items: z.array(memberItemSchema),
    sign_in_links: z.boolean().describe('Whether this server makes links to sign in with, as it does in development'),
  })
  .meta({ id: 'MemberList' });

export const newMemberSchema = z
  .strictObject({
    email: z.email('must be an e-mail address').max(254),
    role,
    state: standing.exactOptional(),
    tenant_id: tenantIdText.exactOptional().describe("Needed from the operator's people"),
  })
  .meta({ id: 'NewMember' });

export const memberChangeSchema = z
  .strictObject({ role: role.exactOptional(), state: standing.exactOptional() })
  .meta({ id: 'MemberChange' });

/** Tenants do not learn who of the operator's people did something. */
export function memberToWire(member: Member, reader: StaffActor | TenantActor): MemberItem {
  const { memberId: id, tenantId, email, state, addedBy, addedByOperator } = member;
  return {
    ...{ id, tenant_id: tenantId, email, role: member.role, state },
    added_by: addedByOperator && reader.kind === 'tenant' ? 'operator' : addedBy,
    added_at: rfc3339(member.addedAt),
    changed_at: rfc3339(member.changedAt),
    kept_by_directory: member.keptByDirectory,
  };
}

function noSuchMember(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no member with this id.', { hint: 'GET /v1/members lists them.' });
}

function refuseEscalation(actor: StaffActor | TenantActor, wanted: TenantRole | undefined): void {
  if (wanted === undefined || mayGrant(actor, wanted)) return;
  throw new TenantryError('FORBIDDEN', 'Nobody gives a role above their own.', { hint: 'Ask an admin of the tenant.' });
}

/** Who should have access to a tenant. */
export function memberRoutes({ ports: { members }, auth: { issuer }, now }: ApiContext): FastifyPluginCallbackZod {
  const found = (member: Member | undefined): Member => {
    if (member === undefined) throw noSuchMember();
    return member;
  };
  const known = (id: string): string => {
    if (!UUID.test(id)) throw noSuchMember();
    return id;
  };

  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/members',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listMembers',
        tags: ['members'],
        summary: 'Who should have access to a tenant; those who were removed come last',
        querystring: whose,
        response: { 200: memberListSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const items = await members.list(actor, tenantId);
        refuseForeignRows(
          tenantId,
          items.map((member) => member.tenantId),
        );
        return { items: items.map((member) => memberToWire(member, actor)), sign_in_links: issuer !== undefined };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/members',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'addMember',
        tags: ['members'],
        summary: 'Note that somebody should have access; who signs in is decided by the identity provider',
        querystring: noQuery,
        body: newMemberSchema,
        response: { 201: memberItemSchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const { email, role: wanted, state = 'invited', tenant_id: asked } = request.body;
        const tenantId = oneTenantOf(actor, asked);
        refuseEscalation(actor, wanted);
        const member = await members.add(actor, tenantId, { email: email.toLowerCase(), role: wanted, state });
        return reply.code(201).send(memberToWire(member, actor));
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/members/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'changeMember',
        tags: ['members'],
        summary: "Change a member's role, or note that they have access by now",
        params,
        querystring: whose,
        body: memberChangeSchema,
        response: { 200: memberItemSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        refuseEscalation(actor, request.body.role);
        const member = found(await members.change(actor, tenantId, known(request.params.id), request.body));
        // A session holds the role that it was made with.
        if (request.body.role !== undefined) await issuer?.endSessionsOf(tenantId, member.email);
        return memberToWire(member, actor);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/members/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'removeMember',
        tags: ['members'],
        summary: 'Note that somebody should have access no more; the last admin of a tenant stays',
        params,
        querystring: whose,
        response: { 200: memberItemSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const member = found(await members.remove(actor, tenantId, known(request.params.id)));
        await issuer?.endSessionsOf(tenantId, member.email);
        return memberToWire(member, actor);
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/members/:id/sign-in-link',
      config: { errors: ['NOT_FOUND', 'NOT_SUPPORTED_HERE'] },
      schema: {
        operationId: 'createMemberSignInLink',
        tags: ['members'],
        summary: 'Make a link that signs a member in with their role; for development',
        params,
        querystring: whose,
        response: { 201: signInLinkSchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const links = ofThisServer(issuer);
        const tenantId = oneTenantOf(actor, request.query.tenant_id);
        const member = found(await members.find(actor, tenantId, known(request.params.id)));
        refuseEscalation(actor, member.role);
        const madeAt = now();
        const link = links.createSignInLink(member.role, tenantId, member.email);
        return reply.code(201).send({ link, expires_at: rfc3339(madeAt + CODE_LIFE_MS) });
      },
    });
    done();
  };
}
