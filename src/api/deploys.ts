import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { Deploy } from '../domain/deploy.ts';
import { TenantryError } from '../domain/errors.ts';
import { DAY_MS, MINUTE_MS } from '../domain/window.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import type { DeployItem } from './deploys-contract.ts';
import { callerOf, staffOf } from './guard.ts';
import { instant, lineOfText, noQuery, wholeNumber } from './parameters.ts';
import { resolveWindow } from './time-range.ts';

/** As far back as questions reach. */
const OLDEST_MS = 400 * DAY_MS;
/** Clocks of build machines. */
const FUTURE_MS = 10 * MINUTE_MS;

const deployItemSchema = z
  .object({
    id: z.string(),
    service: z.string(),
    version: z.string(),
    at: z.string(),
    note: z.string().nullable(),
    url: z.string().nullable(),
    created_by: z.string(),
    created_at: z.string(),
  })
  .meta({ id: 'Deploy' });

export const newDeploySchema = z
  .strictObject({
    service: lineOfText(1, 255).describe('As in `service.name`'),
    version: lineOfText(1, 128).describe('As in `service.version`'),
    at: instant.exactOptional().describe('Absent: now'),
    note: lineOfText(1, 500).exactOptional(),
    url: z
      .url({ protocol: /^https?$/, error: 'must be an http or https address' })
      .max(2_000)
      .exactOptional()
      .describe('Where people read more'),
    idempotency_key: lineOfText(1, 128)
      .exactOptional()
      .describe('The same key again is the same deploy; without one, service, version and time are'),
  })
  .meta({ id: 'NewDeploy' });

export const deployListSchema = z.object({ items: z.array(deployItemSchema) }).meta({ id: 'DeployList' });

const listQuery = z.strictObject({
  from: instant.optional().describe('Start of the window, inclusive; default one hour before its end'),
  to: instant.optional().describe('End of the window, exclusive; default now'),
  service: lineOfText(1, 255).optional(),
  limit: wholeNumber(1, 1_000).default(200),
});

function toWire({ createdBy, createdAt, at, ...deploy }: Deploy): DeployItem {
  return { ...deploy, at: rfc3339(at), created_by: createdBy, created_at: rfc3339(createdAt) };
}

/** Build machines come with a key; one that speaks for a single tenant does not speak for a service of everybody's. */
function markerOf(actor: Actor): StaffActor {
  if (actor.kind === 'staff') return actor;
  if (actor.kind === 'key' && actor.tenantId === undefined) return { kind: 'system', subject: actor.subject };
  throw new TenantryError('FORBIDDEN', 'This key is bound to a tenant and may not mark deploys.', {
    hint: 'Use an ingest key that is bound to no tenant.',
  });
}

/** @throws TenantryError BAD_REQUEST for a time that no deploy can have */
function timeOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const at = Date.parse(text);
  if (at <= now + FUTURE_MS && at >= now - OLDEST_MS) return at;
  throw new TenantryError('BAD_REQUEST', 'A deploy lies in the last 400 days, and not in the future.', {
    hint: 'Leave "at" out for a deploy that happens now.',
  });
}

export function deployRoutes({ ports: { deploys }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/deploys',
      {
        schema: {
          operationId: 'listDeploys',
          tags: ['deploys'],
          summary: 'Versions of services that went out in the window, newest first',
          querystring: listQuery,
          response: { 200: deployListSchema },
        },
      },
      async (request) => {
        const { service, limit } = request.query;
        const window = resolveWindow(request.query, now());
        return { items: (await deploys.list(staffOf(request), { window, service, limit })).map(toWire) };
      },
    );
    app.post(
      '/v1/deploys',
      {
        config: { errors: ['CONFLICT', 'RATE_LIMITED'] },
        schema: {
          operationId: 'markDeploy',
          tags: ['deploys'],
          summary: 'Note that a version of a service goes out; sent again it changes nothing',
          querystring: noQuery,
          body: newDeploySchema,
          response: { 200: deployItemSchema.describe('It was known already'), 201: deployItemSchema },
        },
      },
      async (request, reply) => {
        const { service, version, at, note = null, url = null, idempotency_key: key = null } = request.body;
        const asked = { service, version, at: timeOf(at, now()), note, url, idempotencyKey: key };
        const { deploy, isNew } = await deploys.mark(markerOf(callerOf(request).actor), asked);
        return reply.code(isNew ? 201 : 200).send(toWire(deploy));
      },
    );
    done();
  };
}
