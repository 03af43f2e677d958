import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { certificateSummary, certificateToWire, checkToWire } from './deletions-convert.ts';
import type { DeletionCertificates } from './deletions-ports.ts';
import { certificateListSchema, certificateSchema, verificationSchema, verifyBodySchema } from './deletions-schemas.ts';
import { staffOf } from './guard.ts';
import { noQuery, UUID, wholeNumber } from './parameters.ts';

function noSuchCertificate(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no certificate with this id.', {
    hint: 'GET /v1/deletion-certificates lists them. A certificate bears the id of the request.',
  });
}

/** Proofs that tenants were deleted, to be read and to be checked again. */
export function deletionCertificateRoutes(certificates: DeletionCertificates): FastifyPluginCallbackZod {
  const params = z.object({ id: z.string() });
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/deletion-certificates',
      schema: {
        operationId: 'listDeletionCertificates',
        tags: ['deletion'],
        summary: 'Certificates of deletion, newest first. They tell nobody whose data it was',
        querystring: z.strictObject({ limit: wholeNumber(1, 1_000).default(100) }),
        response: { 200: certificateListSchema },
      },
      handler: async (request) => {
        const found = await certificates.list(staffOf(request), request.query.limit);
        return { items: found.map(certificateSummary) };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/deletion-certificates/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getDeletionCertificate',
        tags: ['deletion'],
        summary: 'A certificate of deletion: what was deleted, the proofs, what they leave out, and the signature',
        params,
        querystring: noQuery,
        response: { 200: certificateSchema },
      },
      handler: async (request) => {
        const { id } = request.params;
        const found = UUID.test(id) ? await certificates.find(staffOf(request), id) : undefined;
        if (found === undefined) throw noSuchCertificate();
        return certificateToWire(found);
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/deletion-certificates/:id/verify',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'verifyDeletionCertificate',
        tags: ['deletion'],
        summary: 'Check a certificate now: signature, audit chain, and every proof asked again in both stores',
        params,
        querystring: noQuery,
        body: verifyBodySchema,
        response: { 200: verificationSchema },
      },
      handler: async (request) => {
        const { id } = request.params;
        const tenantId = parseTenantId(request.body.tenant_id);
        const check = UUID.test(id) ? await certificates.verify(staffOf(request), id, tenantId) : undefined;
        if (check === undefined) throw noSuchCertificate();
        return checkToWire(check);
      },
    });
    done();
  };
}
