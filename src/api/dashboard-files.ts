import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';

/** Names that carry a hash of their content (`index-BdG31xQ2.js`, as vite writes them) never change. */
const HASHED = /^assets\/.*-[A-Za-z0-9_-]{8}\.[a-z0-9]+$/;
const API_PATH = /^(v1|ofrep)(\/|$)/;
const PAGE = 'index.html';
/** The page that may stand in frames, and the script that puts it there. No other path is ever framed. */
const FRAMED_PAGE = 'embed/usage';
const FRAME_SCRIPT = 'embed/tenantry-usage.js';

function filesIn(folder: string): ReadonlySet<string> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Set(files.map((file) => relative(folder, file).split(sep).join('/')));
}

/**
 * Lets pages of `origins` frame this answer. `X-Frame-Options` knows no lists and would forbid what the policy allows;
 * every browser that runs the pages goes by the policy.
 */
function allowFraming(reply: FastifyReply, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const policy = String(reply.getHeader('content-security-policy'));
  reply.header(
    'content-security-policy',
    policy.replace("frame-ancestors 'none'", `frame-ancestors ${origins.join(' ')}`),
  );
  // For hosts that demand it of all that they show (Cross-Origin-Embedder-Policy).
  reply.header('cross-origin-resource-policy', 'cross-origin');
  reply.removeHeader('x-frame-options');
}

/** Scripts of other origins are refused by the resource policy otherwise; there is nothing secret in this one. */
function allowAsScript(reply: FastifyReply): void {
  reply.headers({ 'cross-origin-resource-policy': 'cross-origin', 'access-control-allow-origin': '*' });
}

/**
 * Serves the built dashboards, as they are when the server starts: only names that were found then are ever opened.
 * Other paths are the web app's own routes (a tenant id in them may look like a file name): they get index.html when
 * a browser asks for a page, and the API's "not found" otherwise.
 */
export function dashboardFiles(
  publicDir: string,
  answerUnknownRoute: (request: FastifyRequest, reply: FastifyReply) => never,
  embedOrigins: readonly string[],
): FastifyPluginCallback {
  const files = filesIn(publicDir);
  return (app, _options, done) => {
    app.register(fastifyStatic, { root: publicDir, serve: false, cacheControl: false, index: false });
    app.route<{ Params: { '*': string } }>({
      method: 'GET',
      url: '/*',
      schema: { hide: true },
      handler: (request, reply) => {
        const path = request.params['*'];
        const wantsPage = (request.headers.accept ?? '').includes('text/html');
        const isAppRoute = !files.has(path) && wantsPage && !API_PATH.test(path) && !path.startsWith('assets/');
        const file = isAppRoute ? PAGE : path;
        if (!files.has(file)) return answerUnknownRoute(request, reply);
        if (file === FRAME_SCRIPT) allowAsScript(reply);
        if (isAppRoute && path === FRAMED_PAGE) allowFraming(reply, embedOrigins);
        reply.header('cache-control', HASHED.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache');
        return reply.sendFile(file);
      },
    });
    done();
  };
}
