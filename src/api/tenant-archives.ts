import { Readable } from 'node:stream';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { StaffActor, TenantActor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import { EXPORT_SECTIONS, type ExportQuestion, type TenantExport } from '../domain/tenant-archive.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { narrowTo, oneTenantOf, ownTenantOf, personOf, refuseForeignRows, staffOf } from './guard.ts';
import { noQuery, tenantIdText, UUID, wholeNumber } from './parameters.ts';
import type { TenantArchives } from './tenant-archives-ports.ts';
import {
  exportToWire,
  newTenantExportSchema,
  newTenantRestoreSchema,
  restoreToWire,
  tenantExportListSchema,
  tenantExportSchema,
  tenantRestoreListSchema,
  tenantRestoreSchema,
} from './tenant-archives-schemas.ts';

/** A large export over a slow line. */
const FILE_TIMEOUT_MS = 6 * 60 * 60_000;
const params = z.object({ id: z.string() });
const limit = wholeNumber(1, 500).default(50);

type Person = StaffActor | TenantActor;

/** The same words for what is not there, and what is not the caller's. */
function noSuchExport(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no such export, or it is over and its file is gone.', {
    hint: 'GET /v1/tenant-exports lists those that you can see.',
  });
}

/** @throws TenantryError FORBIDDEN, BAD_REQUEST */
function questionOf(actor: Person, asked: z.infer<typeof newTenantExportSchema>): ExportQuestion {
  const { format, from, to } = asked;
  const tenantId = oneTenantOf(actor, asked.tenant_id);
  const isArchive = format === 'archive';
  if (actor.kind === 'tenant' && (isArchive || asked.audience === 'operator')) {
    throw new TenantryError('FORBIDDEN', 'This export holds what is the operator’s own.', {
      hint: 'Ask for json, csv or parquet: they hold everything that is yours.',
    });
  }
  if ((from === undefined) !== (to === undefined)) {
    throw new TenantryError('BAD_REQUEST', '"from" and "to" come together.', {
      pointer: from === undefined ? '/from' : '/to',
    });
  }
  const window = from === undefined || to === undefined ? undefined : { from: Date.parse(from), to: Date.parse(to) };
  if (window !== undefined && window.to <= window.from) {
    throw new TenantryError('BAD_REQUEST', '"to" is not after "from".', { pointer: '/to' });
  }
  const sections = EXPORT_SECTIONS.filter((section) => asked.sections?.includes(section) ?? true);
  if (isArchive && (window !== undefined || sections.length < EXPORT_SECTIONS.length || asked.audience === 'tenant')) {
    throw new TenantryError(
      'BAD_REQUEST',
      'An archive is the whole of a tenant: it has no time, sections or audience.',
      {
        hint: 'Leave them out, or ask for json, csv or parquet.',
      },
    );
  }
  return { tenantId, format, audience: isArchive ? 'operator' : (asked.audience ?? 'tenant'), sections, window };
}

async function findFor(archives: TenantArchives, actor: Person, id: string): Promise<TenantExport> {
  const found = UUID.test(id) ? await archives.findExport(actor, id.toLowerCase()) : undefined;
  // An export that is the operator's own is not there for the tenant, whoever may see the tenant's others.
  if (found === undefined || (actor.kind === 'tenant' && found.question.audience !== 'tenant')) throw noSuchExport();
  refuseForeignRows(ownTenantOf(actor), [found.question.tenantId]);
  return found;
}

/** Exports of one tenant, and the way back. */
export function tenantArchiveRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(tenantExportRoutes(context));
    app.register(tenantRestoreRoutes(context));
    done();
  };
}

/** Everything of one tenant as a file, as a job. */
function tenantExportRoutes({ ports: { archives } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/v1/tenant-exports',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'askTenantExport',
        tags: ['exports'],
        summary: 'Ask for everything of one tenant as a file; it is made beside everything else',
        querystring: noQuery,
        body: newTenantExportSchema,
        response: { 202: tenantExportSchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const made = await archives.askExport(actor, questionOf(actor, request.body));
        return reply.code(202).send(exportToWire(made, actor));
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/tenant-exports',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'listTenantExports',
        tags: ['exports'],
        summary: 'Exports of tenants, newest first, and how far each is',
        querystring: z.strictObject({ tenant_id: tenantIdText.optional(), limit }),
        response: { 200: tenantExportListSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const tenantId = narrowTo(actor, request.query.tenant_id);
        const items = await archives.exports(actor, { tenantId, limit: request.query.limit });
        refuseForeignRows(
          tenantId,
          items.map(({ question }) => question.tenantId),
        );
        const own = items.filter(({ question }) => actor.kind !== 'tenant' || question.audience === 'tenant');
        return { items: own.map((item) => exportToWire(item, actor)) };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/tenant-exports/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantExport',
        tags: ['exports'],
        summary: 'One export and how far it is',
        params,
        querystring: noQuery,
        response: { 200: tenantExportSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        return exportToWire(await findFor(archives, actor, request.params.id), actor);
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/tenant-exports/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'cancelTenantExport',
        tags: ['exports'],
        summary: 'Cancel an export that is under way, or delete the file of one that is done',
        params,
        querystring: noQuery,
        response: { 200: tenantExportSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const { id } = await findFor(archives, actor, request.params.id);
        const ended = await archives.cancelExport(actor, id);
        if (ended === undefined) throw noSuchExport();
        return exportToWire(ended, actor);
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/tenant-exports/:id/file',
      handlerTimeout: FILE_TIMEOUT_MS,
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'downloadTenantExport',
        tags: ['exports'],
        summary: 'The file of a finished export: a tar with manifest.json, which lists what is in it',
        params,
        querystring: noQuery,
        response: {
          200: { description: 'The file', content: { 'application/x-tar': { schema: z.string().describe('Binary') } } },
        },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const { id, question, askedAt } = await findFor(archives, actor, request.params.id);
        const file = await archives.download(actor, id);
        if (file === undefined) throw noSuchExport();
        const day = new Date(askedAt).toISOString().slice(0, 10);
        // Ids have characters that a header or a file's name does not take.
        const name = `tenantry-${question.tenantId.replace(/[^A-Za-z0-9._-]/g, '_')}-${day}-${question.format}.tar`;
        return reply
          .header('content-disposition', `attachment; filename="${name}"`)
          .header('content-length', String(file.bytes))
          .header('cache-control', 'no-store')
          .type('application/x-tar')
          .send(Readable.from(file.content, { objectMode: false }) as never);
      },
    });
    done();
  };
}

/** One tenant back out of an archive, beside everybody else. */
function tenantRestoreRoutes({ ports: { archives } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'POST',
      url: '/v1/tenant-restores',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'askTenantRestore',
        tags: ['exports'],
        summary:
          'Bring one tenant back out of an archive; a tenant of whom there is anything is left alone unless told',
        querystring: noQuery,
        body: newTenantRestoreSchema,
        response: { 202: tenantRestoreSchema },
      },
      handler: async (request, reply) => {
        const { archive, export_id: exportId, dry_run: dryRun, replace, deleted_too: deletedToo } = request.body;
        if ((archive === undefined) === (exportId === undefined)) {
          throw new TenantryError('BAD_REQUEST', 'Name one of "archive" and "export_id".');
        }
        const source = archive === undefined ? { exportId: exportId ?? '' } : { folder: archive };
        const as = parseTenantId(request.body.as);
        const made = await archives.askRestore(staffOf(request), { source, as, dryRun, replace, deletedToo });
        return reply.code(202).send(restoreToWire(made));
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/tenant-restores',
      schema: {
        operationId: 'listTenantRestores',
        tags: ['exports'],
        summary: 'Restores of tenants, newest first, and how far each is',
        querystring: z.strictObject({ limit }),
        response: { 200: tenantRestoreListSchema },
      },
      handler: async (request) => ({
        items: (await archives.restores(staffOf(request), request.query.limit)).map(restoreToWire),
      }),
    });

    app.route({
      method: 'GET',
      url: '/v1/tenant-restores/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantRestore',
        tags: ['exports'],
        summary: 'One restore, how far it is, and what is as it was',
        params,
        querystring: noQuery,
        response: { 200: tenantRestoreSchema },
      },
      handler: async (request) => {
        const { id } = request.params;
        const found = UUID.test(id) ? await archives.findRestore(staffOf(request), id.toLowerCase()) : undefined;
        if (found === undefined) {
          throw new TenantryError('NOT_FOUND', 'There is no such restore.', {
            hint: 'GET /v1/tenant-restores lists them.',
          });
        }
        return restoreToWire(found);
      },
    });
    done();
  };
}
