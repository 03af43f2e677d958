/**
 * The event stream of OFREP 0.3 (open-feature/protocol, service/event-streams.yaml): tells a client that an evaluation
 * of its tenant may have changed, not what it is. Events carry nothing of any tenant; clients fetch again.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { FLAG_STREAM_TIMES } from './flag-stream.ts';
import { callerOf, ownTenantOf } from './guard.ts';
import { ofrepSubject } from './ofrep-subject.ts';
import type { FlagFeed } from './ports.ts';

const MAX_STREAMS = 5_000;
/** setTimeout's own limit is 24.8 days; no flag lives that long, but the timer must not fire at once if one did. */
const LONGEST_TIMER_MS = 2_000_000_000;

interface Listening {
  readonly feed: FlagFeed;
  readonly tenant: TenantId;
  readonly response: ServerResponse;
  readonly now: () => number;
  readonly isStillAllowed: () => Promise<boolean>;
  readonly onEnd: () => void;
}

/**
 *   listening --flag changed | flag ended--> event     any --client gone | slow | key revoked | shutdown--> ended
 */
class EvaluationEvents {
  readonly #listening: Listening;
  readonly #unsubscribe: () => void;
  readonly #pings: NodeJS.Timeout;
  #expiry: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(listening: Listening) {
    const { feed, tenant, response } = listening;
    this.#listening = listening;
    this.#unsubscribe = feed.subscribe(tenant, ({ revision, upserts, removals }) => {
      if (upserts.length > 0 || removals.length > 0) this.#tell(revision);
    });
    this.#pings = setInterval(() => void this.#ping(), FLAG_STREAM_TIMES.pingMs);
    response.on('close', () => this.end());
    response.on('error', () => this.end());
    void this.#awaitExpiry();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    clearInterval(this.#pings);
    clearTimeout(this.#expiry);
    this.#listening.response.end();
    this.#listening.onEnd();
  }

  #tell(revision: number): void {
    const { response, now } = this.#listening;
    const data = JSON.stringify({ type: 'refetchEvaluation', lastModified: Math.floor(now() / 1_000) });
    // A client that takes nothing has an event waiting that says the same.
    if (!response.writableNeedDrain) response.write(`id: ${revision}\nevent: message\ndata: ${data}\n\n`);
    void this.#awaitExpiry();
  }

  /** A flag that runs out changes evaluations without a revision. */
  async #awaitExpiry(): Promise<void> {
    const { feed, tenant } = this.#listening;
    const snapshot = await feed.snapshot(tenant).catch(() => undefined);
    const lives = (snapshot?.flags ?? []).map((flag) => flag.ttl_ms);
    clearTimeout(this.#expiry);
    if (this.#ended || snapshot === undefined || lives.length === 0) return;
    const soonest = Math.min(...lives, LONGEST_TIMER_MS);
    this.#expiry = setTimeout(() => this.#tell(snapshot.revision), soonest + 1).unref();
  }

  async #ping(): Promise<void> {
    const { response, isStillAllowed } = this.#listening;
    if (response.writableNeedDrain || !(await isStillAllowed().catch(() => true))) this.end();
    else if (!this.#ended) response.write(': ping\n\n');
  }
}

/** Where the events of a tenant are to be had, as a bulk evaluation says it. */
export function eventStreamOf(tenant: TenantId) {
  const requestUri = `/ofrep/v1/events?targetingKey=${encodeURIComponent(tenant)}`;
  return { type: 'sse', endpoint: { requestUri }, inactivityDelaySec: 120 } as const;
}

export function ofrepEventRoutes({ ports, authenticator, now }: ApiContext): FastifyPluginCallbackZod {
  const open = new Set<EvaluationEvents>();
  let isClosing = false;
  return (app, _options, done) => {
    app.addHook('preClose', async () => {
      isClosing = true;
      for (const events of [...open]) events.end();
    });

    app.route({
      method: 'GET',
      url: '/ofrep/v1/events',
      exposeHeadRoute: false,
      config: { errors: ['RATE_LIMITED'] },
      schema: {
        operationId: 'streamEvaluationEvents',
        tags: ['ofrep'],
        summary: 'OpenFeature: server-sent events that tell when the flags of a tenant are to be fetched again',
        querystring: z.strictObject({ targetingKey: z.string().max(256).describe('The tenant') }),
        response: {
          200: {
            description: 'Events until either side closes',
            content: { 'text/event-stream': { schema: z.string() } },
          },
        },
      },
      handler: async (request, reply) => {
        const { actor } = callerOf(request);
        const { tenant } = ofrepSubject(request.query, actor);
        if (open.size >= MAX_STREAMS) {
          throw new TenantryError('RATE_LIMITED', 'Too many event streams are open.', {
            hint: 'Share one per tenant.',
          });
        }
        if (isClosing) throw new TenantryError('STORE_UNAVAILABLE', 'This server is shutting down.');
        // Who cannot be told the flags cannot be told of their changes either.
        await ports.flags.snapshot(tenant);
        const own = ownTenantOf(actor);
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders()))
          if (value !== undefined) reply.raw.setHeader(name, value);
        reply.raw.writeHead(200, {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store, no-transform',
          // nginx would hold events back until its buffer is full.
          'x-accel-buffering': 'no',
        });
        reply.raw.write(': connected\n\n');
        const events: EvaluationEvents = new EvaluationEvents({
          feed: ports.flags,
          tenant,
          response: reply.raw,
          now,
          isStillAllowed: async () => {
            const caller = await authenticator.identify(request);
            return caller !== undefined && ownTenantOf(caller.actor) === own;
          },
          onEnd: () => open.delete(events),
        });
        open.add(events);
      },
    });
    done();
  };
}
