/** How many requests who may make: the limits of the API's edge, and the headers that tell callers of them. */
import { isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { TenantryError } from '../domain/errors.ts';
import type { Caller } from './authenticate.ts';
import { accessOf } from './permissions.ts';
import { RateLimiter, type RatePolicy, type Standing } from './rate-limit.ts';

const BURST_SECONDS = 10;
/** About 15 MB for each of five limits, should all be full. */
const MAX_BUCKETS = 100_000;
/** Asked by load balancers and Prometheus; a refusal there would look like an outage. */
const EXEMPT = new Set(['/healthz', '/readyz', '/metrics', '/metrics/tenants']);
/** Long-lived: counted once when they open, and held against a number of their own while they last. */
const STREAMS = new Set(['/v1/flags/stream', '/ofrep/v1/events']);
/** What the middleware of an app needs: no dashboard or export can use it up. */
const FOR_APPS = new Set([
  '/v1/flags',
  '/v1/flags/stream',
  '/v1/flags/acks',
  '/v1/spend/reservations',
  '/v1/spend/settlements',
  '/v1/breakers/reports',
  '/ofrep/v1/events',
  '/ofrep/v1/evaluate/flags',
  '/ofrep/v1/evaluate/flags/:key',
]);

/** Requests a second; 0: no limit. */
export interface ApiLimits {
  readonly addressPerSecond: number;
  readonly userPerSecond: number;
  readonly tenantPerSecond: number;
  readonly keyPerSecond: number;
  readonly flagsPerSecond: number;
  /** Streams that one key or user holds open. */
  readonly streamsPerKey: number;
}

export interface RateLimits {
  /** @throws TenantryError RATE_LIMITED when a caller who is known has used up a limit */
  admit(request: FastifyRequest, reply: FastifyReply, caller: Caller): void;
  /** @throws TenantryError RATE_LIMITED when nobody in particular at this address has used up the limit */
  admitAddress(request: FastifyRequest, reply: FastifyReply): void;
  /** Counts a stream until its response is closed. @throws TenantryError RATE_LIMITED when there are too many */
  holdStream(request: FastifyRequest, reply: FastifyReply, caller: Caller): void;
}

/** One customer of an internet provider has a whole /64; without this it would have as many limits as addresses. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::');
  const front = head.split(':').filter((group) => group !== '');
  const back = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  const groups = [...front, ...(tail === undefined ? [] : zeros), ...back].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** One name for one caller, which no other kind of caller can take. */
function nameOf({ actor, via }: Caller): string {
  if (actor.kind === 'key') return `key ${actor.subject}`;
  return actor.kind === 'tenant'
    ? `${via === 'embed' ? 'frame' : 'user'} ${actor.tenantId} ${actor.subject}`
    : `staff ${actor.subject}`;
}

/** As draft-ietf-httpapi-ratelimit-headers-10 writes them. */
function tell(reply: FastifyReply, standings: readonly Standing[]): void {
  const list = (item: (standing: Standing) => string) => standings.map(item).join(', ');
  reply.headers({
    'ratelimit-policy': list(({ policy, capacity }) => `"${policy.name}";q=${capacity};w=${policy.burstSeconds}`),
    ratelimit: list(
      ({ policy, remaining, fullAfterSeconds }) => `"${policy.name}";r=${remaining};t=${Math.ceil(fullAfterSeconds)}`,
    ),
  });
}

function refusal(detail: string, waitSeconds: number): TenantryError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitSeconds));
  return new TenantryError('RATE_LIMITED', detail, { hint: 'Wait as long as Retry-After says.', retryAfterSeconds });
}

/** @param monotonicNow milliseconds */
export function createRateLimits(limits: ApiLimits, monotonicNow: () => number): RateLimits {
  const limiter = (name: string, perSecond: number) =>
    new RateLimiter({ name, perSecond, burstSeconds: BURST_SECONDS, maxBuckets: MAX_BUCKETS } satisfies RatePolicy);
  const perAddress = limiter('address', limits.addressPerSecond);
  const perUser = limiter('user', limits.userPerSecond);
  const perTenant = limiter('tenant', limits.tenantPerSecond);
  const perKey = limiter('key', limits.keyPerSecond);
  const perApp = limiter('flags', limits.flagsPerSecond);
  const streams = new Map<string, number>();

  /** All or nothing: a request that one limit refuses uses up none of the others. */
  function takeFromAll(
    reply: FastifyReply,
    wanted: readonly (readonly [RateLimiter, string])[],
    quietly: boolean,
  ): void {
    const now = monotonicNow();
    const limiting = wanted.filter(([one]) => !one.isOff);
    const standings = limiting.map(([one, name]) => one.standing(name, now));
    const waitSeconds = Math.max(0, ...standings.map((standing) => standing.waitSeconds));
    if (waitSeconds > 0) {
      tell(reply, standings);
      const used = standings.find((standing) => standing.waitSeconds > 0)?.policy.name ?? '';
      throw refusal(`There were more requests than the limit "${used}" allows.`, waitSeconds);
    }
    for (const [one, name] of limiting) one.take(name, now);
    if (quietly || limiting.length === 0) return;
    tell(
      reply,
      limiting.map(([one, name]) => one.standing(name, now)),
    );
  }

  function limitsOf(caller: Caller, route: string): (readonly [RateLimiter, string])[] {
    const { actor } = caller;
    const name = nameOf(caller);
    if (FOR_APPS.has(route)) return [[perApp, name]];
    const own = [actor.kind === 'key' ? perKey : perUser, name] as const;
    const tenantId = actor.kind === 'staff' ? undefined : actor.tenantId;
    return tenantId === undefined ? [own] : [own, [perTenant, tenantId]];
  }

  return {
    admit(request, reply, caller) {
      const route = request.routeOptions.url ?? '';
      if (!EXEMPT.has(route)) takeFromAll(reply, limitsOf(caller, route), false);
    },
    // Without headers while it goes well: answers to nobody in particular stay the same, whatever came before.
    admitAddress: (request, reply) => takeFromAll(reply, [[perAddress, addressGroup(request.ip)]], true),
    holdStream(request, reply, caller) {
      if (!STREAMS.has(request.routeOptions.url ?? '') || limits.streamsPerKey === 0) return;
      const name = nameOf(caller);
      const open = streams.get(name) ?? 0;
      if (open >= limits.streamsPerKey) {
        throw refusal(`${open} streams are open, which is as many as there can be.`, BURST_SECONDS);
      }
      streams.set(name, open + 1);
      reply.raw.once('close', () => {
        const left = (streams.get(name) ?? 1) - 1;
        if (left === 0) streams.delete(name);
        else streams.set(name, left);
      });
    },
  };
}

/** Counts what anybody may ask for without credentials: pages and their files, sign-in, paths that are not there. */
export function limitAnonymous(app: FastifyInstance, limits: RateLimits): void {
  app.addHook('onRequest', async (request, reply) => {
    const { url = '' } = request.routeOptions;
    const isOpen = request.is404 || accessOf(request.method, url) === 'public';
    if (isOpen && !EXEMPT.has(url)) limits.admitAddress(request, reply);
  });
}
