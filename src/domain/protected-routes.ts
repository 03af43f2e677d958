/**
 * First segments of routes that no automatic throttle refuses: without them a tenant could not help itself, and health
 * checks would take healthy instances out.
 */
export const PROTECTED_ROUTES: readonly string[] = [
  'health',
  'healthz',
  'livez',
  'readyz',
  'metrics',
  'login',
  'logout',
  'signin',
  'auth',
  'oauth',
  'billing',
  'webhooks',
  'webhook',
];

/**
 * First segment of a route or path in lower case, without a method (`GET /x`), a version such as /v1 or a prefix /api
 * before it; undefined for the root and where the route is not known.
 */
export function routeSegment(route: string | undefined): string | undefined {
  return route
    ?.slice(route.indexOf('/'))
    .toLowerCase()
    .split(/[/?#]/)
    .find((segment) => segment !== '' && segment !== 'api' && !/^v\d+$/.test(segment));
}
