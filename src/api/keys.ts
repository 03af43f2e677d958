import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { KEY_SCOPES, type KeyScope } from '../domain/roles.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { keyToWire } from './convert.ts';
import { narrowTo, oneTenantOf, personOf, refuseForeignRows } from './guard.ts';
import { lineOfText, noQuery, STORED_ID, tenantIdText } from './parameters.ts';

/** Ten years. A key that should live longer is one without an end; a larger number is a slip (milliseconds, say). */
const MAX_LIFE_SECONDS = 315_360_000;

const DAY_SECONDS = 86_400;
/** Long enough for a deployment of everything, short enough that nobody forgets. */
const USUAL_GRACE_SECONDS = DAY_SECONDS;
const MAX_GRACE_SECONDS = 30 * DAY_SECONDS;

const scope = z
  .enum(KEY_SCOPES)
  .describe(
    'ingest: send telemetry and usage events; flags: read and acknowledge flags; scim: tell who the people of one tenant are, and nothing else',
  );

export const keyItemSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(scope),
    tenant_id: z.string().nullable().describe('The one tenant that the key may speak for; null: every tenant'),
    service: z.string().nullable(),
    created_by: z.string(),
    created_at: z.string(),
    expires_at: z.string().nullable().describe('null: until it is revoked'),
    revoked_at: z.string().nullable(),
    last_used_at: z.string().nullable().describe('Noted about once a minute'),
    status: z.enum(['active', 'expired', 'revoked']),
    rotated_at: z.string().nullable(),
    previous_expires_at: z
      .string()
      .nullable()
      .describe('Until when the secret before the last rotation works beside the new one; null: it does not'),
    previous_last_used_at: z
      .string()
      .nullable()
      .describe('When that secret was last used after the rotation; about once a minute'),
  })
  .meta({ id: 'Key' });

export const keyListSchema = z.object({ items: z.array(keyItemSchema) }).meta({ id: 'KeyList' });

export const newKeySchema = z
  .strictObject({
    name: lineOfText(1, 200).describe('What it is for; people read it'),
    scopes: z
      .array(scope)
      .min(1)
      .max(KEY_SCOPES.length)
      .refine((scopes) => new Set(scopes).size === scopes.length, 'must name each scope once'),
    tenant_id: tenantIdText.exactOptional().describe('Binds the key to one tenant'),
    service: lineOfText(1, 128).exactOptional(),
    expires_in_seconds: z.int().min(1).max(MAX_LIFE_SECONDS).exactOptional().describe('absent: until it is revoked'),
  })
  .meta({ id: 'NewKey' });

export const createdKeySchema = keyItemSchema
  .extend({ key: z.string().describe('The key itself, shown this once: only its hash is kept') })
  .meta({ id: 'CreatedKey' });

export const keyRotationSchema = z
  .strictObject({
    grace_seconds: z
      .int()
      .min(0)
      .max(MAX_GRACE_SECONDS)
      .exactOptional()
      .describe(
        'How long the old secret works beside the new one; absent: a day; 0: it ends at once, as it should when it has leaked',
      ),
    expires_in_seconds: z
      .int()
      .min(1)
      .max(MAX_LIFE_SECONDS)
      .exactOptional()
      .describe('When the key with its new secret ends; absent: when it would have ended'),
  })
  .meta({ id: 'KeyRotation' });

function noSuchKey(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no key with this id that works and is yours to change.', {
    hint: 'GET /v1/keys lists the keys; those from the configuration are changed there, with a restart.',
  });
}

const params = z.object({ id: z.string() });

/** @throws TenantryError NOT_FOUND for what no store would take as an id, as for one that it does not know */
function knownId(id: string): string {
  if (STORED_ID.test(id)) return id;
  throw noSuchKey();
}

/** Flags tell of limits and steer the operator's apps: their keys are the operator's alone. */
function refuseOperatorScopes(scopes: readonly KeyScope[]): void {
  if (!scopes.includes('flags')) return;
  throw new TenantryError('FORBIDDEN', 'Your role makes keys with the scope ingest or scim only.', {
    hint: 'Ask the operator for any other.',
  });
}

export function keyRoutes({ ports: { keyAdmin }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/keys',
      schema: {
        operationId: 'listKeys',
        tags: ['keys'],
        summary: 'Every key there ever was, newest first, without its secret; tenants see those that speak for them',
        querystring: noQuery,
        response: { 200: keyListSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const records = await (actor.kind === 'tenant' ? keyAdmin.listOwn(actor) : keyAdmin.list(actor));
        refuseForeignRows(
          narrowTo(actor, undefined),
          records.map((record) => record.tenantId ?? ''),
        );
        return { items: records.map((record) => keyToWire(record, actor, now())) };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/keys',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'createKey',
        tags: ['keys'],
        summary:
          'Make a key for an app or an exporter; it is shown in this answer and never again. Tenants make keys to send their own telemetry',
        querystring: noQuery,
        body: newKeySchema,
        response: { 201: createdKeySchema },
      },
      handler: async (request, reply) => {
        const actor = personOf(request);
        const { name, scopes, tenant_id: id, service, expires_in_seconds: seconds } = request.body;
        const wanted = {
          name,
          ...(service === undefined ? {} : { service }),
          ...(seconds === undefined ? {} : { expiresAt: now() + seconds * SECOND_MS }),
        };
        if (actor.kind === 'tenant') {
          oneTenantOf(actor, id);
          refuseOperatorScopes(scopes);
          const made = await keyAdmin.createOwn(actor, { ...wanted, scopes });
          return reply.code(201).send({ ...keyToWire(made.record, actor, now()), key: made.key });
        }
        const tenantId = parseTenantId(id);
        const { key, record } = await keyAdmin.create(actor, {
          ...{ ...wanted, scopes },
          ...(tenantId === undefined ? {} : { tenantId }),
        });
        return reply.code(201).send({ ...keyToWire(record, actor, now()), key });
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/keys/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'revokeKey',
        tags: ['keys'],
        summary: 'End a key; within seconds nothing takes it any more',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('Revoked') },
      },
      handler: async (request, reply) => {
        const id = knownId(request.params.id);
        const actor = personOf(request);
        const end = () => (actor.kind === 'tenant' ? keyAdmin.revokeOwn(actor, id) : keyAdmin.revoke(actor, id));
        if (!(await end())) throw noSuchKey();
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/keys/:id/rotate',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'rotateKey',
        tags: ['keys'],
        summary:
          'Give a key a new secret, shown in this answer and never again; the old one works for a while yet, so that apps can be moved over',
        params,
        querystring: noQuery,
        body: keyRotationSchema,
        response: { 200: createdKeySchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const { grace_seconds: graceSeconds = USUAL_GRACE_SECONDS, expires_in_seconds: seconds } = request.body;
        const rotated = await keyAdmin.rotate(actor, knownId(request.params.id), {
          graceSeconds,
          ...(seconds === undefined ? {} : { expiresAt: now() + seconds * SECOND_MS }),
        });
        if (rotated === undefined) throw noSuchKey();
        return { ...keyToWire(rotated.record, actor, now()), key: rotated.key };
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/keys/:id/previous',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'endPreviousSecret',
        tags: ['keys'],
        summary: 'End the secret before the last rotation now; the new one is not touched',
        params,
        querystring: noQuery,
        response: { 200: keyItemSchema },
      },
      handler: async (request) => {
        const actor = personOf(request);
        const record = await keyAdmin.endPrevious(actor, knownId(request.params.id));
        if (record === undefined) throw noSuchKey();
        return keyToWire(record, actor, now());
      },
    });
    done();
  };
}
