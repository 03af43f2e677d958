import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { FlagSnapshot } from '../domain/flag-wire.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SUSPENSION_EFFECTS, SUSPENSION_REASONS } from '../domain/tenant-state.ts';
import type { ApiContext } from './context.ts';
import { type EndReason, FLAG_STREAM_TIMES, FlagStream, type FlagStreamTimes } from './flag-stream.ts';
import { callerOf, ownTenantOf, refuseForeignRows } from './guard.ts';
import { lineOfText, noQuery } from './parameters.ts';
import type { FlagInstances, FlagReader } from './ports.ts';

/** Each open stream costs a socket and two timers; far more than the instances of any estate we know of. */
const MAX_STREAMS = 5_000;

export const wireFlagSchema = z
  .object({
    kind: z
      .enum(['throttle', 'breaker', 'degrade', 'allow', 'suspend'])
      .describe(
        'allow: no automatic throttle holds for the tenant; suspend: it is suspended or closed; pass over kinds that you do not know',
      ),
    id: z.string(),
    tenant_id: z.string(),
    revision: z.int(),
    ttl_ms: z.number().min(0).describe('Remaining life; count it down on your own monotonic clock'),
    expires_at: z.string(),
    reason: z.string(),
    mode: z.enum(['enforce', 'shadow']).exactOptional(),
    scope: z
      .object({
        service: z.string().exactOptional(),
        route: z.string().exactOptional(),
        cost_class: z.string().exactOptional(),
      })
      .exactOptional(),
    limit: z
      .object({ requests_per_second: z.number(), burst: z.number(), max_concurrent: z.number().exactOptional() })
      .exactOptional(),
    automatic: z.boolean().exactOptional().describe('Of a throttle: nobody set it by hand'),
    spared_routes: z
      .array(z.string())
      .exactOptional()
      .describe('Of an automatic throttle: first segments of routes that it does not hold for'),
    integration: z.string().exactOptional(),
    state: z.enum(['auto', 'open', 'closed']).exactOptional(),
    feature: z.string().exactOptional(),
    step: z.enum(['ok', 'warn', 'cached_only', 'blocked']).exactOptional(),
    status: z.enum(['suspended', 'closed']).exactOptional(),
    effect: z.enum(SUSPENSION_EFFECTS).exactOptional().describe('refuse: every request; read_only: those that change'),
    reason_code: z.enum(SUSPENSION_REASONS).exactOptional(),
  })
  .meta({ id: 'Flag' });

export const flagSnapshotSchema = z
  .object({
    revision: z.int(),
    flags: z.array(wireFlagSchema),
    instances: z
      .int()
      .exactOptional()
      .describe('Live instances of your service, you among them; only if you said which instance of which you are'),
  })
  .meta({ id: 'FlagSnapshot' });

export const flagAckSchema = z
  .strictObject({
    instance_id: lineOfText(1, 128),
    service: lineOfText(1, 128),
    revision: z.int().min(0).describe('The revision that this instance obeys now'),
  })
  .meta({ id: 'FlagAck' });

const readerQuery = z
  .strictObject({
    service: lineOfText(1, 128).optional().describe('Your `service.name`'),
    instance_id: lineOfText(1, 128).optional().describe('Names this process among those of the service'),
  })
  .refine(({ service, instance_id }) => (service === undefined) === (instance_id === undefined), {
    error: 'service and instance_id go together',
  });

/** Who reads, if it says so: then it is counted among the instances that share the limits of its service. */
function readerOf(
  { service, instance_id: instanceId }: z.infer<typeof readerQuery>,
  tenant: TenantId | undefined,
): FlagReader | undefined {
  return service === undefined || instanceId === undefined ? undefined : { tenant, service, instanceId };
}

/** Changes when a flag appears, changes or runs out, not while its ttl_ms counts down: the client does that itself. */
function etagOf({ revision, flags, instances = 0 }: FlagSnapshot): string {
  const content = [revision, instances, ...flags.map((flag) => `${flag.id}@${flag.revision}`).sort()];
  return `W/"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 22)}"`;
}

/** Whether an If-None-Match header names this entity tag (RFC 9110, 13.1.2: weak comparison, a list, or `*`). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  const strong = (tag: string) => tag.trim().replace(/^W\//, '');
  return header !== undefined && (header.trim() === '*' || header.split(',').map(strong).includes(strong(etag)));
}

export interface FlagRoutesOptions {
  readonly times?: Partial<FlagStreamTimes> | undefined;
  /** Monotonic milliseconds. */
  readonly monotonicNow?: (() => number) | undefined;
}

export function flagRoutes(context: ApiContext, options: FlagRoutesOptions = {}): FastifyPluginCallbackZod {
  const { ports, authenticator, metrics } = context;
  const times = { ...FLAG_STREAM_TIMES, ...options.times };
  const monotonicNow = options.monotonicNow ?? (() => performance.now());
  const streams = new Set<FlagStream>();
  let isClosing = false;

  async function openStream(
    request: FastifyRequest,
    reply: FastifyReply,
    query: z.infer<typeof readerQuery>,
  ): Promise<void> {
    if (streams.size >= MAX_STREAMS) {
      throw new TenantryError('RATE_LIMITED', 'Too many flag streams are open.', {
        hint: 'Open one stream per process and share it.',
      });
    }
    const { actor } = callerOf(request);
    const tenant = ownTenantOf(actor);
    let membership: ReturnType<FlagInstances['join']> | undefined;
    const finished = (reason: EndReason) => {
      streams.delete(stream);
      membership?.leave();
      metrics.openStreams.set(streams.size);
      if (reason !== 'closed') metrics.cutStreams.inc({ reason });
      request.log.info({ caller: actor.subject, reason }, 'flag stream ended');
    };
    const { stream, snapshot } = await FlagStream.open({
      feed: ports.flags,
      tenant,
      times,
      monotonicNow,
      isStillAllowed: async () => {
        const caller = await authenticator.identify(request);
        return caller !== undefined && ownTenantOf(caller.actor) === tenant;
      },
      onEnd: finished,
      onRepairFailed: (error) => {
        const message = error instanceof Error ? error.message : String(error);
        request.log.warn({ message }, 'flag stream: repair failed, trying again');
      },
    });
    if (isClosing) {
      stream.end('shutdown');
      throw new TenantryError('STORE_UNAVAILABLE', 'This server is shutting down.', { hint: 'Connect again.' });
    }
    streams.add(stream);
    const reader = readerOf(query, tenant);
    membership = reader && ports.instances.join(reader, (instances) => stream.tellFleet(instances));
    metrics.openStreams.set(streams.size);
    reply.hijack();
    // nginx would hold events back until its buffer is full.
    const streamHeaders = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };
    reply.headers({ ...streamHeaders, 'content-type': 'text/event-stream; charset=utf-8' });
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200);
    stream.start(reply.raw, snapshot, membership?.instances);
  }

  return (app, _options, done) => {
    // server.close() waits for open responses; streams never end by themselves.
    app.addHook('preClose', async () => {
      isClosing = true;
      for (const stream of [...streams]) stream.end('shutdown');
    });

    app.route({
      method: 'GET',
      url: '/v1/flags',
      schema: {
        operationId: 'listFlags',
        tags: ['flags'],
        summary: 'Flags in force now; for clients that poll (If-None-Match)',
        querystring: readerQuery,
        response: { 200: flagSnapshotSchema, 304: z.undefined().describe('Nothing changed since that ETag') },
      },
      handler: async (request, reply) => {
        const tenant = ownTenantOf(callerOf(request).actor);
        const { revision, flags } = await ports.flags.snapshot(tenant);
        refuseForeignRows(
          tenant,
          flags.map((flag) => flag.tenant_id),
        );
        const reader = readerOf(request.query, tenant);
        const snapshot = {
          revision,
          flags: flags.filter((flag) => flag.ttl_ms > 0),
          ...(reader === undefined ? {} : { instances: ports.instances.note(reader) }),
        };
        const etag = etagOf(snapshot);
        reply.header('etag', etag).header('cache-control', 'private, no-cache');
        if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
        return reply.send(snapshot);
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/flags/stream',
      exposeHeadRoute: false,
      config: { errors: ['RATE_LIMITED'] },
      schema: {
        operationId: 'streamFlags',
        tags: ['flags'],
        summary:
          'Flags as server-sent events: `snapshot` on connect and every 30 s, `change` per revision, `fleet` when the ' +
          'number of your instances changes, a ping every 15 s',
        querystring: readerQuery,
        response: {
          200: {
            description: 'Events until either side closes',
            content: { 'text/event-stream': { schema: z.string() } },
          },
        },
      },
      handler: (request, reply) => openStream(request, reply, request.query),
    });

    app.route({
      method: 'POST',
      url: '/v1/flags/acks',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'acknowledgeFlags',
        tags: ['flags'],
        summary: 'An app instance says which revision it obeys',
        querystring: noQuery,
        body: flagAckSchema,
        response: { 204: z.undefined().describe('Noted') },
      },
      handler: async (request, reply) => {
        await ports.flags.acknowledge(callerOf(request).actor.subject, request.body);
        return reply.code(204).send();
      },
    });
    done();
  };
}
