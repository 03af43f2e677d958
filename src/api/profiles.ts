import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { parseTenantId } from '../domain/tenant-id.ts';
import { orderedTags, type ProfileFields, type TenantProfile } from '../domain/tenant-profile.ts';
import type { ApiContext } from './context.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import type { TenantProfileItem } from './profiles-contract.ts';
import {
  newProfileImportSchema,
  newProfileSchema,
  profileImportSchema,
  profileItemSchema,
  profileListQuery,
  profileListSchema,
} from './profiles-schemas.ts';

/** A file of 2 MB, escaped as JSON text. */
const IMPORT_BODY_BYTES = 4 * 1024 * 1024;
const CHANGES_TOLD = 500;

function fieldsToWire({ segment, owner, displayName, tags }: ProfileFields) {
  return { segment, owner, display_name: displayName, tags: [...tags] };
}

function profileToWire({ tenantId, plan, revision, ...fields }: TenantProfile): TenantProfileItem {
  return { tenant_id: tenantId, plan, ...fieldsToWire(fields), revision };
}

/** Segment, account owner, name and tags of tenants: what figures are filtered by, for the operator's people only. */
export function profileRoutes({ ports: { profiles }, cursors }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/tenant-profiles',
      schema: {
        operationId: 'listTenantProfiles',
        tags: ['tenants'],
        summary: 'Every known tenant with its plan, segment, account owner, name and tags, by id',
        querystring: profileListQuery,
        response: { 200: profileListSchema },
      },
      handler: async (request) => {
        const { limit, cursor, q: search, ...filter } = request.query;
        const binding = ['tenant-profiles', search ?? null, filter.segment ?? null, filter.owner ?? null];
        binding.push(filter.plan ?? null);
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const found = await profiles.list(staffOf(request), { ...filter, search }, { offset, limit: limit + 1 });
        const next = { from: 0, to: 0, offset: offset + limit };
        return {
          items: found.slice(0, limit).map(profileToWire),
          next_cursor: found.length > limit ? cursors.seal(next, binding) : null,
        };
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/tenants/:id/profile',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'setTenantProfile',
        tags: ['tenants'],
        summary: 'Say what is known of a tenant; takes the place of what was said before. The tenant may be new',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        body: newProfileSchema,
        response: { 200: profileItemSchema },
      },
      handler: async (request) => {
        const tenantId = parseTenantId(request.params.id);
        if (tenantId === undefined) throw noSuchTenant();
        const { segment = null, owner = null, display_name: displayName = null, tags = [] } = request.body;
        const fields = { segment, owner, displayName, tags: orderedTags(tags) };
        const { expected_revision: expected } = request.body;
        return profileToWire(await profiles.put(staffOf(request), tenantId, fields, expected));
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/tenant-profiles/imports',
      bodyLimit: IMPORT_BODY_BYTES,
      config: { errors: ['BODY_TOO_LARGE', 'CONFLICT'] },
      schema: {
        operationId: 'importTenantProfiles',
        tags: ['tenants'],
        summary: 'Take profiles from a CSV file: all of its lines or none. What the file has no column for stays',
        querystring: noQuery,
        body: newProfileImportSchema,
        response: { 200: profileImportSchema },
      },
      handler: async (request) => {
        const { content, dry_run: dryRun = false, fingerprint } = request.body;
        const done = await profiles.import(staffOf(request), content, { dryRun, fingerprint });
        return {
          dry_run: dryRun,
          lines: done.lines,
          problems: done.problems.map(({ line, problem }) => ({ line, problem })),
          changed: done.changes.length,
          unchanged: done.unchanged,
          new_tenants: done.changes.filter(({ isNewTenant }) => isNewTenant).length,
          changes: done.changes.slice(0, CHANGES_TOLD).map(({ tenantId, isNewTenant, before, after }) => ({
            tenant_id: tenantId,
            is_new_tenant: isNewTenant,
            before: fieldsToWire(before),
            after: fieldsToWire(after),
          })),
          fingerprint: done.fingerprint,
        };
      },
    });
    done();
  };
}
