import type { FastifyInstance } from 'fastify';
import { methodsOf } from './permissions.ts';

const REQUEST_HEADERS = 'authorization, content-type, if-none-match, x-api-key, x-request-id, x-tenantry-key';
const ANSWER_HEADERS = 'etag, ratelimit, ratelimit-policy, retry-after, x-request-id';
const PREFLIGHT_SECONDS = '600';

/**
 * Lets pages of `origins` call the API with a token. Never with cookies: a page of another origin acts for its user by
 * a token that it holds, not by a session that the browser adds. Everybody else gets no word of it.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  app.addHook('onRequest', async (request, reply) => {
    // Caches between must not hand one origin's answer to another.
    reply.header('vary', 'origin');
    const { origin } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return undefined;
    reply.header('access-control-allow-origin', origin);
    const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
    if (!isPreflight) {
      reply.header('access-control-expose-headers', ANSWER_HEADERS);
      return undefined;
    }
    const methods = methodsOf(request.url.split('?')[0] ?? '/');
    if (methods.length === 0) return undefined;
    reply.headers({
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': REQUEST_HEADERS,
      'access-control-max-age': PREFLIGHT_SECONDS,
    });
    return reply.code(204).send();
  });
}
