import type { EmbedView } from '../domain/embed.ts';
import type { PERMISSIONS } from './permissions.ts';

/** What each part of the usage page asks for. Rows of the permission table, and GET alone: a frame changes nothing. */
export const EMBED_ROUTES = {
  usage: ['GET /v1/usage', 'GET /v1/meters', 'GET /v1/storage'],
  quotas: ['GET /v1/quotas'],
  spend: ['GET /v1/caps'],
  limits: ['GET /v1/throttles', 'GET /v1/degradations'],
  performance: ['GET /v1/tenants/:id/metrics'],
} as const satisfies Record<EmbedView, readonly Extract<keyof typeof PERMISSIONS, `GET ${string}`>[]>;

/** For whoever holds any token. */
const ALWAYS = 'GET /v1/whoami';

/** Whether a token with these views opens the route; `url` is its pattern, as the permission table has it. */
export function opensTo(views: readonly EmbedView[], method: string, url: string): boolean {
  const row = `${method === 'HEAD' ? 'GET' : method} ${url}`;
  return row === ALWAYS || views.some((view) => EMBED_ROUTES[view].some((route) => route === row));
}
